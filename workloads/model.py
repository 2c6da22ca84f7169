"""Workloads as this service thinks of them, whatever engine executes them."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from workloads.lifecycle import WorkloadState, path
from workloads.pods import Pod


@dataclass(frozen=True, slots=True, order=True)
class WorkloadKey:
    """A workload's identity: the workspace that owns it, and the id that this one chose."""

    owner: UUID
    id: str

    @property
    def name(self) -> str:
        """The resource name, as the owner knows it."""
        return f"workloads/{self.id}"

    def __str__(self) -> str:
        return f"{self.owner}/{self.id}"


@dataclass(frozen=True, slots=True)
class Environment:
    """A Python environment: an interpreter on one host, and how to rebuild it on another."""

    executable: str = ""
    host: str = ""
    version: str = ""
    requirements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkloadSpec:
    """What to execute: immutable, free of secrets, answered to the owner as it was sent."""

    # Arguments of the interpreter: ("-m", "weft.runner").
    args: tuple[str, ...]
    kind: str = "RUNNER"
    env: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    environment: Environment = Environment()
    # Empty means the engine's own.
    image: str = ""
    # The run that it works for, and with kind STEP which attempt of which step.
    run: str = ""
    step: str = ""
    attempt: int = 0
    # With kind BUILD: the build that it works for.
    build: str = ""
    # 0 means no limit.
    cpu_millis: int = 0
    memory_bytes: int = 0
    gpu_count: int = 0
    # Empty means the engine's own.
    gpu_resource: str = ""
    ephemeral_storage_bytes: int = 0
    pod: Pod = field(default_factory=Pod)
    # Seconds; None means for ever.
    timeout_s: float | None = None
    # Seconds until an ended workload is removed; None means the manager's default.
    ttl_s: float | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "WorkloadSpec":
        rest = dict(content)
        environment = dict(rest.pop("environment"))
        requirements = tuple(environment.pop("requirements"))
        return cls(
            args=tuple(rest.pop("args")),
            environment=Environment(requirements=requirements, **environment),
            pod=Pod.from_json(rest.pop("pod", {})),
            **rest,
        )


def project_of(spec: WorkloadSpec) -> str:
    """The project that a workload works for; empty where it does not say."""
    return (spec.run or spec.build).removeprefix("projects/").partition("/")[0]


@dataclass(frozen=True, slots=True)
class Secrets:
    """Contents of files that only the workload can read, by the variable that names the path."""

    files: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Exit:
    """How a workload ended. `code` is 128 + signal where a signal killed it."""

    message: str
    code: int = 0
    signal: int = 0
    is_oom: bool = False
    is_timeout: bool = False


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload as last observed."""

    key: WorkloadKey
    uid: UUID
    spec: WorkloadSpec
    state: WorkloadState
    create_time: datetime
    # Why it is in its state, in words.
    reason: str = ""
    exit: Exit | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    # What the engine calls it.
    engine_reference: str = ""
    are_limits_enforced: bool = False

    def becoming(self, target: "Workload") -> Iterator["Workload"]:
        """This workload in every state on the legal way to `target`, which is the last.

        Nothing where no way leads there: what ended stays as it ended.
        """
        for state in path(self.state, target.state) or ():
            is_there = state is target.state
            yield target if is_there else replace(self, state=state, reason="")
