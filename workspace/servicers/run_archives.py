"""RunArchiveService."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from meshkit.authentication import Context
from meshkit.database import Database
from meshkit.paging import ListQuery, OrderKey, Orders
from weftapi.workspace.v1 import run_archives_pb2, run_archives_pb2_grpc, run_types_pb2
from workspace import names
from workspace.logs.keeper import LogKeeper
from workspace.operations import retention as operations
from workspace.operations.refusals import absent
from workspace.operations.retention import Policy
from workspace.retention.job import RunArchive
from workspace.servicers import log_streams
from workspace.servicers.converting import numbers, stamp
from workspace.servicers.listing import Lists
from workspace.store import projects as project_store
from workspace.store import retention as store
from workspace.store.schema_retention import ArchivedLog, ArchivedRun

_SHOWN = 100
_LINES = 1000
_STATES = numbers(run_types_pb2.RunState)
_PLACE = OrderKey("place")


class RunArchiveServicer(run_archives_pb2_grpc.RunArchiveServiceServicer):
    def __init__(
        self, database: Database, lists: Lists, archive: RunArchive, logs: LogKeeper
    ) -> None:
        self._database = database
        self._lists = lists
        self._archive = archive
        self._logs = logs

    async def PreviewRetention(
        self, request: run_archives_pb2.PreviewRetentionRequest, _context: Context
    ) -> run_archives_pb2.PreviewRetentionResponse:
        project = await self._database.read(project_store.get, names.last(request.parent))
        if project is None:
            raise absent(request.parent)
        policy = Policy(project.keep_run_days, project.keep_last_runs)
        if request.HasField("policy"):
            policy = Policy(request.policy.keep_run_days, request.policy.keep_last_runs)
        found = await self._database.read(operations.preview, project.id, policy, _SHOWN)
        response = run_archives_pb2.PreviewRetentionResponse(has_more=len(found) > _SHOWN)
        for run, reason in found[:_SHOWN]:
            if reason:
                response.kept_runs.add(run=run.name, reason=reason)
            else:
                response.runs.append(run.name)
        return response

    async def ListArchivedRuns(
        self, request: run_archives_pb2.ListArchivedRunsRequest, _context: Context
    ) -> run_archives_pb2.ListArchivedRunsResponse:
        window = self._lists.window("ListArchivedRuns", request, store.ORDERS)
        filter_ = self._lists.filter(store.FIELDS, request.filter)
        page = await self._lists.page(
            window, self._to_proto, store.list_page, names.last(request.parent), window, filter_
        )
        return run_archives_pb2.ListArchivedRunsResponse(
            archived_runs=page.items, next_page_token=page.next_page_token
        )

    async def GetArchivedRun(
        self, request: run_archives_pb2.GetArchivedRunRequest, _context: Context
    ) -> run_archives_pb2.ArchivedRun:
        row = await self._row(request.name)
        archive = await self._archive.read(row)
        logs = await self._database.read(store.logs, row.uid)
        message = self._to_proto(row)
        message.run.CopyFrom(archive.run)
        message.run_conditions.extend(archive.conditions)
        message.log_stream_ids.extend(sorted(log.id for log in logs))
        return message

    async def ListArchivedSteps(
        self, request: run_archives_pb2.ListArchivedStepsRequest, _context: Context
    ) -> run_archives_pb2.ListArchivedStepsResponse:
        window = self._lists.tokens.window(
            ListQuery("ListArchivedSteps", request.parent),
            Orders((_PLACE,), _PLACE, "place"),
            size=request.page_size,
            token=request.page_token,
        )
        steps = await self._archive.steps(await self._row(request.parent))
        placed = [_Placed(place, step) for place, step in enumerate(steps)]
        page = window.page(window.pick(placed), lambda item: item.step, revision=0)
        return run_archives_pb2.ListArchivedStepsResponse(
            archived_steps=page.items, next_page_token=page.next_page_token
        )

    async def DeleteArchivedRun(
        self, request: run_archives_pb2.DeleteArchivedRunRequest, _context: Context
    ) -> Empty:
        await self._archive.delete(await self._row(request.name))
        return Empty()

    async def ReadArchivedLogs(
        self, request: run_archives_pb2.ReadArchivedLogsRequest, _context: Context
    ) -> run_archives_pb2.ReadArchivedLogsResponse:
        log = await self._log(await self._row(request.name), request.log_stream_id)
        async with self._logs.archived(log) as live:
            reader = log_streams.Reader(self._logs.logs.backend, live)
            page = await reader.page(request.offset, _LINES, None)
        return run_archives_pb2.ReadArchivedLogsResponse(
            lines=page.lines, next_offset=page.next_offset, end_of_stream=page.end_of_stream
        )

    async def _row(self, name: str) -> ArchivedRun:
        project, uid = names.ids(name)
        row = None
        with suppress(ValueError):
            row = await self._database.read(store.get, project, UUID(uid))
        if row is None:
            raise absent(name)
        return row

    async def _log(self, row: ArchivedRun, log_stream: str) -> ArchivedLog:
        for log in await self._database.read(store.logs, row.uid):
            if log.id == log_stream:
                return log
        raise absent(f"{row.name} log {log_stream}")

    def _to_proto(self, row: ArchivedRun) -> run_archives_pb2.ArchivedRun:
        project = names.project(row.project)
        state: Any = _STATES[row.state]
        return run_archives_pb2.ArchivedRun(
            name=row.name,
            run_name=names.run(row.project, row.run),
            pipeline=names.child(project, "pipelines", row.pipeline),
            state=state,
            creator=row.creator,
            create_time=stamp(row.create_time),
            end_time=stamp(row.end_time),
            archive_time=stamp(row.archive_time),
            size_bytes=row.size_bytes,
            uri=self._archive.uri(row),
        )


@dataclass(frozen=True, slots=True)
class _Placed:
    """A step, and where it stands in the archive."""

    place: int
    step: run_archives_pb2.ArchivedStep
