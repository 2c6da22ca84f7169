"""Launches of single attempts: the part of the reconciler that looks after steps executed apart."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import grpc
import structlog

from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.jobs import Lease
from weftapi.common.v1 import types_pb2
from weftapi.workloads.v1 import workloads_pb2
from workspace.launching import calls
from workspace.launching.last_lines import LastLines
from workspace.launching.placing import Placing, gone, unstarted
from workspace.launching.ports import LaunchSettings, Manager
from workspace.lifecycle import StepState
from workspace.operations import step_launches as operations
from workspace.operations.launches import Observed
from workspace.operations.step_attempts import is_over
from workspace.operations.step_launches import CANCELLING, INTENDED, STOPPING, SUBMITTED
from workspace.run_tokens import WAITING_LIFETIME, RunTokens
from workspace.stacks.orchestrators import limits_of, orchestrator_of
from workspace.stacks.pods import pod_of
from workspace.store import builds as build_store
from workspace.store import snapshots as snapshot_store
from workspace.store import step_launches as store
from workspace.store.schema import Run, Step
from workspace.store.schema_step_launches import StepLaunch

log = structlog.get_logger()

STEP_ARGS = ("-m", "weft.step_runner")
# Its runner says when a step that was told to end has had its time; this is for the rest.
_TOLD = timedelta(hours=1)
# What is looked through for lines that a process wrote and could not send any more.
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class _Order:
    """That a workload is to end: how its launch stands from then on, in what time, and why."""

    state: str
    grace: timedelta
    reason: str


class Write(Protocol):
    """Writes under the lease that is held."""

    async def __call__(
        self, lease: Lease, operation: Callable[..., Any], *arguments: Any
    ) -> Any: ...


# Asks the manager for a workload by name, and takes down what it says.
LookFor = Callable[[Lease, Manager, str], Awaitable[workloads_pb2.Workload | None]]
# What a run waits for, or why it waits in vain; None where its images are there.
Lacking = Callable[[Run], Awaitable[Observed | None]]


class StepLaunches:
    """Submits, cancels and observes the workloads of attempts."""

    def __init__(
        self,
        database: Database,
        tokens: RunTokens,
        settings: LaunchSettings,
        *,
        placing: Placing,
        write: Write,
        look_for: LookFor,
        lacking: Lacking,
        last_lines: LastLines,
        clock: Clock,
    ) -> None:
        self._database = database
        self._tokens = tokens
        self._settings = settings
        self._placing = placing
        self._write = write
        self._look_for = look_for
        self._lacking = lacking
        self._last_lines = last_lines
        self._clock = clock

    async def act(self, lease: Lease, room: asyncio.Semaphore) -> None:
        """One pass over every attempt that is executed apart."""

        async def one(launch: StepLaunch, step: Step, run: Run) -> None:
            async with room:
                await self._attend(lease, launch, step, run)

        found = await self._database.read(store.unfinished)
        await self._placing.choose(lease, [(launch, run) for launch, _, run in found])
        results = await asyncio.gather(*(one(*each) for each in found), return_exceptions=True)
        for (launch, _, _), result in zip(found, results, strict=True):
            # One launch that cannot be dealt with keeps none of the others.
            if isinstance(result, Exception):
                log.warning("step_launch_failed", workload=launch.workload, error=str(result))
            if isinstance(result, grpc.aio.AioRpcError) and launch.state == INTENDED:
                await self._not_taken(lease, launch, result)

    async def see(self, lease: Lease, manager: Manager, workload: workloads_pb2.Workload) -> None:
        """Takes down what the manager says of a workload, where it is one of ours."""
        seen = calls.observed(manager, workload)
        launch = await self._database.read(store.by_workload, seen.workload, seen.manager)
        if launch is None:
            return
        if workload.state != workloads_pb2.WORKLOAD_STATE_QUEUED:
            seen = replace(seen, start_by=self._start_by())
        if seen.outcome == "FAILED" and not launch.outcome:
            written = await calls.last_output(manager, workload.name, _MOST_BYTES)
            await self._last_lines.keep(launch, written)
            seen = replace(seen, last_words=calls.plain(written[-calls.LAST_WORDS_BYTES :]))
        await self._write(lease, operations.observed, seen)

    async def find_lost(self, lease: Lease, manager: Manager, known: set[str]) -> None:
        """Asks about every workload that should be there and is not known."""
        for launch, _, _ in await self._database.read(store.unfinished):
            name = f"workloads/{launch.workload}"
            is_its = launch.manager == manager.uid and launch.state != INTENDED
            if is_its and name not in known:
                await self._look_for(lease, manager, name)

    async def lost(self, lease: Lease, seen: Observed) -> None:
        """The manager knows no such workload."""
        await self._write(lease, operations.observed, seen)

    async def _attend(self, lease: Lease, launch: StepLaunch, step: Step, run: Run) -> None:
        manager = self._placing.of(launch)
        if self._is_past_queue(launch) and not is_over(launch, step, run):
            launch = await self._write(lease, operations.waited_too_long, launch)
        if manager is None and launch.state == INTENDED:
            await self._wait(lease, launch, step, run)
        elif manager is None:
            await self._bereft(lease, launch, step, run)
        elif is_over(launch, step, run):
            await self._end(lease, manager, launch, step)
        elif launch.state == INTENDED:
            if not await self._lacks_image(lease, launch, step, run):
                await self._submit(lease, manager, launch, step, run)
        elif launch.state == SUBMITTED and step.state == StepState.STOPPING:
            order = _Order(STOPPING, _TOLD, step.state_reason[:512])
            await self._cancel(lease, manager, launch, order)
        elif launch.state == SUBMITTED and self._is_overdue(launch):
            workload = await self._look_for(lease, manager, f"workloads/{launch.workload}")
            if workload and workload.state != workloads_pb2.WORKLOAD_STATE_QUEUED:
                patience = self._settings.start_patience
                await self._write(lease, operations.never_started, launch, patience)

    async def _wait(self, lease: Lease, launch: StepLaunch, step: Step, run: Run) -> None:
        """Nobody was asked for the attempt, as nobody is there who could be."""
        if is_over(launch, step, run) or step.state == StepState.STOPPING:
            await self._write(lease, operations.observed, unstarted(launch))
        elif (words := await self._placing.why_none(run)) != step.state_reason:
            await self._write(lease, operations.delayed, launch, words, None)

    async def _lacks_image(self, lease: Lease, launch: StepLaunch, step: Step, run: Run) -> bool:
        """As for runs: the runner of this one may be where nobody waited for images."""
        lacking = await self._lacking(run)
        if lacking is None:
            return False
        if step.state == StepState.STOPPING:
            await self._write(lease, operations.observed, unstarted(launch))
        elif lacking.outcome:
            seen = replace(lacking, workload=launch.workload, manager=launch.manager)
            await self._write(lease, operations.observed, seen)
        elif step.state_reason != lacking.words:
            await self._write(lease, operations.delayed, launch, lacking.words, None)
        return True

    async def _bereft(self, lease: Lease, launch: StepLaunch, step: Step, run: Run) -> None:
        """The manager of the attempt is gone: another one has its workload, or only it can say."""
        if await self._placing.adopt(lease, launch):
            return
        said = Observed(launch.workload, words=gone(launch), manager=launch.manager)
        if is_over(launch, step, run) or step.state == StepState.STOPPING:
            await self._write(lease, operations.observed, replace(said, outcome="CANCELLED"))
        elif self._is_overdue(launch):
            patience = self._settings.start_patience
            await self._write(lease, operations.never_started, launch, patience)
        elif not launch.reporter and not (launch.start_by and step.state_reason == said.words):
            start_by = launch.start_by or self._start_by()
            await self._write(lease, operations.observed, replace(said, start_by=start_by))

    async def _end(self, lease: Lease, manager: Manager, launch: StepLaunch, step: Step) -> None:
        """Ends the workload of an attempt that is over; one that said so ends by itself first."""
        if launch.over_time is None:
            await self._write(lease, operations.left, launch)
        if launch.state != CANCELLING and not self._is_leaving(launch):
            order = _Order(CANCELLING, self._settings.cancel_grace, f"Its step is {step.state}.")
            await self._cancel(lease, manager, launch, order)

    def _is_leaving(self, launch: StepLaunch) -> bool:
        """Whether its process told how the attempt ended, and has had little time to leave."""
        has_told = launch.reporter and launch.outcome
        if not (has_told and launch.over_time and launch.state != INTENDED):
            return False
        return self._clock.now() < launch.over_time + self._settings.stop_grace

    async def _submit(
        self, lease: Lease, manager: Manager, launch: StepLaunch, step: Step, run: Run
    ) -> None:
        words = await calls.submit(manager, await self._request(launch, step, run))
        if words:
            await self._write(lease, operations.refused, launch, words)
        else:
            await self._write(lease, operations.submitted, launch, self._start_by())

    async def _not_taken(
        self, lease: Lease, launch: StepLaunch, error: grpc.aio.AioRpcError
    ) -> None:
        """Says why an attempt waits; ends one whose manager has turned us away for long."""
        words, give_up = calls.why_later(error), None
        if calls.is_refusal(error):
            give_up = launch.start_by or self._start_by()
        if give_up and self._clock.now() >= give_up:
            await self._write(lease, operations.refused, launch, words)
        else:
            await self._write(lease, operations.delayed, launch, words, give_up)

    async def _cancel(
        self, lease: Lease, manager: Manager, launch: StepLaunch, order: _Order
    ) -> None:
        if await calls.cancel(manager, launch.workload, order.grace, order.reason):
            await self._write(lease, operations.asked_to_end, launch, order.state)
        else:
            await self._write(lease, operations.observed, unstarted(launch))

    async def _request(
        self, launch: StepLaunch, step: Step, run: Run
    ) -> workloads_pb2.SubmitWorkloadRequest:
        found = await self._database.read(snapshot_store.to_run, run.project, {run.snapshot})
        environment, build = found[run.snapshot].environment, found[run.snapshot].build
        named = (run.project, build, step.map_group or step.id)
        image = await self._database.read(build_store.image_of, *named)
        limits = limits_of(await self._database.read(orchestrator_of, run.stack))
        workload = workloads_pb2.Workload(
            kind=workloads_pb2.WORKLOAD_KIND_STEP,
            run=run.name,
            step=launch.step,
            attempt=launch.attempt,
            labels={"project": run.project, "run": run.id},
            args=STEP_ARGS,
            env={
                **limits.environment,
                "WEFT_ENDPOINT": self._settings.endpoint(),
                "WEFT_RUN": run.name,
                "WEFT_STEP_ATTEMPT": launch.name,
            },
            image=image or limits.image,
            pod=pod_of(limits.pod, launch.pod),
            resources=limits.resources(launch.resources),
            timeout=limits.timeout(),
            environment=types_pb2.PythonEnvironment(**environment) if environment else None,
            secret_files={
                "WEFT_RUN_TOKEN_FILE": self._tokens.issue(
                    run, attempt=launch.name, lifetime=WAITING_LIFETIME
                ),
                "WEFT_CA_FILE": self._settings.trust().decode(),
            },
        )
        return workloads_pb2.SubmitWorkloadRequest(workload_id=launch.workload, workload=workload)

    def _is_overdue(self, launch: StepLaunch) -> bool:
        if launch.reporter or launch.start_by is None:
            return False
        return self._clock.now() >= launch.start_by

    def _is_past_queue(self, launch: StepLaunch) -> bool:
        """Whether it waits for longer than its step allows."""
        if launch.reporter or launch.queue_until is None:
            return False
        return self._clock.now() >= launch.queue_until

    def _start_by(self) -> datetime:
        return self._clock.now() + self._settings.start_patience
