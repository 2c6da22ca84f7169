"""Engines that execute workloads, behind one protocol: local processes, or Kubernetes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from workloads.model import Secrets, Workload, WorkloadKey, WorkloadSpec
from workloads.pools import Cordon, Fit, Pool


@dataclass(frozen=True, slots=True)
class Observation:
    """A workload as the engine has it now, or that it has it no more."""

    workload: Workload
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class LogChunk:
    """Bytes of a workload's log, from a byte offset on.

    The bytes are lines in the format of Kubernetes' CRI: `<time> <stream> <F|P> <text>`.
    `is_end` says that nothing will ever follow.
    """

    offset: int
    data: bytes
    is_end: bool

    @property
    def next_offset(self) -> int:
        return self.offset + len(self.data)


class Launcher(Protocol):
    """An engine. It is its own database: a new manager reads back from it all that happened."""

    # What it is called: "process", "kubernetes".
    engine: str

    async def problems(self, spec: WorkloadSpec) -> list[str]:
        """Why it could never execute such a workload, a sentence each."""
        ...

    def observe(self, sink: Callable[[Observation], None]) -> None:
        """Hands every known workload to `sink`, and from then on every change, in order.

        A change caused by a call of this launcher reaches the sink before the call returns.
        """
        ...

    async def launch(self, key: WorkloadKey, spec: WorkloadSpec, secrets: Secrets) -> None:
        """Accepts a workload durably; it will execute at most once, however often this is called.

        Raises AlreadyExists where the key was accepted with another spec.
        """
        ...

    async def cancel(self, key: WorkloadKey, *, grace_s: float, reason: str) -> None:
        """Asks a workload to end, and kills it after `grace_s`; nothing where it has ended.

        Raises NotFound. Durable: a restarted manager goes on with it.
        """
        ...

    def leads(self) -> bool:
        """Whether this manager, of all that share the engine, does what one of them has to do."""
        ...

    async def delete(self, key: WorkloadKey) -> None:
        """Forgets an ended workload and its log. Raises NotFound, FailedPrecondition."""
        ...

    async def read_log(self, key: WorkloadKey, offset: int, limit: int) -> LogChunk:
        """Reads at most `limit` bytes of whole lines; raises NotFound, OutOfRange."""
        ...

    async def log_changed(self, key: WorkloadKey, offset: int) -> None:
        """Returns when the log is longer than `offset`, or the workload has ended."""
        ...


class Room(Protocol):
    """How much room an engine has, and which of it takes nothing new."""

    async def pools(self) -> list[Pool]:
        """Its pools by id, with what is in them. Raises Unavailable."""
        ...

    def pool_of(self, spec: WorkloadSpec) -> tuple[str, Cordon | None]:
        """The pool that such a workload goes to, and whether that takes nothing new."""
        ...

    def lacking(self, spec: WorkloadSpec) -> Fit | None:
        """What it asks for and could never have, as far as is known without asking."""
        ...

    async def fits(self, specs: Sequence[WorkloadSpec]) -> list[Fit | None]:
        """As `lacking`, with what it takes to ask for. Raises Unavailable."""
        ...

    async def cordon(self, pool: str, cordon: Cordon | None) -> None:
        """Lets a pool take nothing new, or take workloads again; durable when it returns.

        Raises NotFound, FailedPrecondition CORDON_NOT_KEPT, Unavailable.
        """
        ...


class Engine(Launcher, Room, Protocol):
    """A launcher that is entered before it is used, and left when the manager goes."""

    async def __aenter__(self) -> Self:
        """Goes on with whatever is there."""
        ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leaves the workloads to the next manager."""
        ...
