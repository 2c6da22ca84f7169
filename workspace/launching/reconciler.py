"""Makes the workload manager do what the database says, and the database say what it did.

A run that is to be launched stands in the database before anybody is asked to launch it. The
name of its workload follows from the run, so asking again after a crash finds the same one.
Whoever holds the job's lease does this; what it writes checks that it still does.
"""

import asyncio
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import grpc
import structlog
from google.protobuf.duration_pb2 import Duration

from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.errors import MeshError
from meshkit.jobs import Lease
from meshkit.session import Session
from weftapi.common.v1 import types_pb2
from weftapi.workloads.v1 import workloads_pb2
from workspace.launching.ports import Manager, WorkloadManagers
from workspace.lifecycle import RUN_TERMINAL
from workspace.operations import launches as operations
from workspace.operations.launches import CANCELLING, INTENDED, SUBMITTED, Observed
from workspace.operations.runs import FORCE
from workspace.run_tokens import RunTokens
from workspace.store import launches as store
from workspace.store import snapshots as snapshot_store
from workspace.store.schema import Launch, Run

log = structlog.get_logger()

RUNNER_ARGS = ("-m", "weft.runner")
_AT_ONCE = 8
_CALL_TIMEOUT_S = 10.0
_LAST_WORDS_BYTES = 4096
# What container runtimes, and our shim, put before each line that a process wrote.
_LINE_PREFIX = re.compile(r"^\S+Z (?:stdout|stderr) [FP] ", re.MULTILINE)
# As much as a state's reason may have anywhere.
_MAX_WORDS = 1024
# Answers that no repetition changes.
_FINAL = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.OUT_OF_RANGE,
    }
)
_OUTCOMES = {
    workloads_pb2.WORKLOAD_STATE_SUCCEEDED: "SUCCEEDED",
    workloads_pb2.WORKLOAD_STATE_FAILED: "FAILED",
    workloads_pb2.WORKLOAD_STATE_CANCELLED: "CANCELLED",
    workloads_pb2.WORKLOAD_STATE_LOST: "LOST",
}


@dataclass(frozen=True, slots=True)
class LaunchSettings:
    """What runners are told, and how long things may take.

    `endpoint` is where runners reach this workspace ("host:port"), `trust` the roots in PEM
    with which they verify it.
    """

    endpoint: Callable[[], str]
    trust: Callable[[], bytes]
    interval_s: float = 5.0
    # How long a run that was asked to stop, or has ended, may keep its workload.
    stop_grace: timedelta = timedelta(seconds=60)
    cancel_grace: timedelta = timedelta(seconds=30)


class Reconciler:
    """A leased job that works for as long as it holds the lease."""

    def __init__(
        self,
        database: Database,
        managers: WorkloadManagers,
        tokens: RunTokens,
        settings: LaunchSettings,
        *,
        clock: Clock,
    ) -> None:
        self._database = database
        self._managers = managers
        self._tokens = tokens
        self._settings = settings
        self._clock = clock
        self._awake = asyncio.Event()

    def wake(self) -> None:
        """Something was committed that concerns launches: look now, not at the next interval."""
        self._awake.set()

    async def run(self, lease: Lease) -> None:
        """Submits, cancels and watches until interrupted."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_acting(lease))
            tasks.create_task(self._keep_watching(lease))

    async def act(self, lease: Lease) -> None:
        """One pass: submits what is intended, cancels what should end."""
        manager = self._managers.current()
        if manager is None:
            return
        room = asyncio.Semaphore(_AT_ONCE)

        async def one(launch: Launch, run: Run) -> None:
            async with room:
                await self._attend(lease, manager, launch, run)

        found = await self._database.read(store.unfinished)
        results = await asyncio.gather(*(one(*pair) for pair in found), return_exceptions=True)
        for (launch, _), result in zip(found, results, strict=True):
            # One launch that cannot be dealt with keeps none of the others.
            if isinstance(result, Exception):
                log.warning("launch_failed", workload=launch.workload, error=str(result))

    async def watch(self, lease: Lease, manager: Manager) -> None:
        """Follows the manager's workloads until the stream ends."""
        listed: set[str] = set()
        is_complete = False
        request = workloads_pb2.WatchWorkloadsRequest()
        async for response in manager.streams().WatchWorkloads(request):
            for workload in response.workloads:
                listed.add(workload.name)
                await self._see(lease, manager, workload)
            for name in response.deleted:
                await self._look_for(lease, manager, name)
            if response.initial_complete and not is_complete:
                is_complete = True
                await self._find_lost(lease, manager, listed)

    async def _keep_acting(self, lease: Lease) -> None:
        while True:
            self._awake.clear()
            try:
                await self.act(lease)
            except MeshError as error:
                log.warning("reconciling_failed", error=error.message)
            try:
                async with asyncio.timeout(self._settings.interval_s):
                    await self._awake.wait()
            except TimeoutError:
                continue

    async def _keep_watching(self, lease: Lease) -> None:
        while True:
            manager = self._managers.current()
            try:
                if manager:
                    await self.watch(lease, manager)
            except (grpc.aio.AioRpcError, MeshError) as error:
                # Blind is not dead: nothing follows for any run from a manager out of reach.
                log.warning("workloads_out_of_sight", error=type(error).__name__)
            await asyncio.sleep(min(1.0, self._settings.interval_s))

    async def _attend(self, lease: Lease, manager: Manager, launch: Launch, run: Run) -> None:
        if launch.state == INTENDED and run.state not in RUN_TERMINAL:
            await self._submit(lease, manager, launch, run)
        elif launch.state == INTENDED or (launch.state == SUBMITTED and self._should_end(run)):
            await self._cancel(lease, manager, launch, run)

    async def _submit(self, lease: Lease, manager: Manager, launch: Launch, run: Run) -> None:
        request = await self._request(run)
        try:
            await manager.calls().SubmitWorkload(request, timeout=_CALL_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            # One of this name is ours: an earlier try reached the manager after all.
            if error.code() in _FINAL:
                words = (error.details() or error.code().name)[:_MAX_WORDS]
                await self._write(lease, operations.refused, launch, words)
                return
            if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
                raise
        await self._write(lease, operations.submitted, launch)

    async def _request(self, run: Run) -> workloads_pb2.SubmitWorkloadRequest:
        found = await self._database.read(snapshot_store.to_run, run.project, {run.snapshot})
        environment = found[run.snapshot].environment
        workload = workloads_pb2.Workload(
            kind=workloads_pb2.WORKLOAD_KIND_RUNNER,
            labels={"project": run.project, "run": run.id},
            args=RUNNER_ARGS,
            env={"WEFT_ENDPOINT": self._settings.endpoint(), "WEFT_RUN": run.name},
            environment=types_pb2.PythonEnvironment(**environment) if environment else None,
            secret_files={
                "WEFT_RUN_TOKEN_FILE": self._tokens.issue(run),
                "WEFT_CA_FILE": self._settings.trust().decode(),
            },
        )
        return workloads_pb2.SubmitWorkloadRequest(workload_id=run.workload, workload=workload)

    def _should_end(self, run: Run) -> bool:
        now, grace = self._clock.now(), self._settings.stop_grace
        if run.state in RUN_TERMINAL:
            return run.end_time is not None and now >= run.end_time + grace
        if run.stop_request is None:
            return False
        # Until a runner has spoken there is nobody who could stop gracefully.
        is_unheard = run.reporter is None
        is_forced = run.stop_request["mode"] == FORCE
        return is_forced or is_unheard or now >= run.update_time + grace

    async def _cancel(self, lease: Lease, manager: Manager, launch: Launch, run: Run) -> None:
        reason = (run.stop_request or {}).get("reason") or f"The run is {run.state}."
        is_forced = (run.stop_request or {}).get("mode") == FORCE
        grace = (
            timedelta(0) if is_forced and run.state in RUN_TERMINAL else self._settings.cancel_grace
        )
        period = Duration()
        period.FromTimedelta(grace)
        request = workloads_pb2.CancelWorkloadRequest(
            name=f"workloads/{launch.workload}", grace_period=period, reason=reason
        )
        try:
            await manager.calls().CancelWorkload(request, timeout=_CALL_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise
            gone = Observed(launch.workload, "CANCELLED", "It was stopped before it started.")
            await self._write(lease, operations.observed, gone)
            return
        await self._write(lease, operations.cancelling, launch)

    async def _see(self, lease: Lease, manager: Manager, workload: workloads_pb2.Workload) -> None:
        seen = observed(workload)
        # Most of what a manager lists ended long ago, and is settled.
        if await self._database.read(store.by_workload, seen.workload):
            if seen.outcome == "FAILED":
                seen = replace(seen, last_words=await _last_words(manager, workload.name))
            await self._write(lease, operations.observed, seen)

    async def _find_lost(self, lease: Lease, manager: Manager, listed: Iterable[str]) -> None:
        """Asks about every workload that should be there and was not listed."""
        known = set(listed)
        for launch, _ in await self._database.read(store.unfinished):
            name = f"workloads/{launch.workload}"
            if launch.state in (SUBMITTED, CANCELLING) and name not in known:
                await self._look_for(lease, manager, name)

    async def _look_for(self, lease: Lease, manager: Manager, name: str) -> None:
        """A workload that seems gone: it is, only if the manager says so of it by name."""
        request = workloads_pb2.GetWorkloadRequest(name=name)
        try:
            workload = await manager.calls().GetWorkload(request, timeout=_CALL_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise
            words = "The workload manager no longer knows its workload."
            lost = Observed(name.removeprefix("workloads/"), "LOST", words, "WORKLOAD_LOST")
            await self._write(lease, operations.observed, lost)
            return
        await self._see(lease, manager, workload)

    async def _write(self, lease: Lease, operation: Callable[..., None], *arguments: Any) -> None:
        await self._database.write(_fenced, lease, operation, arguments)


async def _last_words(manager: Manager, name: str) -> str:
    """The end of what a workload wrote; nothing where it is not to be had: it only explains."""
    kept: bytes = b""
    request = workloads_pb2.TailWorkloadLogsRequest(name=name)
    try:
        async with asyncio.timeout(_CALL_TIMEOUT_S):
            async for part in manager.streams().TailWorkloadLogs(request):
                kept = bytes(kept + part.data)[-_LAST_WORDS_BYTES:]
                if part.end_of_stream:
                    return _LINE_PREFIX.sub("", kept.decode(errors="replace"))
    except (grpc.aio.AioRpcError, TimeoutError) as error:
        log.warning("last_words_out_of_reach", workload=name, error=type(error).__name__)
    return ""


def observed(workload: workloads_pb2.Workload) -> Observed:
    """What a workload's state means for its run."""
    outcome = _OUTCOMES.get(workload.state, "")
    exit_ = workload.exit
    words = ((exit_.message if outcome else "") or workload.state_reason)[:_MAX_WORDS]
    if outcome == "SUCCEEDED":
        words = "Its workload ended without saying how the run did."
    code = "WORKLOAD_LOST" if outcome == "LOST" else "WORKLOAD_FAILED"
    if exit_.out_of_memory:
        code = "OUT_OF_MEMORY"
    elif exit_.timed_out:
        code = "TIMEOUT"
    return Observed(workload.name.removeprefix("workloads/"), outcome, words, code)


def _fenced(
    session: Session, lease: Lease, operation: Callable[..., None], arguments: tuple[Any, ...]
) -> None:
    lease.check(session)
    operation(session, *arguments)
