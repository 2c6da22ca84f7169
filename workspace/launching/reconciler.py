"""Makes workload managers do what the database says, and the database say what they did.

A run that is to be launched stands in the database before anybody is asked to launch it. The
name of its workload follows from the run, so asking again after a crash finds the same one.
Whoever holds the job's lease does this; what it writes checks that it still does.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import grpc
import structlog

from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.errors import MeshError
from meshkit.feed import StoredEvent
from meshkit.jobs import Lease
from meshkit.session import Session
from weftapi.common.v1 import types_pb2
from weftapi.workloads.v1 import workloads_pb2
from weftapi.workspace.v1 import run_types_pb2
from workspace.building.desk import BuildDesk
from workspace.encoding import decode
from workspace.launching import calls
from workspace.launching.build_launches import BuildLaunches
from workspace.launching.last_lines import LastLines
from workspace.launching.placing import Placing, gone, unstarted
from workspace.launching.ports import LaunchSettings, Manager, WorkloadManagers
from workspace.launching.step_launches import StepLaunches
from workspace.lifecycle import RUN_TERMINAL
from workspace.operations import admission
from workspace.operations import launches as operations
from workspace.operations.launches import CANCELLING, INTENDED, SUBMITTED, Observed
from workspace.operations.runs import FORCE
from workspace.run_tokens import WAITING_LIFETIME, RunTokens
from workspace.stacks.orchestrators import limits_of, orchestrator_of
from workspace.stacks.pods import pod_of
from workspace.store import builds as build_store
from workspace.store import launches as store
from workspace.store import snapshots as snapshot_store
from workspace.store.schema import Launch, Run, Step
from workspace.store.schema_snapshots import Build

log = structlog.get_logger()
T = TypeVar("T")

RUNNER_ARGS = ("-m", "weft.runner")
_AT_ONCE = 8
_EXECUTING = frozenset({run_types_pb2.STEP_STATE_RUNNING, run_types_pb2.STEP_STATE_PAUSED})


class Reconciler:
    """A leased job that works for as long as it holds the lease."""

    def __init__(
        self,
        database: Database,
        managers: WorkloadManagers,
        tokens: RunTokens,
        settings: LaunchSettings,
        builds: BuildDesk,
        *,
        last_lines: LastLines,
        clock: Clock,
    ) -> None:
        self._database = database
        self._managers = managers
        self._tokens = tokens
        self._settings = settings
        self._clock = clock
        self._awake = asyncio.Event()
        write, look_for = self._write, self._look_for
        self._placing = Placing(database, managers, write=write, look_for=look_for)
        self._builds = BuildLaunches(
            database, builds, managers, settings, write=write, look_for=look_for, clock=clock
        )
        self._steps = StepLaunches(
            database,
            tokens,
            settings,
            placing=self._placing,
            write=write,
            look_for=look_for,
            lacking=self._builds.lacking,
            last_lines=last_lines,
            clock=clock,
        )
        # Whether this replica holds the lease, and runs wait for others to end.
        self._is_acting = self._has_line = False
        database.feed.tell(self._hear)

    def wake(self) -> None:
        """Something was committed that concerns launches: look now, not at the next interval."""
        self._awake.set()

    async def run(self, lease: Lease) -> None:
        """Submits, cancels and watches until interrupted."""
        self._is_acting = True
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_acting(lease))
                tasks.create_task(self._keep_watching(lease))
        finally:
            self._is_acting = False

    async def act(self, lease: Lease) -> None:
        """One pass: lets in who waits, submits what is intended, cancels what should end."""
        if not self._managers.is_known:
            return
        if self._managers.is_present:
            await self._admit(lease)
        room = asyncio.Semaphore(_AT_ONCE)

        async def one(launch: Launch, run: Run) -> None:
            async with room:
                await self._attend(lease, launch, run)

        found = await self._database.read(store.unfinished)
        await self._placing.choose(lease, found)
        results = await asyncio.gather(*(one(*pair) for pair in found), return_exceptions=True)
        for (launch, _), result in zip(found, results, strict=True):
            # One launch that cannot be dealt with keeps none of the others.
            if isinstance(result, Exception):
                log.warning("launch_failed", workload=launch.workload, error=str(result))
            if isinstance(result, grpc.aio.AioRpcError) and launch.state == INTENDED:
                await self._not_taken(lease, launch, result)
        await self._steps.act(lease, room)
        await self._builds.act(lease, room)

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

    def _hear(self, events: Sequence[StoredEvent]) -> None:
        """Runs that begin or end on any replica, steps executed apart that move: look at once."""
        if self._is_acting and any(map(self._concerns, events)):
            self.wake()

    def _concerns(self, event: StoredEvent) -> bool:
        if event.resource_type == Step.resource_type:
            return event.type == "UPDATED" and _needs_its_workload(decode(event.event).step)
        if event.resource_type == Build.resource_type or event.type == "CREATED":
            return event.resource_type in (Build.resource_type, Run.resource_type)
        is_run = event.resource_type == Run.resource_type
        return is_run and self._has_line and decode(event.event).run.HasField("end_time")

    async def _admit(self, lease: Lease) -> None:
        self._has_line = await self._database.read(store.has_line)
        if self._has_line:
            self._has_line = await self._write(lease, admission.admit)

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
        """A watch of each manager: one that is silent keeps nobody from hearing the others."""
        watches: dict[str, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as tasks:
            while True:
                managers = self._managers.all()
                # One that left, and came back between two looks, has nobody who watches it.
                watches = {uid: watch for uid, watch in watches.items() if not watch.done()}
                for uid in managers.keys() - watches.keys():
                    watches[uid] = tasks.create_task(self._keep_watching_one(lease, uid))
                for uid in watches.keys() - managers.keys():
                    watches.pop(uid).cancel()
                await asyncio.sleep(self._pause_s)

    async def _keep_watching_one(self, lease: Lease, uid: str) -> None:
        while manager := self._managers.all().get(uid):
            try:
                await self.watch(lease, manager)
            except (grpc.aio.AioRpcError, MeshError) as error:
                # Blind is not dead: nothing follows for any run from a manager out of reach.
                log.warning("workloads_out_of_sight", manager=uid, error=type(error).__name__)
            await asyncio.sleep(self._pause_s)

    @property
    def _pause_s(self) -> float:
        return min(1.0, self._settings.interval_s)

    async def _attend(self, lease: Lease, launch: Launch, run: Run) -> None:
        manager = self._placing.of(launch)
        if manager is None and launch.state == INTENDED:
            await self._wait(lease, launch, run)
        elif manager is None:
            await self._bereft(lease, launch, run)
        elif launch.state == INTENDED and run.state not in RUN_TERMINAL:
            if not await self._lacks_images(lease, launch, run):
                await self._submit(lease, manager, launch, run)
        elif launch.state == INTENDED or (launch.state == SUBMITTED and self._should_end(run)):
            await self._cancel(lease, manager, launch, run)
        elif launch.state == SUBMITTED and self._is_overdue(launch, run):
            await self._give_up(lease, manager, launch)

    async def _wait(self, lease: Lease, launch: Launch, run: Run) -> None:
        """Nobody was asked for the run, as nobody is there who could be."""
        if run.stop_request or run.state in RUN_TERMINAL:
            await self._write(lease, operations.observed, unstarted(launch))
        elif (words := await self._placing.why_none(run)) != run.state_reason:
            await self._write(lease, operations.delayed, launch, words, None)

    async def _bereft(self, lease: Lease, launch: Launch, run: Run) -> None:
        """The manager of the run is gone: another one has its workload, or only it can say."""
        if await self._placing.adopt(lease, launch):
            return
        said = Observed(launch.workload, words=gone(launch), manager=launch.manager)
        if self._should_end(run):
            await self._write(lease, operations.observed, replace(said, outcome="CANCELLED"))
        elif self._is_overdue(launch, run):
            patience = self._settings.start_patience
            await self._write(lease, operations.never_started, launch, patience)
        elif run.reporter is None and not (launch.start_by and run.state_reason == said.words):
            start_by = launch.start_by or self._start_by()
            await self._write(lease, operations.observed, replace(said, start_by=start_by))

    async def _lacks_images(self, lease: Lease, launch: Launch, run: Run) -> bool:
        """Whether a run's images are not there; says so, and ends it where they never will be."""
        lacking = await self._builds.lacking(run)
        if lacking is None:
            return False
        if lacking.outcome:
            seen = replace(lacking, workload=launch.workload, manager=launch.manager)
            await self._write(lease, operations.observed, seen)
        elif run.state_reason != lacking.words:
            await self._write(lease, operations.delayed, launch, lacking.words, None)
        return True

    async def _submit(self, lease: Lease, manager: Manager, launch: Launch, run: Run) -> None:
        words = await calls.submit(manager, await self._request(run))
        if words:
            await self._write(lease, operations.refused, launch, words)
        else:
            await self._write(lease, operations.submitted, launch, self._start_by())

    async def _not_taken(self, lease: Lease, launch: Launch, error: grpc.aio.AioRpcError) -> None:
        """Says why a run waits; ends one whose manager has turned us away for long."""
        words, give_up = calls.why_later(error), None
        if calls.is_refusal(error):
            give_up = launch.start_by or self._start_by()
        if give_up and self._clock.now() >= give_up:
            await self._write(lease, operations.refused, launch, words)
        else:
            await self._write(lease, operations.delayed, launch, words, give_up)

    async def _request(self, run: Run) -> workloads_pb2.SubmitWorkloadRequest:
        found = await self._database.read(snapshot_store.to_run, run.project, {run.snapshot})
        environment = found[run.snapshot].environment
        build = found[run.snapshot].build
        image = await self._database.read(build_store.image_of, run.project, build)
        limits = limits_of(await self._database.read(orchestrator_of, run.stack))
        workload = workloads_pb2.Workload(
            kind=workloads_pb2.WORKLOAD_KIND_RUNNER,
            labels={"project": run.project, "run": run.id},
            run=run.name,
            args=RUNNER_ARGS,
            env={
                **limits.environment,
                "WEFT_ENDPOINT": self._settings.endpoint(),
                "WEFT_RUN": run.name,
            },
            image=image or limits.image,
            pod=pod_of(limits.pod),
            resources=limits.resources(),
            timeout=limits.timeout(),
            environment=types_pb2.PythonEnvironment(**environment) if environment else None,
            secret_files={
                "WEFT_RUN_TOKEN_FILE": self._tokens.issue(run, lifetime=WAITING_LIFETIME),
                "WEFT_CA_FILE": self._settings.trust().decode(),
            },
        )
        return workloads_pb2.SubmitWorkloadRequest(workload_id=run.workload, workload=workload)

    def _should_end(self, run: Run) -> bool:
        now, grace = self._clock.now(), self._settings.stop_grace
        if run.state in RUN_TERMINAL:
            is_over = run.end_time is not None and now >= run.end_time + grace
            return is_over or run.reporter is None
        if run.stop_request is None:
            return False
        # Until a runner has spoken there is nobody who could stop gracefully.
        is_unheard = run.reporter is None
        is_forced = run.stop_request["mode"] == FORCE
        return is_forced or is_unheard or now >= run.update_time + grace

    async def _give_up(self, lease: Lease, manager: Manager, launch: Launch) -> None:
        """Ends a run whose runner does not start, unless its manager has no place for it."""
        workload = await self._look_for(lease, manager, f"workloads/{launch.workload}")
        if workload and workload.state != workloads_pb2.WORKLOAD_STATE_QUEUED:
            patience = self._settings.start_patience
            await self._write(lease, operations.never_started, launch, patience)
            self.wake()

    def _is_overdue(self, launch: Launch, run: Run) -> bool:
        """Whether a runner should have spoken by now that has not."""
        is_awaited = run.reporter is None and run.state not in RUN_TERMINAL
        return is_awaited and launch.start_by is not None and self._clock.now() >= launch.start_by

    def _start_by(self) -> datetime:
        return self._clock.now() + self._settings.start_patience

    async def _cancel(self, lease: Lease, manager: Manager, launch: Launch, run: Run) -> None:
        reason = (run.stop_request or {}).get("reason") or f"The run is {run.state}."
        is_forced = (run.stop_request or {}).get("mode") == FORCE
        grace = (
            timedelta(0) if is_forced and run.state in RUN_TERMINAL else self._settings.cancel_grace
        )
        if await calls.cancel(manager, launch.workload, grace, reason):
            await self._write(lease, operations.cancelling, launch)
        else:
            await self._write(lease, operations.observed, unstarted(launch))

    async def _see(self, lease: Lease, manager: Manager, workload: workloads_pb2.Workload) -> None:
        await self._steps.see(lease, manager, workload)
        await self._builds.see(lease, manager, workload)
        seen = calls.observed(manager, workload)
        if workload.state != workloads_pb2.WORKLOAD_STATE_QUEUED:
            seen = replace(seen, start_by=self._start_by())
        # Most of what a manager lists ended long ago, and is settled.
        if await self._database.read(store.by_workload, seen.workload, seen.manager):
            if seen.outcome == "FAILED":
                seen = replace(seen, last_words=await calls.last_words(manager, workload.name))
            await self._write(lease, operations.observed, seen)

    async def _find_lost(self, lease: Lease, manager: Manager, listed: Iterable[str]) -> None:
        """Asks about every workload that should be there and was not listed."""
        known = set(listed)
        for launch, _ in await self._database.read(store.unfinished):
            name = f"workloads/{launch.workload}"
            is_its = launch.manager == manager.uid and launch.state in (SUBMITTED, CANCELLING)
            if is_its and name not in known:
                await self._look_for(lease, manager, name)
        await self._steps.find_lost(lease, manager, known)
        await self._builds.find_lost(lease, manager, known)

    async def _look_for(
        self, lease: Lease, manager: Manager, name: str
    ) -> workloads_pb2.Workload | None:
        """A workload that seems gone: it is, only if the manager says so of it by name."""
        request = workloads_pb2.GetWorkloadRequest(name=name)
        try:
            workload: workloads_pb2.Workload = await manager.calls().GetWorkload(
                request, timeout=calls.CALL_TIMEOUT_S
            )
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise
            words = "The workload manager no longer knows its workload."
            id_ = name.removeprefix("workloads/")
            lost = Observed(id_, "LOST", words, "WORKLOAD_LOST", manager=manager.uid)
            await self._write(lease, operations.observed, lost)
            await self._steps.lost(lease, lost)
            await self._builds.lost(lease, lost)
            return None
        await self._see(lease, manager, workload)
        return workload

    async def _write(self, lease: Lease, operation: Callable[..., T], *arguments: Any) -> T:
        return await self._database.write(_fenced, lease, operation, arguments)


def _needs_its_workload(step: run_types_pb2.Step) -> bool:
    """Whether its workload is to be started or ended; one that told its outcome ends by itself."""
    is_left = not step.attempt_outcome and step.state not in _EXECUTING
    return bool(step.workload) and is_left


def _fenced(
    session: Session, lease: Lease, operation: Callable[..., T], arguments: tuple[Any, ...]
) -> T:
    lease.check(session)
    return operation(session, *arguments)
