"""RunService."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import Any

from google.protobuf import json_format
from google.protobuf.timestamp_pb2 import Timestamp

from meshkit.authentication import Context
from meshkit.database import Database
from meshkit.idempotency import once
from weftapi.workspace.v1 import run_types_pb2, runs_pb2, runs_pb2_grpc
from workspace import names
from workspace.access import Access
from workspace.bells import Bells
from workspace.launching.ports import WorkloadManagers
from workspace.launching.reconciler import Reconciler
from workspace.operations import runs as operations
from workspace.operations import starts
from workspace.operations.refusals import absent
from workspace.servicers.converting import (
    caller,
    environment_to_dict,
    environment_to_proto,
    failure_to_proto,
    numbers,
    stamp,
    struct_to_dict,
)
from workspace.servicers.listing import Lists
from workspace.servicers.watches import Watches
from workspace.store import projects as project_store
from workspace.store import runs as store
from workspace.store.schema import Run

_STATES = numbers(run_types_pb2.RunState)
_TRIGGERS = numbers(run_types_pb2.RunTrigger)
_MODES = numbers(run_types_pb2.StopMode)


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
    ) -> None:
        self._database = database
        self._lists = lists
        self._access = access
        self._watches = watches
        self._managers = managers
        self._reconciler = reconciler
        self._bells = bells

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
        environment=environment_to_proto(row.environment),
        cache_disabled=row.cache_disabled,
        stack=names.stack(row.stack),
    )
    if row.parameters:
        run.parameters.update(row.parameters)
    for step, settings in row.step_settings.items():
        json_format.ParseDict(settings, run.step_settings[step])
    if row.unresponsive_since:
        run.unresponsive.since.FromDatetime(row.unresponsive_since)
    return run


def stop_to_proto(request: dict[str, Any] | None) -> run_types_pb2.StopRequest | None:
    if request is None:
        return None
    mode: Any = _MODES[request["mode"]]
    return run_types_pb2.StopRequest(
        requester=request["requester"],
        mode=mode,
        reason=request["reason"],
        time=stamp(datetime.fromisoformat(request["time"])),
    )
