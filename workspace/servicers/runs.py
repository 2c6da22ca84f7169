"""RunService."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import Any

from google.protobuf.empty_pb2 import Empty
from google.protobuf.timestamp_pb2 import Timestamp

from meshkit.authentication import Context
from meshkit.database import Database
from meshkit.idempotency import once
from weftapi.workspace.v1 import run_graph_pb2, run_types_pb2, runs_pb2, runs_pb2_grpc
from workspace import names
from workspace.access import Access
from workspace.answers import Answers
from workspace.bells import Bells
from workspace.launching.ports import WorkloadManagers
from workspace.launching.reconciler import Reconciler
from workspace.logs.keeper import LogKeeper
from workspace.operations import conditions, starts
from workspace.operations import runs as operations
from workspace.operations.refusals import absent, invalid
from workspace.operations.retakes import Again
from workspace.servicers import run_graphs
from workspace.servicers.conditions import answer_of, condition_to_proto
from workspace.servicers.converting import (
    caller,
    environment_to_dict,
    environment_to_proto,
    failure_to_proto,
    masked,
    numbers,
    set_settings,
    stamp,
    stop_to_proto,
    struct_to_dict,
)
from workspace.servicers.listing import Lists
from workspace.servicers.watches import Watches
from workspace.store import conditions as condition_store
from workspace.store import projects as project_store
from workspace.store import runs as store
from workspace.store.schema import Run

_STATES = numbers(run_types_pb2.RunState)
_TRIGGERS = numbers(run_types_pb2.RunTrigger)
_WAYS_TO_BEGIN = {"from_failed", "from_step", "only_step"}


class RunServicer(runs_pb2_grpc.RunServiceServicer):
    def __init__(
        self,
        database: Database,
        lists: Lists,
        access: Access,
        watches: Watches,
        *,
        managers: WorkloadManagers,
        reconciler: Reconciler,
        bells: Bells,
        answers: Answers,
        logs: LogKeeper,
    ) -> None:
        self._database = database
        self._lists = lists
        self._access = access
        self._watches = watches
        self._managers = managers
        self._reconciler = reconciler
        self._bells = bells
        self._answers = answers
        self._logs = logs

    async def GetRun(self, request: runs_pb2.GetRunRequest, _context: Context) -> run_types_pb2.Run:
        row = await self._database.read(store.get, *names.ids(request.name))
        if row is None:
            raise absent(request.name)
        return run_to_proto(row)

    async def ListRuns(
        self, request: runs_pb2.ListRunsRequest, _context: Context
    ) -> runs_pb2.ListRunsResponse:
        window = self._lists.window("ListRuns", request, store.ORDERS)
        filter_ = self._lists.filter(store.FIELDS, request.filter)
        visible = self._access.visible(caller(), "runs.list", request.parent)
        page = await self._lists.page(
            window, run_to_proto, store.list_page, visible, window, filter_
        )
        return runs_pb2.ListRunsResponse(
            runs=page.items, next_page_token=page.next_page_token, revision=page.revision
        )

    async def CountRuns(
        self, request: runs_pb2.CountRunsRequest, _context: Context
    ) -> runs_pb2.CountRunsResponse:
        project = names.last(request.parent)
        counts = await self._database.read(store.counts, project)
        if not counts and not await self._database.read(project_store.existing, {project}):
            raise absent(request.parent)
        return runs_pb2.CountRunsResponse(counts=counts)

    async def CreateRun(
        self, request: runs_pb2.CreateRunRequest, _context: Context
    ) -> run_types_pb2.Run:
        return await self._database.write_grouped(
            operations.create,
            _new_run(request),
            once=once(request, run_types_pb2.Run),
            reply=run_to_proto,
        )

    async def UpdateRun(
        self, request: runs_pb2.UpdateRunRequest, _context: Context
    ) -> run_types_pb2.Run:
        return await self._database.write(
            operations.change,
            *names.ids(request.run.name),
            masked(request.run, request.update_mask),
            etag=request.run.etag,
            once=once(request, run_types_pb2.Run),
            reply=run_to_proto,
        )

    async def DeleteRun(self, request: runs_pb2.DeleteRunRequest, _context: Context) -> Empty:
        ids = names.ids(request.name)
        logs = await self._database.write(operations.delete, *ids, etag=request.etag)
        await self._logs.discard(logs)
        return Empty()

    async def PauseRun(
        self, request: runs_pb2.PauseRunRequest, _context: Context
    ) -> run_types_pb2.Run:
        reply = await self._database.write(
            operations.pause,
            *names.ids(request.name),
            reason=request.reason,
            etag=request.etag,
            requester=caller().subject,
            once=once(request, run_types_pb2.Run),
            reply=run_to_proto,
        )
        self._bells.ring(request.name)
        return reply

    async def ResumeRun(
        self, request: runs_pb2.ResumeRunRequest, _context: Context
    ) -> run_types_pb2.Run:
        reply = await self._database.write(
            operations.resume,
            *names.ids(request.name),
            etag=request.etag,
            once=once(request, run_types_pb2.Run),
            reply=run_to_proto,
        )
        self._bells.ring(request.name)
        return reply

    async def GetRunGraph(
        self, request: runs_pb2.GetRunGraphRequest, _context: Context
    ) -> run_graph_pb2.RunGraph:
        ids = names.ids(request.name)
        graph = await self._database.read(run_graphs.read, *ids, show_items=request.show_items)
        if graph is None:
            raise absent(request.name)
        return graph

    async def GetRunCondition(
        self, request: runs_pb2.GetRunConditionRequest, _context: Context
    ) -> run_types_pb2.RunCondition:
        wait_s = request.wait.ToTimedelta().total_seconds()
        row = await self._answers.first(request.name, wait_s)
        if row is None:
            raise absent(request.name)
        return condition_to_proto(row)

    async def ListRunConditions(
        self, request: runs_pb2.ListRunConditionsRequest, _context: Context
    ) -> runs_pb2.ListRunConditionsResponse:
        window = self._lists.window("ListRunConditions", request, condition_store.ORDERS)
        filter_ = self._lists.filter(condition_store.FIELDS, request.filter)
        project, run = names.ids(request.parent)
        row = None
        if run != names.WILDCARD:
            row = await self._database.read(store.get, project, run)
            if row is None:
                raise absent(request.parent)
        uid = row.uid if row else None
        page = await self._lists.page(
            window, condition_to_proto, condition_store.list_page, project, uid, window, filter_
        )
        return runs_pb2.ListRunConditionsResponse(
            run_conditions=page.items, next_page_token=page.next_page_token, revision=page.revision
        )

    async def ResolveRunCondition(
        self, request: runs_pb2.ResolveRunConditionRequest, _context: Context
    ) -> run_types_pb2.RunCondition:
        return await self._database.write(
            conditions.resolve,
            *names.ids(request.name),
            answer=answer_of(request),
            etag=request.etag,
            once=once(request, run_types_pb2.RunCondition),
            reply=condition_to_proto,
        )

    async def StopRun(
        self, request: runs_pb2.StopRunRequest, _context: Context
    ) -> run_types_pb2.Run:
        project, run = names.ids(request.name)
        is_forced = request.mode == run_types_pb2.STOP_MODE_FORCE
        reply = await self._database.write(
            operations.stop,
            project,
            run,
            mode=operations.FORCE if is_forced else operations.GRACEFUL,
            reason=request.reason,
            etag=request.etag,
            requester=caller().subject,
            once=once(request, run_types_pb2.Run),
            reply=run_to_proto,
        )
        self._reconciler.wake()
        self._bells.ring(request.name)
        return reply

    async def RetryRun(
        self, request: runs_pb2.RetryRunRequest, _context: Context
    ) -> run_types_pb2.Run:
        self._managers.require()
        project, run = names.ids(request.name)
        reply = await self._database.write(
            starts.retry,
            project,
            run,
            request.run_id,
            again=_again(request),
            creator=caller().subject,
            once=once(request, run_types_pb2.Run),
            reply=run_to_proto,
        )
        self._reconciler.wake()
        return reply

    async def WatchRun(
        self, request: runs_pb2.WatchRunRequest, context: Context
    ) -> AsyncIterator[Any]:
        watch = await self._watches.run(request)
        async with aclosing(watch.follow(context)) as responses:
            async for response in responses:
                yield response

    async def WatchRuns(
        self, request: runs_pb2.WatchRunsRequest, context: Context
    ) -> AsyncIterator[Any]:
        filter_ = self._lists.filter(store.FIELDS, request.filter)
        watch = await self._watches.runs(request, caller(), filter_)
        async with aclosing(watch.follow(context)) as responses:
            async for response in responses:
                yield response


def _again(request: runs_pb2.RetryRunRequest) -> Again:
    ways = {field.name for field, _ in request.ListFields()} & _WAYS_TO_BEGIN
    if len(ways) > 1:
        first, *others = sorted(ways)
        raise invalid(first, f"cannot be given together with {' and '.join(others)}")
    return Again(
        from_failed=request.from_failed,
        from_step=request.from_step,
        only_step=request.only_step,
    )


def _new_run(request: runs_pb2.CreateRunRequest) -> operations.NewRun:
    run, project = request.run, names.last(request.parent)
    outside = names.outside(project, [name for name in (run.pipeline, run.snapshot) if name])
    if outside:
        raise absent(outside)
    return operations.NewRun(
        project=project,
        id=request.run_id,
        creator=caller().subject,
        pipeline=names.last(run.pipeline),
        snapshot=names.last(run.snapshot),
        display_name=run.display_name,
        description=run.description,
        labels=dict(run.labels),
        parameters=struct_to_dict(run.parameters),
        environment=environment_to_dict(run),
        cache_disabled=run.cache_disabled,
        stack=names.last(run.stack),
    )


def run_to_proto(row: Run) -> run_types_pb2.Run:
    project = f"projects/{row.project}"
    state: Any = _STATES[row.state]
    trigger: Any = _TRIGGERS[row.trigger]
    heard = row.heartbeat_ms
    run = run_types_pb2.Run(
        name=row.name,
        uid=str(row.uid),
        display_name=row.display_name,
        description=row.description,
        labels=row.labels or None,
        creator=row.creator,
        create_time=stamp(row.create_time),
        update_time=stamp(row.update_time),
        revision=row.revision,
        etag=names.etag(row.uid, row.changes),
        pipeline=names.child(project, "pipelines", row.pipeline),
        snapshot=names.child(project, "snapshots", row.snapshot),
        trigger=trigger,
        origin=names.child(project, "runs", row.origin),
        state=state,
        state_reason=row.state_reason,
        failure=failure_to_proto(row.failure),
        start_time=stamp(row.start_time),
        end_time=stamp(row.end_time),
        step_counts=row.step_counts or None,
        workload=f"workloads/{row.workload}" if row.workload else "",
        last_heartbeat_time=Timestamp(seconds=heard // 1000, nanos=heard % 1000 * 1_000_000)
        if heard
        else None,
        stop_request=stop_to_proto(row.stop_request),
        pause_request=pause_to_proto(row.pause_request),
        open_condition_count=row.open_condition_count,
        environment=environment_to_proto(row.environment),
        cache_disabled=row.cache_disabled,
        stack=names.stack(row.stack),
        started_by=row.started_by,
        cause=row.cause,
        workload_manager=names.manager(row.manager),
        only_step=row.only_step,
    )
    if row.parameters:
        run.parameters.update(row.parameters)
    if row.metadata:
        run.metadata.update(row.metadata)
    set_settings(run.step_settings, row.step_settings)
    if row.unresponsive_since:
        run.unresponsive.since.FromDatetime(row.unresponsive_since)
    return run


def pause_to_proto(request: dict[str, Any] | None) -> run_types_pb2.PauseRequest | None:
    if request is None:
        return None
    return run_types_pb2.PauseRequest(
        requester=request["requester"],
        reason=request["reason"],
        time=stamp(datetime.fromisoformat(request["time"])),
    )
