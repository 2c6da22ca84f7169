"""What launching needs of the world: a workload manager, when there is one."""

from typing import Any, Protocol

from meshkit.errors import FailedPrecondition


class Manager(Protocol):
    """A workload manager within reach: stubs of its WorkloadService."""

    def calls(self) -> Any:
        """For unary calls."""
        ...

    def streams(self) -> Any:
        """For watches."""
        ...


class WorkloadManagers(Protocol):
    """The workload managers that serve this workspace."""

    @property
    def is_present(self) -> bool:
        """Whether there is one, reachable or not."""
        ...

    def current(self) -> Manager | None:
        """The one that new workloads go to."""
        ...

    def require(self) -> None:
        """Raises FailedPrecondition `NO_WORKLOAD_MANAGER` where there is none."""
        ...


def no_manager() -> FailedPrecondition:
    return FailedPrecondition(
        "NO_WORKLOAD_MANAGER",
        "No workload manager serves this workspace: execute the pipeline where it was written, "
        "or enroll a workload manager.",
    )
