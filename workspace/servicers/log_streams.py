"""The streams of LogService: what a writer hears, and how a reader moves on.

Neither has a queue: a writer is read no faster than its lines become durable, a reader is an
offset and an event that says when to look again.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import contextmanager

from meshkit.errors import FieldViolation, InvalidArgument, OutOfRange
from meshkit.streams import Ending, current_stream
from weftapi.workspace.v1 import logs_pb2, reports_pb2
from workspace.logs.backend import LogBackend, LogTrimmedError
from workspace.logs.keeper import Admitted
from workspace.logs.live import LiveLog
from workspace.logs.refusals import stored
from workspace.servicers import log_lines
from workspace.servicers.log_filters import LineFilter
from workspace.servicers.log_lines import Batch

_READ_BYTES = 256 << 10
_PAGE_BYTES = 2 << 20


class Reader:
    """Reads one log."""

    def __init__(self, backend: LogBackend, live: LiveLog) -> None:
        self._backend = backend
        self.live = live

    async def first(self) -> int:
        """The first line that is kept."""
        extent = await stored(self._backend.extent(self.live.key))
        return extent.first_offset

    async def start(self, request: logs_pb2.TailLogsRequest) -> int:
        """Where a tail begins."""
        if request.HasField("offset"):
            return request.offset
        if request.last_lines:
            return max(await self.first(), self.live.committed - request.last_lines)
        if request.HasField("since"):
            return await self._since(log_lines.microseconds(request.since))
        return await self.first()

    async def batches(self, offset: int, end: int) -> list[Batch]:
        """Some lines from an offset before the end on; OutOfRange `LOG_TRIMMED`."""
        try:
            frames = await stored(self._backend.read(self.live.key, offset, _READ_BYTES))
        except LogTrimmedError as error:
            raise OutOfRange(
                "LOG_TRIMMED",
                "The lines there are gone; start again from the first that is kept.",
                metadata={"firstOffset": str(error.first_offset)},
            ) from error
        return list(log_lines.joined(log_lines.batches(frames, offset, end)))

    async def all(self, offset: int, end: int) -> AsyncIterator[Batch]:
        """All lines between two offsets, and perhaps a few more."""
        while offset < end:
            for batch in await self.batches(offset, end):
                yield batch
                offset = batch.next_offset

    async def page(
        self, offset: int, most: int, wanted: LineFilter | None
    ) -> logs_pb2.ReadLogsResponse:
        """The lines of one page, of which a filter may leave none."""
        end = self.live.committed
        response = logs_pb2.ReadLogsResponse(next_offset=offset)
        size = 0
        if wanted and wanted.since_us and offset < end:
            found = await stored(self._backend.find(self.live.key, wanted.since_us))
            offset = response.next_offset = max(offset, found)
        async for batch in self.all(offset, end):
            room = most - len(response.lines)
            lines = wanted.chosen(batch.lines) if wanted else batch.lines
            response.lines.extend(lines[:room])
            is_whole = len(lines) <= room
            response.next_offset = batch.next_offset if is_whole else lines[room].offset
            size += batch.size_bytes
            if not is_whole or len(response.lines) == most or size >= _PAGE_BYTES:
                break
        response.end_of_stream = self.live.is_sealed and response.next_offset >= end
        return response

    async def _since(self, time_us: int) -> int:
        """The first line written at or after a time, the end where there is none."""
        end = self.live.committed
        offset = await stored(self._backend.find(self.live.key, time_us))
        async for batch in self.all(offset, end):
            found = log_lines.since(batch.lines, time_us)
            if found is not None:
                return found
        return end


async def tail(
    reader: Reader,
    offset: int,
    *,
    wanted: LineFilter | None,
    alive_s: float,
    is_draining: Callable[[], bool],
) -> AsyncGenerator[logs_pb2.TailLogsResponse, None]:
    """Lines from an offset on as they become durable, until the log has ended."""
    live, stream = reader.live, current_stream.get()
    with _woken(live) as (event, ending):
        is_silent = True
        while not ending.done():
            event.clear()
            if offset < live.committed:
                for batch in await reader.batches(offset, live.committed):
                    offset = batch.next_offset
                    stream.cursor = str(offset)
                    lines = wanted.chosen(batch.lines) if wanted else batch.lines
                    # Also without lines: it is where the tail resumes.
                    yield logs_pb2.TailLogsResponse(lines=lines, next_offset=offset)
                is_silent = False
            elif live.is_sealed:
                yield logs_pb2.TailLogsResponse(next_offset=offset, end_of_stream=True)
                return
            else:
                if is_silent:
                    yield logs_pb2.TailLogsResponse(next_offset=offset)
                is_silent = not await _happens(event, alive_s)
        yield logs_pb2.TailLogsResponse(next_offset=offset, notice=_notice(is_draining))


async def appended(
    requests: AsyncIterator[logs_pb2.AppendLogsRequest],
    admitted: Admitted,
    is_draining: Callable[[], bool],
) -> AsyncGenerator[logs_pb2.AppendLogsResponse, None]:
    """Takes in a writer's chunks and says how far they are durable; raises what ends it."""
    live, writer = admitted.live, admitted.writer
    acked = live.committed
    with _woken(live) as (event, ending):
        receiving = asyncio.create_task(_receive(requests, admitted, event))
        receiving.add_done_callback(lambda _: event.set())
        try:
            while not (receiving.done() or ending.done() or writer.error):
                await event.wait()
                event.clear()
                if live.committed > acked or writer.is_repeating:
                    acked, writer.is_repeating = live.committed, False
                    yield _ack(acked, admitted)
            has_ended = receiving.done()
            if not has_ended:
                receiving.cancel()
                await asyncio.wait([receiving])
            await live.drain()
            writer.check()
            if live.committed > acked or writer.is_repeating:
                yield _ack(live.committed, admitted)
            if has_ended:
                receiving.result()
            else:
                yield logs_pb2.AppendLogsResponse(notice=_notice(is_draining))
        finally:
            receiving.cancel()
            await asyncio.gather(receiving, return_exceptions=True)


async def _receive(
    requests: AsyncIterator[logs_pb2.AppendLogsRequest], admitted: Admitted, event: asyncio.Event
) -> None:
    writer = admitted.writer
    async for request in requests:
        if not request.HasField("chunk"):
            violation = FieldViolation("chunk", "must follow the first message, and nothing else")
            raise InvalidArgument("INVALID_FIELDS", "a chunk must follow", violations=[violation])
        if not await log_lines.append(admitted, request.chunk):
            writer.is_repeating = True
            event.set()


@contextmanager
def _woken(live: LiveLog) -> Iterator[tuple[asyncio.Event, "asyncio.Task[bool]"]]:
    """An event that is set when something happens to the log, or when the stream should end."""
    event = asyncio.Event()
    ending: asyncio.Task[bool] = asyncio.create_task(_until(current_stream.get().ending))
    ending.add_done_callback(lambda _: event.set())
    live.follow(event)
    try:
        yield event, ending
    finally:
        live.leave(event)
        ending.cancel()


async def _until(ending: Ending) -> bool:
    return await ending.wait()


async def _happens(event: asyncio.Event, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return False
    return True


def _ack(offset: int, admitted: Admitted) -> logs_pb2.AppendLogsResponse:
    dropped = admitted.meter.usage.dropped_lines
    return logs_pb2.AppendLogsResponse(
        ack=logs_pb2.LogAck(committed_offset=offset, dropped_lines=dropped)
    )


def _notice(is_draining: Callable[[], bool]) -> reports_pb2.Notice:
    return reports_pb2.Notice(reconnect=True, reason="draining" if is_draining() else "age")
