"""What launching needs of the world: a workload manager, when there is one, and its settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from meshkit.errors import FailedPrecondition
from workspace import names


@dataclass(frozen=True, slots=True)
class LaunchSettings:
    """What workloads are told, and how long things may take.

    `endpoint` is where workloads reach this workspace ("host:port"), `trust` the roots in PEM
    with which they verify it.
    """

    endpoint: Callable[[], str]
    trust: Callable[[], bytes]
    interval_s: float = 5.0
    # How long what was asked to stop, or has ended, may keep its workload.
    stop_grace: timedelta = timedelta(seconds=60)
    cancel_grace: timedelta = timedelta(seconds=30)
    # How long a workload may take to speak, once its manager has a place for it.
    start_patience: timedelta = timedelta(minutes=15)


class Manager(Protocol):
    """A workload manager, reachable or not: stubs of its services."""

    @property
    def uid(self) -> str: ...

    @property
    def display_name(self) -> str:
        """What people call it; may be empty."""
        ...

    def calls(self) -> Any:
        """For unary calls."""
        ...

    def streams(self) -> Any:
        """For watches."""
        ...

    def capacity(self) -> Any:
        """For unary calls of its CapacityService."""
        ...


class WorkloadManagers(Protocol):
    """The workload managers that serve this workspace."""

    @property
    def is_known(self) -> bool:
        """Whether it was told which do: before, none of them can be called gone."""
        ...

    @property
    def is_present(self) -> bool:
        """Whether there is one, reachable or not."""
        ...

    def choose(self, wanted: str) -> Manager | None:
        """The one of this uid; for no uid, the one that takes what names none."""
        ...

    def all(self) -> Mapping[str, Manager]:
        """Every one by its uid."""
        ...

    def require(self) -> None:
        """Raises FailedPrecondition `NO_WORKLOAD_MANAGER` where there is none."""
        ...


def why_none(wanted: str) -> str:
    """Why nothing can be launched, in words, where `choose` answers none."""
    if not wanted:
        return "No workload manager serves this workspace."
    return (
        f"The stack's orchestrator names {names.manager(wanted)}, which does not serve this "
        "workspace."
    )


def absent_manager(wanted: str) -> FailedPrecondition:
    return FailedPrecondition(
        "WORKLOAD_MANAGER_ABSENT",
        f"{why_none(wanted)} Name one that `weft pools list` shows, or enroll it.",
        metadata={"resource": names.manager(wanted)},
    )


def no_manager() -> FailedPrecondition:
    return FailedPrecondition(
        "NO_WORKLOAD_MANAGER",
        "No workload manager serves this workspace: execute the pipeline where it was written, "
        "or enroll a workload manager.",
    )
