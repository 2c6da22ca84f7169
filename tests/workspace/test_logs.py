from tests.workspace.harness import Harness, refused
from weftapi.common.v1 import types_pb2
from weftapi.workspace.v1 import logs_pb2


async def test_lines_are_appended_and_read(ws: Harness) -> None:
    run = await ws.create_run()
    logs = ws.logs()
    created = await logs.CreateLogStream(
        logs_pb2.CreateLogStreamRequest(
            parent="projects/demo", log_stream_id="main", log_stream=logs_pb2.LogStream(run=run.name)
        )
    )
    lines = [types_pb2.LogLine(message=f"line {n}") for n in range(100)]
    written = await logs.WriteLogs(
        logs_pb2.WriteLogsRequest(
            log_stream=created.name, chunk=logs_pb2.LogChunk(first_offset=0, lines=lines)
        )
    )
    assert written.committed_offset == 100
    page = await logs.ReadLogs(logs_pb2.ReadLogsRequest(log_stream=created.name))
    assert [line.message for line in page.lines] == [f"line {n}" for n in range(100)]
    sealed = await logs.SealLogStream(logs_pb2.SealLogStreamRequest(name=created.name))
    assert sealed.next_offset == 100
    got = [m async for m in logs.TailLogs(logs_pb2.TailLogsRequest(log_stream=created.name))]
    assert got[-1].end_of_stream
