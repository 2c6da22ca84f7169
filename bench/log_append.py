"""(c) Appending log lines over streams, 100 lines a message, acknowledged when durable."""

import uuid

from bench.create_run import request
from bench.figures import Figure, at_least
from bench.load import Options, Sample, Slice, figure, take_turns
from bench.run import main
from bench.site import PROJECT, Server, Site
from bench.windowed import Conversation, pump
from weftapi.common.v1 import types_pb2
from weftapi.workspace.v1 import logs_pb2, logs_pb2_grpc, runs_pb2_grpc

STREAMS = 4
LINES = 100
WINDOW = 64


class Writer:
    """One log and whoever writes it; each chunk goes on where the last one ended."""

    def __init__(self, log_stream: str) -> None:
        self._log_stream = log_stream
        self._offset = 0
        text = "epoch 12 batch 3400/10000 loss 0.03125 accuracy 0.98437 lr 0.000125"
        self._lines = [
            types_pb2.LogLine(message=f"{text} {number:02d}", channel=types_pb2.LOG_CHANNEL_STDOUT)
            for number in range(LINES)
        ]
        for line in self._lines:
            line.time.GetCurrentTime()

    def converse(self) -> Conversation:
        first = self._offset

        def acked(answer: logs_pb2.AppendLogsResponse) -> int | None:
            if not answer.HasField("ack"):
                return None
            return (answer.ack.committed_offset - first) // LINES

        opening = logs_pb2.OpenLog(log_stream=self._log_stream)
        return Conversation(logs_pb2.AppendLogsRequest(open=opening), self._say, acked, units=LINES)

    def _say(self) -> logs_pb2.AppendLogsRequest:
        chunk = logs_pb2.LogChunk(first_offset=self._offset, lines=self._lines)
        self._offset += LINES
        return logs_pb2.AppendLogsRequest(chunk=chunk)


async def appending(server: Server, logs: list[str]) -> Slice:
    """Each stream keeps WINDOW chunks in flight."""
    stub = await server.stub(logs_pb2_grpc.LogServiceStub)
    writers = [Writer(log) for log in logs]

    async def run(seconds: float) -> Sample:
        conversations = [writer.converse() for writer in writers]
        return await pump(server, stub.AppendLogs, conversations, window=WINDOW, seconds=seconds)

    return run


async def new_logs(server: Server) -> list[str]:
    """A log of its own for each stream."""
    runs = await server.stub(runs_pb2_grpc.RunServiceStub)
    logs = await server.stub(logs_pb2_grpc.LogServiceStub)
    names = []
    for _ in range(STREAMS):
        run = await runs.CreateRun(request(), metadata=server.metadata)
        making = logs_pb2.CreateLogStreamRequest(
            parent=PROJECT,
            log_stream_id=f"log-{uuid.uuid4()}",
            log_stream=logs_pb2.LogStream(run=run.name),
        )
        log = await logs.CreateLogStream(making, metadata=server.metadata)
        names.append(log.name)
    return names


async def measure(site: Site, options: Options) -> list[Figure]:
    ours, bare = await site.workspace(), await site.bare()
    names = await new_logs(ours)
    pair = await take_turns(await appending(ours, names), await appending(bare, names), options)
    target = at_least(0.25)
    return [figure("c", "log append, sqlite FULL", "lines/s", pair, target)]


if __name__ == "__main__":
    main(measure)
