"""ScheduleService."""

import itertools
from datetime import UTC
from typing import Any

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from meshkit.authentication import Context
from meshkit.caller import Caller
from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.idempotency import once
from meshkit.rules import resolve_update_mask
from meshkit.scopes import ExtraCheck
from weftapi.workspace.v1 import (
    run_types_pb2,
    schedule_types_pb2,
    schedules_pb2,
    schedules_pb2_grpc,
)
from workspace import names
from workspace.launching.reconciler import Reconciler
from workspace.operations import runnable
from workspace.operations import schedules as operations
from workspace.operations.refusals import absent, invalid
from workspace.operations.schedule_backfill import Backfilled, backfill
from workspace.operations.schedule_firing import RUN, Rights
from workspace.operations.schedules import ScheduleKey
from workspace.servicers.converting import caller, time_of
from workspace.servicers.listing import Lists
from workspace.servicers.runs import run_to_proto
from workspace.servicers.schedule_messages import (
    MUTABLE,
    firing_to_proto,
    schedule_to_proto,
    timing_of,
    values_of,
    what,
)
from workspace.store import schedules as store
from workspace.store.schema_schedules import Schedule

_DEFAULT_COUNT = 5


class ScheduleServicer(schedules_pb2_grpc.ScheduleServiceServicer):
    def __init__(
        self, database: Database, lists: Lists, reconciler: Reconciler, clock: Clock
    ) -> None:
        self._database = database
        self._lists = lists
        self._reconciler = reconciler
        self._clock = clock

    async def GetSchedule(
        self, request: schedules_pb2.GetScheduleRequest, _context: Context
    ) -> schedule_types_pb2.Schedule:
        return schedule_to_proto(await self._get(request.name))

    async def ListSchedules(
        self, request: schedules_pb2.ListSchedulesRequest, _context: Context
    ) -> schedules_pb2.ListSchedulesResponse:
        window = self._lists.window("ListSchedules", request, store.ORDERS)
        filter_ = self._lists.filter(store.FIELDS, request.filter)
        project = names.project_of(request.parent)
        page = await self._lists.page(
            window, schedule_to_proto, store.list_page, project, window, filter_
        )
        return schedules_pb2.ListSchedulesResponse(
            schedules=page.items, next_page_token=page.next_page_token, revision=page.revision
        )

    async def CreateSchedule(
        self, request: schedules_pb2.CreateScheduleRequest, _context: Context
    ) -> schedule_types_pb2.Schedule:
        project = names.last(request.parent)
        return await self._database.write(
            operations.create,
            ScheduleKey(project, request.schedule_id),
            values_of(project, request.schedule, MUTABLE),
            creator=caller().subject,
            once=once(request, schedule_types_pb2.Schedule),
            trial=request.validate_only,
            reply=schedule_to_proto,
        )

    async def UpdateSchedule(
        self, request: schedules_pb2.UpdateScheduleRequest, _context: Context
    ) -> schedule_types_pb2.Schedule:
        schedule = request.schedule
        paths = resolve_update_mask(schedule, request.update_mask)
        key = ScheduleKey.of(schedule.name)
        return await self._database.write(
            operations.change,
            key,
            values_of(key.project, schedule, paths),
            etag=schedule.etag,
            once=once(request, schedule_types_pb2.Schedule),
            trial=request.validate_only,
            reply=schedule_to_proto,
        )

    async def DeleteSchedule(
        self, request: schedules_pb2.DeleteScheduleRequest, _context: Context
    ) -> Empty:
        key = ScheduleKey.of(request.name)
        await self._database.write(operations.delete, key, etag=request.etag)
        return Empty()

    async def PauseSchedule(
        self, request: schedules_pb2.PauseScheduleRequest, _context: Context
    ) -> schedule_types_pb2.Schedule:
        return await self._database.write(
            operations.pause,
            ScheduleKey.of(request.name),
            etag=request.etag,
            once=once(request, schedule_types_pb2.Schedule),
            reply=schedule_to_proto,
        )

    async def ResumeSchedule(
        self, request: schedules_pb2.ResumeScheduleRequest, _context: Context
    ) -> schedule_types_pb2.Schedule:
        return await self._database.write(
            operations.resume,
            ScheduleKey.of(request.name),
            etag=request.etag,
            once=once(request, schedule_types_pb2.Schedule),
            reply=schedule_to_proto,
        )

    async def TriggerSchedule(
        self, request: schedules_pb2.TriggerScheduleRequest, _context: Context
    ) -> run_types_pb2.Run:
        run = await self._database.write(
            operations.trigger,
            ScheduleKey.of(request.name),
            run_id=request.run_id,
            requester=caller().subject,
            once=once(request, run_types_pb2.Run),
            reply=run_to_proto,
        )
        self._reconciler.wake()
        return run

    async def BackfillSchedule(
        self, request: schedules_pb2.BackfillScheduleRequest, _context: Context
    ) -> schedules_pb2.BackfillScheduleResponse:
        start = time_of(request, "start_time")
        assert start, "it is required"
        reply = await self._database.write(
            backfill,
            ScheduleKey.of(request.name),
            start,
            time_of(request, "end_time"),
            requester=caller().subject,
            reply=_backfilled,
        )
        self._reconciler.wake()
        return reply

    async def PreviewSchedule(
        self, request: schedules_pb2.PreviewScheduleRequest, _context: Context
    ) -> schedules_pb2.PreviewScheduleResponse:
        now = self._clock.now().astimezone(UTC)
        timing = timing_of(request.schedule, anchor=now)
        problem = timing.problem()
        if problem:
            raise invalid(f"schedule.{problem[0]}", problem[1])
        times = timing.after(time_of(request, "after") or now)
        response = schedules_pb2.PreviewScheduleResponse()
        for time in itertools.islice(times, request.count or _DEFAULT_COUNT):
            response.fire_times.add().FromDatetime(time)
        return response

    async def ListScheduleFirings(
        self, request: schedules_pb2.ListScheduleFiringsRequest, _context: Context
    ) -> schedules_pb2.ListScheduleFiringsResponse:
        window = self._lists.window("ListScheduleFirings", request, store.FIRING_ORDERS)
        filter_ = self._lists.filter(store.FIRING_FIELDS, request.filter)
        schedule = await self._get(request.parent)
        page = await self._lists.page(
            window, firing_to_proto, store.list_firings, schedule.uid, window, filter_
        )
        return schedules_pb2.ListScheduleFiringsResponse(
            firings=page.items, next_page_token=page.next_page_token, revision=page.revision
        )

    async def _get(self, name: str) -> Schedule:
        row = await self._database.read(store.get, *names.ids(name))
        if row is None:
            raise absent(name)
        return row


def may_run_snapshot(database: Database, rights: Rights) -> ExtraCheck:
    """The extra check of that name: nobody makes a schedule run what they may not run.

    Of a change the creator is asked about too, since the runs are theirs.
    """

    async def named(project: str, runs: dict[str, str]) -> str:
        return await database.read(runnable.name_of, project, **runs)

    async def check(caller: Caller, request: Message) -> None:
        wanted: Any = request
        if isinstance(request, schedules_pb2.CreateScheduleRequest):
            runs = what(request.schedule, MUTABLE)
            snapshot = runs["snapshot"] or await named(names.last(request.parent), runs)
            _require(rights, caller.subject, snapshot)
            return
        is_update = isinstance(request, schedules_pb2.UpdateScheduleRequest)
        name = wanted.schedule.name if is_update else wanted.name
        row = await database.read(store.get, *names.ids(name)) if name else None
        if row is None:
            return
        snapshots = [await database.read(operations.snapshot_of, row)]
        paths = resolve_update_mask(wanted.schedule, wanted.update_mask) if is_update else ()
        if runnable.FIELDS & set(paths):
            runs = what(wanted.schedule, paths)
            snapshots.append(runs["snapshot"] or await named(row.project, runs))
        for snapshot in snapshots:
            _require(rights, caller.subject, snapshot)
            if is_update:
                _require(rights, row.creator, snapshot)

    return check


def _require(rights: Rights, subject: str, snapshot: str) -> None:
    refusal = rights(subject, RUN, snapshot)
    if refusal:
        raise refusal


def _backfilled(made: Backfilled) -> schedules_pb2.BackfillScheduleResponse:
    return schedules_pb2.BackfillScheduleResponse(
        runs=map(run_to_proto, made.runs), present_count=made.present
    )
