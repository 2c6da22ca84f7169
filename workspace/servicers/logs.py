"""LogService: the calls on logs, and who may make them with a run token."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

from google.api import httpbody_pb2

from meshkit.authentication import Context
from meshkit.caller import Caller, CallerKind
from meshkit.database import Database
from meshkit.errors import NotFound, PermissionDenied
from meshkit.scopes import ExtraCheck
from weftapi.workspace.v1 import logs_pb2, logs_pb2_grpc
from workspace import names
from workspace.logs.amounts import Usage
from workspace.logs.keeper import LogKeeper
from workspace.operations import logs as operations
from workspace.operations.refusals import invalid
from workspace.servicers import log_lines, log_streams
from workspace.servicers.converting import stamp
from workspace.servicers.listing import Lists
from workspace.servicers.log_filters import LineFilter
from workspace.step_tokens import attempt_of
from workspace.store import logs as store
from workspace.store.schema_logs import LogStream

_STATES = {
    "OPEN": logs_pb2.LOG_STREAM_STATE_OPEN,
    "SEALED": logs_pb2.LOG_STREAM_STATE_SEALED,
}
_DEFAULT_LINES = 1_000
_MOST_LINES = 10_000
_PLAIN_TEXT = "text/plain; charset=utf-8"


class LogServicer(logs_pb2_grpc.LogServiceServicer):
    """`alive_s` is how often an idle tail says that it is alive."""

    def __init__(
        self,
        database: Database,
        lists: Lists,
        keeper: LogKeeper,
        *,
        alive_s: float = 15.0,
        is_draining: Callable[[], bool] = lambda: False,
    ) -> None:
        self._database = database
        self._lists = lists
        self._keeper = keeper
        self._alive_s = alive_s
        self._is_draining = is_draining

    async def CreateLogStream(
        self, request: logs_pb2.CreateLogStreamRequest, _context: Context
    ) -> logs_pb2.LogStream:
        project, asked = names.project_of(request.parent), request.log_stream
        if names.project_of(asked.run) != project:
            raise invalid("log_stream.run", "must be a run of the parent")
        row: LogStream = await self._database.write(
            operations.create,
            project,
            request.log_stream_id,
            run=names.last(asked.run),
            step_id=asked.step_id,
            attempt=asked.attempt,
        )
        return await self._shown(row)

    async def GetLogStream(
        self, request: logs_pb2.GetLogStreamRequest, _context: Context
    ) -> logs_pb2.LogStream:
        return await self._shown(await self._keeper.find(*names.ids(request.name)))

    async def ListLogStreams(
        self, request: logs_pb2.ListLogStreamsRequest, _context: Context
    ) -> logs_pb2.ListLogStreamsResponse:
        window = self._lists.window("ListLogStreams", request, store.ORDERS)
        filter_ = self._lists.filter(store.FIELDS, request.filter)
        project = names.project_of(request.parent)
        rows: list[LogStream] = []

        def convert(row: LogStream) -> logs_pb2.LogStream:
            rows.append(row)
            return log_stream_to_proto(row)

        page = await self._lists.page(window, convert, store.list_page, project, window, filter_)
        usages = await self._keeper.usages(rows)
        for message, row in zip(page.items, rows, strict=False):  # one more where a page is cut
            _say_usage(message, usages[row.uid])
        return logs_pb2.ListLogStreamsResponse(
            log_streams=page.items, next_page_token=page.next_page_token
        )

    async def AppendLogs(
        self, requests: AsyncIterator[logs_pb2.AppendLogsRequest], _context: Context
    ) -> AsyncIterator[logs_pb2.AppendLogsResponse]:
        first = await anext(aiter(requests))
        if not first.HasField("open"):
            raise invalid("open", "must be the first message")
        stream, epoch = names.ids(first.open.log_stream), first.open.writer_epoch
        async with self._keeper.admitted(*stream, epoch=epoch) as admitted:
            yield logs_pb2.AppendLogsResponse(
                opened=logs_pb2.LogOpened(
                    next_offset=admitted.live.committed, writer_epoch=admitted.epoch
                )
            )
            answers = log_streams.appended(requests, admitted, self._is_draining)
            async with aclosing(answers):
                async for answer in answers:
                    yield answer

    async def WriteLogs(
        self, request: logs_pb2.WriteLogsRequest, _context: Context
    ) -> logs_pb2.WriteLogsResponse:
        stream = names.ids(request.log_stream)
        async with self._keeper.admitted(*stream, epoch=request.writer_epoch) as admitted:
            await log_lines.append(admitted, request.chunk)
            await admitted.live.drain()
            admitted.writer.check()
            return logs_pb2.WriteLogsResponse(
                committed_offset=admitted.live.committed,
                writer_epoch=admitted.epoch,
                dropped_lines=admitted.meter.usage.dropped_lines,
            )

    async def SealLogStream(
        self, request: logs_pb2.SealLogStreamRequest, _context: Context
    ) -> logs_pb2.LogStream:
        return log_stream_to_proto(await self._keeper.seal(*names.ids(request.name)))

    async def ReadLogs(
        self, request: logs_pb2.ReadLogsRequest, _context: Context
    ) -> logs_pb2.ReadLogsResponse:
        most = min(request.max_lines or _DEFAULT_LINES, _MOST_LINES)
        async with self._keeper.followed(*names.ids(request.log_stream)) as live:
            reader = log_streams.Reader(self._keeper.logs.backend, live)
            return await reader.page(request.offset, most, LineFilter.of(request.filter))

    async def TailLogs(
        self, request: logs_pb2.TailLogsRequest, context: Context
    ) -> AsyncIterator[logs_pb2.TailLogsResponse]:
        if request.last_lines and request.HasField("since"):
            raise invalid("since", "cannot be combined with last_lines")
        async with self._keeper.followed(*names.ids(request.log_stream)) as live:
            reader = log_streams.Reader(self._keeper.logs.backend, live)
            offset = await reader.start(request)
            has_ended = live.is_sealed and offset >= live.committed
            await context.send_initial_metadata([("x-weft-ended", "true")] if has_ended else [])
            tail = log_streams.tail(
                reader,
                offset,
                wanted=LineFilter.of(request.filter),
                alive_s=self._alive_s,
                is_draining=self._is_draining,
            )
            async with aclosing(tail):
                async for message in tail:
                    yield message

    async def DownloadLogs(
        self, request: logs_pb2.DownloadLogsRequest, _context: Context
    ) -> AsyncIterator[httpbody_pb2.HttpBody]:
        async with self._keeper.followed(*names.ids(request.log_stream)) as live:
            reader = log_streams.Reader(self._keeper.logs.backend, live)
            end = live.committed
            # The first message says what kind of body it is, also of an empty log.
            yield httpbody_pb2.HttpBody(content_type=_PLAIN_TEXT)
            async for batch in reader.all(await reader.first(), end):
                yield httpbody_pb2.HttpBody(
                    content_type=_PLAIN_TEXT, data=log_lines.text(batch.lines)
                )

    async def _shown(self, row: LogStream) -> logs_pb2.LogStream:
        usages = await self._keeper.usages([row])
        message = log_stream_to_proto(row)
        _say_usage(message, usages[row.uid])
        return message


def log_stream_to_proto(row: LogStream) -> logs_pb2.LogStream:
    """A log stream; events and the like do not say how far an open one has come."""
    return logs_pb2.LogStream(
        name=row.name,
        uid=str(row.uid),
        create_time=stamp(row.create_time),
        revision=row.revision,
        run=names.run(row.project, row.run),
        step_id=row.step_id,
        attempt=row.attempt,
        state=_STATES[row.state],
        next_offset=row.next_offset,
        dropped_lines=row.dropped_lines,
        kept_bytes=row.kept_bytes,
    )


def _say_usage(message: logs_pb2.LogStream, usage: Usage) -> None:
    message.next_offset = usage.offset
    message.dropped_lines, message.kept_bytes = usage.dropped_lines, usage.kept_bytes


def log_stream_of_own_run(keeper: LogKeeper) -> ExtraCheck:
    """The extra check of that name: a run token reaches the logs of its own run only."""

    async def check(caller: Caller, request: object) -> None:
        if caller.kind is not CallerKind.RUN:
            return
        project, run, _attempt = names.ids(caller.subject)
        of_run, of_attempt = await _about(keeper, request)
        only = attempt_of(caller)
        if of_run != names.run(project, run) or (only and of_attempt != only):
            raise PermissionDenied(
                "NOT_PERMITTED", "A run token reaches the logs of its own run only."
            )

    return check


async def _about(keeper: LogKeeper, request: object) -> tuple[str, str]:
    """The run, and the attempt, whose log a request is about; "" where there is no such log."""
    match request:
        case logs_pb2.CreateLogStreamRequest():
            said = request.log_stream
            return said.run, _attempt(said.run, said.step_id, said.attempt)
        case logs_pb2.AppendLogsRequest():
            name = request.open.log_stream
        case logs_pb2.WriteLogsRequest():
            name = request.log_stream
        case logs_pb2.SealLogStreamRequest():
            name = request.name
        case _:
            return "", ""
    if not name:
        return "", ""
    try:
        row = await keeper.find(*names.ids(name))
    except NotFound:
        return "", ""
    run = names.run(row.project, row.run)
    return run, _attempt(run, row.step_id, row.attempt)


def _attempt(run: str, step: str, number: int) -> str:
    return names.attempt(f"{run}/steps/{step}", number)
