"""Launches of images: the part of the reconciler that has them built, and runs wait for them."""

import asyncio
import re
from dataclasses import replace
from datetime import datetime

import grpc
import structlog

from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.errors import (
    FailedPrecondition,
    InvalidArgument,
    MeshError,
    NotFound,
    PermissionDenied,
)
from meshkit.jobs import Lease
from meshkit.session import Session
from weftapi.workloads.v1 import workloads_pb2
from workspace.building.desk import BuildDesk
from workspace.launching import calls
from workspace.launching.placing import gone
from workspace.launching.ports import LaunchSettings, Manager, WorkloadManagers, why_none
from workspace.launching.step_launches import LookFor, Write
from workspace.operations import builds as operations
from workspace.operations.builds import BUILDING
from workspace.operations.launches import INTENDED, SUBMITTED, Observed
from workspace.store import build_launches as store
from workspace.store import builds as build_store
from workspace.store import snapshots as snapshot_store
from workspace.store.schema import Run
from workspace.store.schema_build_launches import BuildLaunch
from workspace.store.schema_snapshots import Build

log = structlog.get_logger()

# The last line of a build that went well.
_RESULT = re.compile(r"^weft-image (sha256:[0-9a-f]{64})$", re.MULTILINE)
_MAX_WORDS = 1024
# Answers that trying again does not change.
_FINAL = (FailedPrecondition, InvalidArgument, NotFound, PermissionDenied)


class BuildLaunches:
    """Submits, cancels and observes the workloads of builds."""

    def __init__(
        self,
        database: Database,
        desk: BuildDesk,
        managers: WorkloadManagers,
        settings: LaunchSettings,
        *,
        write: Write,
        look_for: LookFor,
        clock: Clock,
    ) -> None:
        self._database = database
        self._desk = desk
        self._managers = managers
        self._settings = settings
        self._write = write
        self._look_for = look_for
        self._clock = clock
        # Workloads that have ended well and whose last words are awaited, and until when.
        self._unheard: dict[str, datetime] = {}

    async def act(self, lease: Lease, room: asyncio.Semaphore) -> None:
        """One pass over every image that is to be built."""

        async def one(launch: BuildLaunch, build: Build) -> None:
            async with room:
                await self._attend(lease, launch, build)

        found = await self._database.read(store.unfinished)
        awaited = {launch.workload for launch, _ in found}
        self._unheard = {each: t for each, t in self._unheard.items() if each in awaited}
        results = await asyncio.gather(*(one(*each) for each in found), return_exceptions=True)
        for (launch, _), result in zip(found, results, strict=True):
            # One launch that cannot be dealt with keeps none of the others.
            if isinstance(result, Exception):
                log.warning("build_launch_failed", workload=launch.workload, error=str(result))
            if isinstance(result, grpc.aio.AioRpcError) and launch.state == INTENDED:
                await self._not_taken(lease, launch, result)

    async def see(self, lease: Lease, manager: Manager, workload: workloads_pb2.Workload) -> None:
        """Takes down what the manager says of a workload, where it is one of ours."""
        seen = calls.observed(manager, workload)
        if not await self._database.read(store.by_workload, seen.workload, seen.manager):
            return
        is_waiting = workload.state == workloads_pb2.WORKLOAD_STATE_PENDING
        seen = replace(seen, start_by=self._start_by() if is_waiting else None)
        digest = ""
        if workload.state == workloads_pb2.WORKLOAD_STATE_SUCCEEDED:
            seen, digest = await self._hear(manager, workload, seen)
        elif seen.outcome:
            said = await calls.last_words(manager, workload.name)
            seen = replace(seen, last_words=_end_of(said))
        await self._write(lease, operations.observed, seen, digest)

    async def _hear(
        self, manager: Manager, workload: workloads_pb2.Workload, seen: Observed
    ) -> tuple[Observed, str]:
        """The digest that a workload that ended well has said; it has not ended for us before."""
        found: list[str] = []
        try:
            found = _RESULT.findall(await calls.said(manager, workload.name))
        except calls.UnheardError:
            until = self._unheard.setdefault(seen.workload, self._start_by())
            if self._clock.now() < until:
                words = "It has ended, and its workload manager does not tell the digest yet."
                return replace(seen, outcome="", words=words), ""
        self._unheard.pop(seen.workload, None)
        words = "It was built, but what it said cannot be read: submit it again."
        return replace(seen, words=words), found[-1] if found else ""

    async def find_lost(self, lease: Lease, manager: Manager, known: set[str]) -> None:
        """Asks about every workload that should be there and is not known."""
        for launch, _ in await self._database.read(store.unfinished):
            name = f"workloads/{launch.workload}"
            is_its = launch.manager == manager.uid and launch.state != INTENDED
            if is_its and name not in known:
                await self._look_for(lease, manager, name)

    async def lost(self, lease: Lease, seen: Observed) -> None:
        """The manager knows no such workload."""
        await self._write(lease, operations.observed, seen, "")

    async def lacking(self, run: Run) -> Observed | None:
        """What a run waits for, or why it waits in vain; None where its images are there."""
        row = await self._database.read(_build_of, run)
        if row is None or row.state == operations.SUCCEEDED:
            return None
        if row.state == BUILDING:
            words = f"building image {_first(row)} ({row.name}) {row.state_reason}".rstrip()
            return Observed("", words=words[:_MAX_WORDS])
        words = f"{row.name} was not built: {row.state_reason}"[:_MAX_WORDS]
        return Observed("", "FAILED", words, "BUILD_FAILED")

    async def _attend(self, lease: Lease, launch: BuildLaunch, build: Build) -> None:
        manager = self._managers.all().get(launch.manager)
        if manager is None and (launch.state == INTENDED or build.state != BUILDING):
            await self._place(lease, launch, build)
        elif manager is None:
            await self._write(lease, operations.failed, launch, gone(launch))
        elif build.state != BUILDING:
            await self._leave(lease, manager, launch, build)
        elif launch.state == INTENDED:
            await self._submit(lease, manager, launch, build)
        elif launch.workload in self._unheard:
            await self._look_for(lease, manager, f"workloads/{launch.workload}")
        elif launch.state == SUBMITTED and self._is_overdue(launch):
            await self._give_up(lease, manager, launch)

    async def _place(self, lease: Lease, launch: BuildLaunch, build: Build) -> None:
        """Chooses a manager for what none has; what nobody needs any more is left."""
        if build.state != BUILDING:
            await self._write(lease, operations.left, launch)
            return
        wanted = await self._desk.manager_of(build.stack)
        manager = self._managers.choose(wanted)
        if manager is None:
            if build.state_reason != (words := why_none(wanted)):
                await self._write(lease, operations.delayed, launch, words, None)
            return
        await self._write(lease, operations.place, launch, manager.uid)
        launch.manager = manager.uid
        await self._submit(lease, manager, launch, build)

    async def _submit(
        self, lease: Lease, manager: Manager, launch: BuildLaunch, build: Build
    ) -> None:
        try:
            request = await self._desk.request(launch, build)
        except _FINAL as error:
            await self._write(lease, operations.failed, launch, error.message)
            return
        except MeshError as error:
            await self._write(lease, operations.delayed, launch, error.message, None)
            return
        words = await calls.submit(manager, request)
        if words:
            await self._write(lease, operations.failed, launch, words)
        else:
            await self._write(lease, operations.submitted, launch, self._start_by())

    async def _not_taken(
        self, lease: Lease, launch: BuildLaunch, error: grpc.aio.AioRpcError
    ) -> None:
        """Says why an image waits; ends it where its manager has turned us away for long."""
        words, give_up = calls.why_later(error), None
        if calls.is_refusal(error):
            give_up = launch.start_by or self._start_by()
        if give_up and self._clock.now() >= give_up:
            await self._write(lease, operations.failed, launch, words)
        else:
            await self._write(lease, operations.delayed, launch, words, give_up)

    async def _leave(
        self, lease: Lease, manager: Manager, launch: BuildLaunch, build: Build
    ) -> None:
        """Ends what builds for nobody; what another build waits for goes on."""
        sharing = await self._database.read(store.unfinished)
        is_wanted = any(
            each.workload == launch.workload and other.state == BUILDING for each, other in sharing
        )
        # Also one only meant to be: the manager may have it, and its answer have been lost.
        if not is_wanted:
            reason = f"Its build is {build.state}."
            await calls.cancel(manager, launch.workload, self._settings.cancel_grace, reason)
        await self._write(lease, operations.left, launch)

    async def _give_up(self, lease: Lease, manager: Manager, launch: BuildLaunch) -> None:
        workload = await self._look_for(lease, manager, f"workloads/{launch.workload}")
        if workload and workload.state == workloads_pb2.WORKLOAD_STATE_PENDING:
            minutes = round(self._settings.start_patience.total_seconds() / 60)
            words = f"It did not start within {minutes} minutes. {workload.state_reason}".strip()
            await calls.cancel(manager, launch.workload, self._settings.cancel_grace, words)
            await self._write(lease, operations.failed, launch, words)

    def _is_overdue(self, launch: BuildLaunch) -> bool:
        return launch.start_by is not None and self._clock.now() >= launch.start_by

    def _start_by(self) -> datetime:
        return self._clock.now() + self._settings.start_patience


def _build_of(session: Session, run: Run) -> Build | None:
    snapshot = snapshot_store.to_run(session, run.project, {run.snapshot}).get(run.snapshot)
    if snapshot is None or not snapshot.build:
        return None
    return build_store.get(session, run.project, snapshot.build)


def _end_of(said: str) -> str:
    """The last lines of a log, whole, as far as a reason has room."""
    text = said.strip()
    return (
        text
        if len(text) <= _MAX_WORDS
        else text[-_MAX_WORDS:].partition("\n")[2] or text[-_MAX_WORDS:]
    )


def _first(build: Build) -> str:
    own = [image for image in (build.image, *build.step_images.values()) if image]
    return str(next((image["uri"] for image in own if not image.get("digest")), own[0]["uri"]))
