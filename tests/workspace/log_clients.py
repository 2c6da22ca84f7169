"""What tests of logs need: streams of lines, a writer, and a wire that breaks."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from tests.workspace.harness import Harness
from weftapi.common.v1 import types_pb2
from weftapi.workspace.v1 import logs_pb2, logs_pb2_grpc

NAME = "projects/demo/logStreams/main"


async def create_log(ws: Harness, log_stream_id: str = "main", run: str = "") -> str:
    """The name of a new log; of a new run unless told otherwise."""
    run = run or (await ws.create_run()).name
    stream = logs_pb2.LogStream(run=run)
    request = logs_pb2.CreateLogStreamRequest(
        parent="projects/demo", log_stream_id=log_stream_id, log_stream=stream
    )
    return (await ws.logs().CreateLogStream(request)).name


def text(number: int) -> str:
    return f"line {number}"


def line(message: str, *, second: int | None = None, **fields: Any) -> types_pb2.LogLine:
    time = None if second is None else Timestamp(seconds=second)
    return types_pb2.LogLine(message=message, time=time, **fields)


def chunk(first: int, end: int, *, size: int = 0) -> logs_pb2.LogChunk:
    """The lines of these numbers, padded."""
    lines = [line(text(number).ljust(size, ".")) for number in range(first, end)]
    return logs_pb2.LogChunk(first_offset=first, lines=lines)


async def write(stub: Any, name: str, first: int, end: int, **fields: Any) -> int:
    """Writes the lines of these numbers in one call; the writer's epoch."""
    request = logs_pb2.WriteLogsRequest(log_stream=name, chunk=chunk(first, end), **fields)
    response = await stub.WriteLogs(request)
    assert response.committed_offset == end
    return response.writer_epoch


async def listing(stub: Any, name: str, offset: int = 0) -> list[types_pb2.LogLine]:
    """All lines of a log, page by page."""
    lines: list[types_pb2.LogLine] = []
    while True:
        page = await stub.ReadLogs(logs_pb2.ReadLogsRequest(log_stream=name, offset=offset))
        lines += page.lines
        if page.next_offset == offset:
            return lines
        offset = page.next_offset


def messages(lines: Any) -> list[str]:
    return [one.message for one in lines]


class Writer:
    """One AppendLogs call."""

    def __init__(self, stub: Any, name: str, epoch: int = 0) -> None:
        self._call = stub.AppendLogs()
        self._name = name
        self.epoch = epoch
        self.next_offset = -1
        self.acked = -1

    async def open(self) -> "Writer":
        opening = logs_pb2.OpenLog(log_stream=self._name, writer_epoch=self.epoch)
        await self._call.write(logs_pb2.AppendLogsRequest(open=opening))
        opened = (await self.read()).opened
        self.next_offset, self.epoch = opened.next_offset, opened.writer_epoch
        self.acked = self.next_offset
        return self

    async def send(self, body: logs_pb2.LogChunk) -> None:
        await self._call.write(logs_pb2.AppendLogsRequest(chunk=body))

    async def read(self) -> logs_pb2.AppendLogsResponse:
        response = await self._call.read()
        if response is grpc.aio.EOF:
            code = await self._call.code()
            if code is not grpc.StatusCode.OK:
                raise grpc.aio.AioRpcError(
                    code,
                    await self._call.initial_metadata(),
                    await self._call.trailing_metadata(),
                    await self._call.details(),
                )
            raise EOFError
        if response.HasField("ack"):
            self.acked = response.ack.committed_offset
        return response

    async def wait_for(self, offset: int) -> None:
        """Reads until everything before the offset is durable."""
        while self.acked < offset:
            await self.read()

    async def done(self) -> None:
        """Says that no more comes, and reads to the end."""
        await self._call.done_writing()
        try:
            while True:
                await self.read()
        except EOFError:
            return

    def cancel(self) -> None:
        self._call.cancel()


class Wire:
    """A TCP relay that breaks when told to: `budget` bytes more pass, counted both ways."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._budget: int | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0

    @property
    def will_break(self) -> bool:
        return self._budget is not None

    def break_after(self, budget: int) -> None:
        self._budget = budget

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._open |= {writer, far_writer}
        try:
            await asyncio.gather(self._pass(reader, far_writer), self._pass(far_reader, writer))
        finally:
            for end in (writer, far_writer):
                self._open.discard(end)
                end.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(4096):
                if self._budget is not None:
                    data = data[: max(self._budget, 0)]
                    self._budget -= len(data)
                writer.write(data)
                await writer.drain()
                if self._budget is not None and self._budget <= 0:
                    break
        except OSError:
            pass
        # One half of a broken wire is no wire; the other half has nothing left to break, and a
        # wire that was opened since is not its own.
        if writer not in self._open:
            return
        for end in tuple(self._open):
            end.transport.abort()
        self._open.clear()
        self._budget = None


@asynccontextmanager
async def broken_wire(ws: Harness) -> AsyncIterator[tuple[Wire, Callable[[], Any]]]:
    """A wire to the server's edge, and a function that makes a stub on a new channel over it."""
    wire = Wire(ws.ports.edge)
    server = await asyncio.start_server(wire.relay, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    channels = []

    def stub() -> Any:
        credentials = grpc.composite_channel_credentials(
            grpc.ssl_channel_credentials(ws.mesh.authority.pem),
            grpc.access_token_call_credentials(ws.token()),
        )
        options = [("grpc.use_local_subchannel_pool", 1)]
        channels.append(grpc.aio.secure_channel(f"localhost:{port}", credentials, options))
        return logs_pb2_grpc.LogServiceStub(channels[-1])

    try:
        yield wire, stub
    finally:
        for channel in channels:
            await channel.close()
        server.close()
        await server.wait_closed()
