"""StepService."""

from datetime import datetime, timedelta
from typing import Any

from meshkit.authentication import Context
from meshkit.database import Database, Session
from meshkit.idempotency import once
from weftapi.workspace.v1 import run_types_pb2, steps_pb2, steps_pb2_grpc
from workspace import names
from workspace.bells import Bells
from workspace.operations import step_stops
from workspace.operations.refusals import absent
from workspace.operations.runs import FORCE, GRACEFUL
from workspace.servicers.converting import (
    caller,
    failure_to_proto,
    numbers,
    stamp,
    stop_to_proto,
)
from workspace.servicers.listing import Lists
from workspace.store import artifacts as artifact_store
from workspace.store import runs as run_store
from workspace.store import steps as store
from workspace.store.schema import Step, StepAttempt

_STATES = numbers(run_types_pb2.StepState)


class StepServicer(steps_pb2_grpc.StepServiceServicer):
    def __init__(self, database: Database, lists: Lists, bells: Bells) -> None:
        self._database = database
        self._lists = lists
        self._bells = bells

    async def GetStep(
        self, request: steps_pb2.GetStepRequest, _context: Context
    ) -> run_types_pb2.Step:
        row = await self._database.read(_step, *names.ids(request.name))
        if row is None:
            raise absent(request.name)
        return step_to_proto(row)

    async def ListSteps(
        self, request: steps_pb2.ListStepsRequest, _context: Context
    ) -> steps_pb2.ListStepsResponse:
        window = self._lists.window("ListSteps", request, store.ORDERS)
        filter_ = self._lists.filter(store.FIELDS, request.filter)
        run = await self._database.read(run_store.get, *names.ids(request.parent))
        if run is None:
            raise absent(request.parent)
        page = await self._lists.page(
            window, step_to_proto, store.list_page, run.uid, window, filter_
        )
        return steps_pb2.ListStepsResponse(
            steps=page.items, next_page_token=page.next_page_token, revision=page.revision
        )

    async def ListStepAttempts(
        self, request: steps_pb2.ListStepAttemptsRequest, _context: Context
    ) -> steps_pb2.ListStepAttemptsResponse:
        found = await self._database.read(_attempts, *names.ids(request.parent))
        if found is None:
            raise absent(request.parent)
        attempts = [attempt_to_proto(request.parent, row) for row in found]
        return steps_pb2.ListStepAttemptsResponse(step_attempts=attempts)

    async def StopStep(
        self, request: steps_pb2.StopStepRequest, _context: Context
    ) -> run_types_pb2.Step:
        project, run, step = names.ids(request.name)
        reply = await self._database.write(
            step_stops.stop,
            project,
            run,
            step,
            _wish(request),
            once=once(request, run_types_pb2.Step),
            reply=step_to_proto,
        )
        self._bells.ring(names.run(project, run))
        return reply

    async def LookupStepCache(
        self, request: steps_pb2.LookupStepCacheRequest, _context: Context
    ) -> steps_pb2.LookupStepCacheResponse:
        max_age = request.max_age.ToTimedelta() if request.HasField("max_age") else None
        project = names.last(request.parent)
        hit, nearest = await self._database.read(
            _lookup,
            project,
            request.cache_key,
            max_age=max_age,
            pipeline=names.last(request.pipeline),
            step=request.step_id,
        )
        return steps_pb2.LookupStepCacheResponse(
            step=step_to_proto(hit) if hit else None,
            nearest=step_to_proto(nearest) if nearest else None,
            nearest_key_parts=nearest.cache_key_parts if nearest else {},
        )


def _wish(request: steps_pb2.StopStepRequest) -> step_stops.StopWish:
    is_forced = request.mode == run_types_pb2.STOP_MODE_FORCE
    return step_stops.StopWish(
        requester=caller().subject,
        mode=FORCE if is_forced else GRACEFUL,
        reason=request.reason,
        grace=request.grace.ToTimedelta() if request.HasField("grace") else step_stops.GRACE,
    )


def _step(session: Session, project: str, run: str, step: str) -> Step | None:
    found = run_store.get(session, project, run)
    return store.get(session, found.uid, step) if found else None


def _attempts(session: Session, project: str, run: str, step: str) -> list[StepAttempt] | None:
    found = _step(session, project, run, step)
    return store.attempts(session, found.uid) if found else None


def _lookup(
    session: Session,
    project: str,
    cache_key: str,
    *,
    max_age: timedelta | None,
    pipeline: str,
    step: str,
) -> tuple[Step | None, Step | None]:
    """The newest step under the key whose outputs are still known; else the nearest one."""
    since = _since(session.now, max_age)
    for hit in store.cached(session, project, cache_key, since=since):
        keys = {(a, int(v)) for _, a, v in map(names.ids, hit.outputs.values())}
        if len(artifact_store.uids(session, project, keys)) == len(keys):
            return hit, None
    if not pipeline or not step:
        return None, None
    return None, store.nearest(session, project, pipeline, step)


def _since(now: datetime, max_age: timedelta | None) -> datetime | None:
    """Where the age begins; None where that is before all time."""
    try:
        return now - max_age if max_age is not None else None
    except OverflowError:
        return None


def step_to_proto(row: Step) -> run_types_pb2.Step:
    state: Any = _STATES[row.state]
    outcome: Any = _STATES[row.attempt_outcome] if row.attempt_outcome else None
    step = run_types_pb2.Step(
        name=row.name,
        uid=str(row.uid),
        create_time=stamp(row.create_time),
        update_time=stamp(row.update_time),
        revision=row.revision,
        step_id=row.id,
        map_group=row.map_group,
        map_index=row.map_index,
        upstream=row.upstream or None,
        state=state,
        state_reason=row.state_reason,
        failure=failure_to_proto(row.failure),
        attempt_count=row.attempt_count,
        cache_key=row.cache_key,
        cached_from=row.cached_from,
        cache_reason=row.cache_reason,
        inputs=row.inputs or None,
        outputs=row.outputs or None,
        start_time=stamp(row.start_time),
        end_time=stamp(row.end_time),
        log_stream=row.log_stream,
        stop_request=stop_to_proto(row.stop_request),
        workload=f"workloads/{row.workload}" if row.workload else "",
        attempt_outcome=outcome,
    )
    if row.metadata:
        step.metadata.update(row.metadata)
    if row.unresponsive_since:
        step.unresponsive.since.FromDatetime(row.unresponsive_since)
    return step


def attempt_to_proto(step: str, row: StepAttempt) -> run_types_pb2.StepAttempt:
    state: Any = _STATES[row.state]
    return run_types_pb2.StepAttempt(
        name=f"{step}/attempts/{row.number}",
        number=row.number,
        state=state,
        failure=failure_to_proto(row.failure),
        host=row.host,
        log_stream=row.log_stream,
        start_time=stamp(row.start_time),
        end_time=stamp(row.end_time),
    )
