"""The embedded engine: local processes, each under its own shim.

Its database is a directory. A workload is accepted by a folder that appears in one step, and
executed by whichever shim links `claim.json` first; whatever is killed in between, at most one
is ever admitted, and a restarted manager finds out which by pid and start time.
"""

import asyncio
import contextlib
import fcntl
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from meshkit.clock import Clock
from meshkit.errors import (
    AlreadyExists,
    FailedPrecondition,
    NotFound,
    OutOfRange,
    ResourceExhausted,
    Unavailable,
)
from meshkit.ids import new_uid
from workloads.launchers import LogChunk, Observation
from workloads.launchers.environments import Environments
from workloads.launchers.execution import attend, execute, give_up
from workloads.launchers.folder import Folder, Intent, StateDirectory, child_environment
from workloads.launchers.lines import Lines
from workloads.launchers.machine import POOL, Machine
from workloads.launchers.record import Record
from workloads.lifecycle import WorkloadState
from workloads.model import Secrets, WorkloadKey, WorkloadSpec
from workloads.pools import Cordon, Fit, Pool
from workloads.shim import files

log = structlog.get_logger()

_LOG_POLL_S = 0.2
# A line of the log is at most 16 KiB and its prefix, so that a read always holds a whole one.
_MIN_READ_BYTES = 32 << 10
_TRY_AGAIN_S = 5.0
_NO_BUILDS = (
    "Workloads are local processes here, and an image is built inside its base: build it where you "
    "submit, with the image builder local-image-builder or `weft image push`."
)


@dataclass(frozen=True, slots=True)
class ProcessSettings:
    """How local workloads are executed."""

    state_directory: Path
    slots: int
    """Workloads that execute at once, and as many steps of runs; the rest is queued."""
    environment: dict[str, str]
    """What every workload's environment starts from: PATH, HOME, LANG."""
    max_queued: int = 10_000
    """Workloads that may wait for a slot; more are refused."""
    grace_s: float = 10.0
    """Between SIGTERM and SIGKILL where a timeout, or a shutdown of the host, ends a workload."""
    log_limit_bytes: int = 256 << 20
    """Size at which a workload's log stops growing, and says so."""
    cgroup: str = ""
    """A cgroup v2 directory delegated to the manager; without one limits are not enforced."""
    project_slots: Mapping[str, int] = field(default_factory=dict)
    """How many slots a project may have, of each kind; as many as there are where it is absent."""
    gpus: int | None = None
    """GPUs of the machine; None counts them."""


class ProcessLauncher:
    """Executes workloads as local processes (protocol: workloads.launchers.Launcher).

    An async context manager: leaving it leaves the workloads running, for the next manager. A
    supervisor must leave them, too: under systemd that is `KillMode=process`.
    """

    engine = "process"

    def __init__(self, settings: ProcessSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._directory = StateDirectory(settings.state_directory)
        self._environments = Environments(settings.state_directory / "environments")
        self._records: dict[WorkloadKey, Record] = {}
        self._lines = Lines(settings.slots, settings.project_slots)
        self._machine = Machine(
            settings.state_directory,
            slots=settings.slots,
            project_slots=settings.project_slots,
            gpus=settings.gpus,
        )
        self._sink: Callable[[Observation], None] = lambda _: None
        self._executing: set[asyncio.Task[None]] = set()
        self._changing: set[asyncio.Task[None]] = set()
        self._submitting = asyncio.Lock()
        self._lock_descriptor = -1

    async def __aenter__(self) -> Self:
        """Takes the directory, and goes on with whatever is in it.

        Raises BlockingIOError where another manager holds it.
        """
        self._lock_descriptor = os.open(self._directory.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock_descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._machine.recover()
            records = await asyncio.to_thread(self._recover)
        except BaseException:
            os.close(self._lock_descriptor)
            raise
        self._lines.close(self._machine.closed())
        for record in sorted(records, key=lambda record: record.intent.uid):
            self._resume(record)
        self._fill()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.gather(*self._changing, return_exceptions=True)
        for task in self._executing:
            task.cancel()
        await asyncio.gather(*self._executing, return_exceptions=True)
        os.close(self._lock_descriptor)

    # The protocol; see Launcher.

    def observe(self, sink: Callable[[Observation], None]) -> None:
        self._sink = sink
        for record in self._records.values():
            record.announce()

    async def problems(self, spec: WorkloadSpec) -> list[str]:
        fit = self.lacking(spec)
        return [fit.problem] if fit else [_NO_BUILDS] if spec.kind == "BUILD" else []

    async def launch(self, key: WorkloadKey, spec: WorkloadSpec, secrets: Secrets) -> None:
        if spec.kind == "BUILD":
            raise FailedPrecondition("BUILD_NOT_POSSIBLE", _NO_BUILDS)
        await self._completely(self._launch(key, spec, secrets))

    async def cancel(self, key: WorkloadKey, *, grace_s: float, reason: str) -> None:
        await self._completely(self._cancel(self._find(key), grace_s, reason))

    def leads(self) -> bool:
        """Always: whoever holds the directory is alone."""
        return True

    async def delete(self, key: WorkloadKey) -> None:
        await self._completely(self._delete(self._find(key)))

    async def read_log(self, key: WorkloadKey, offset: int, limit: int) -> LogChunk:
        record = self._find(key)
        is_whole = record.state.is_terminal  # asked first: later lines could not be missed
        limit = max(limit, _MIN_READ_BYTES)
        data = await asyncio.to_thread(record.folder.read_log, offset, limit)
        if not data and offset > (size := record.folder.log_size()):
            raise OutOfRange(
                "LOG_OFFSET_GAP",
                f"the log has {size} bytes, so it cannot be read from byte {offset}",
                metadata={"expected": str(size)},
            )
        is_end = is_whole and len(data) < limit
        # A line that is still being written is not served before it is whole.
        return LogChunk(offset, data if is_end else data[: data.rfind(b"\n") + 1], is_end)

    async def log_changed(self, key: WorkloadKey, offset: int) -> None:
        record = self._find(key)
        while record.folder.log_size() <= offset and not record.state.is_terminal:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOG_POLL_S):
                    await record.ended.wait()

    # Its room; see Room.

    async def pools(self) -> list[Pool]:
        return [self._machine.pool(self._lines)]

    def pool_of(self, spec: WorkloadSpec) -> tuple[str, Cordon | None]:  # noqa: ARG002  # one for all
        return POOL, self._machine.cordon

    def lacking(self, spec: WorkloadSpec) -> Fit | None:
        return self._machine.lacking(spec)

    async def fits(self, specs: Sequence[WorkloadSpec]) -> list[Fit | None]:
        return [self.lacking(spec) for spec in specs]

    async def cordon(self, pool: str, cordon: Cordon | None) -> None:
        if pool != POOL:
            name = f"pools/{pool}"
            raise NotFound("RESOURCE_NOT_FOUND", f"there is no {name}", metadata={"resource": name})
        await self._completely(asyncio.to_thread(self._machine.keep, cordon))
        self._lines.close(self._machine.closed())
        self._fill()

    # Changes.

    async def _completely(self, change: Awaitable[None]) -> None:
        """Completes what has begun on disk, even where its caller goes away in between."""
        task = asyncio.ensure_future(change)
        self._changing.add(task)
        task.add_done_callback(self._changing.discard)
        try:
            await asyncio.shield(task)
        except OSError as error:
            raise Unavailable(
                "UPSTREAM_UNAVAILABLE",
                f"the workload manager cannot write its state: {error.strerror}",
                metadata={"service": "state directory"},
                retry_after_s=5,
            ) from error

    async def _launch(self, key: WorkloadKey, spec: WorkloadSpec, secrets: Secrets) -> None:
        async with self._submitting:
            known = self._records.get(key)
            if known is None:
                await self._accept(key, spec, secrets)
            elif known.intent.spec != spec:
                raise AlreadyExists(
                    "WORKLOAD_CONFLICT",
                    f"{key.name} was submitted with another specification; choose another id",
                    metadata={"resource": key.name},
                )

    async def _accept(self, key: WorkloadKey, spec: WorkloadSpec, secrets: Secrets) -> None:
        if len(self._lines) >= self._settings.max_queued:
            raise ResourceExhausted(
                "WRITE_QUEUE_FULL",
                f"{len(self._lines)} workloads wait already; submit again later",
                retry_after_s=10,
            )
        intent = Intent(key, new_uid(), self._clock.now(), spec)
        launch = self._launch_order(intent, secrets)
        folder = await asyncio.to_thread(self._directory.create, intent, launch, secrets)
        record = self._record(intent, folder)
        self._records[key] = record
        self._lines.add(record)
        record.announce()
        self._fill()

    def _launch_order(self, intent: Intent, secrets: Secrets) -> files.Json:
        path = self._directory.path(intent.key)
        spec, settings = intent.spec, self._settings
        return {
            "argv": self._environments.command(spec),
            "env": child_environment(settings.environment, intent, secrets, path),
            "cwd": str(path / files.WORK),
            "timeout_s": spec.timeout_s,
            "grace_s": settings.grace_s,
            "log_limit_bytes": settings.log_limit_bytes,
            "cgroup": settings.cgroup,
            "memory_bytes": spec.memory_bytes,
            "cpu_millis": spec.cpu_millis,
        }

    async def _cancel(self, record: Record, grace_s: float, reason: str) -> None:
        async with record.lock:
            if record.state.is_terminal:
                return
            order = await asyncio.to_thread(
                record.folder.order_cancel, grace_s=grace_s, reason=reason
            )
            if self._lines.leave(record):
                await give_up(record, "")
                self._fill()
                return
            record.move(WorkloadState.CANCELLING, order["reason"])
            if record.handle is not None:
                record.handle.send(signal.SIGTERM)

    async def _delete(self, record: Record) -> None:
        async with record.lock:
            if not record.state.is_terminal:
                raise FailedPrecondition(
                    "WORKLOAD_NOT_ENDED",
                    f"{record.key.name} is {record.state.value}; cancel it before deleting it",
                    metadata={"resource": record.key.name, "state": record.state.value},
                )
            if self._records.get(record.key) is not record:
                return
            await asyncio.to_thread(self._directory.remove, record.folder)
            del self._records[record.key]
            record.announce(is_deleted=True)

    # The queue and its slots.

    def _fill(self) -> None:
        """Starts what fits, and tells those who wait how long the queue before them is."""
        while record := self._lines.next():
            self._occupy(record, execute)
        self._lines.explain()

    def _occupy(self, record: Record, work: Callable[[Record], Awaitable[None]]) -> None:
        """Works on a workload, which holds a slot until it has ended."""
        self._lines.occupy(record)
        task = asyncio.create_task(_persist(record, work))
        self._executing.add(task)
        task.add_done_callback(lambda task: self._vacate(record, task))

    def _vacate(self, record: Record, task: asyncio.Task[None]) -> None:
        self._executing.discard(task)
        self._lines.vacate(record)
        if not task.cancelled():
            self._fill()

    # Restarts.

    def _recover(self) -> list[Record]:
        records = []
        for key, folder in self._directory.recover():
            try:
                records.append(self._record(folder.intent(key), folder))
            except (OSError, ValueError, KeyError, TypeError):
                # One that nobody can read must not keep the others from being found again.
                log.exception("workload_parked", key=str(key), at=str(self._directory.park(folder)))
        return records

    def _resume(self, record: Record) -> None:
        self._records[record.key] = record
        if record.state.is_terminal:
            return
        if record.folder.claim() is not None:
            self._occupy(record, attend)
        elif record.folder.order_to_cancel() is not None:
            self._occupy(record, lambda record: give_up(record, ""))
        else:
            self._lines.add(record)

    def _record(self, intent: Intent, folder: Folder) -> Record:
        return Record(intent, folder, self._tell)

    def _tell(self, change: Observation) -> None:
        self._sink(change)

    def _find(self, key: WorkloadKey) -> Record:
        record = self._records.get(key)
        if record is None:
            raise NotFound(
                "RESOURCE_NOT_FOUND", f"there is no {key.name}", metadata={"resource": key.name}
            )
        return record


async def _persist(record: Record, work: Callable[[Record], Awaitable[None]]) -> None:
    """Works until it is done: blindness (no descriptors, a sick disk) is no workload's end."""
    while True:
        try:
            await work(record)
        except OSError:
            log.exception("workload_not_observed", key=str(record.key))
            await asyncio.sleep(_TRY_AGAIN_S)
        else:
            return
