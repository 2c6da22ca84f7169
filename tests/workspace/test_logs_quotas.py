"""Quotas of logs: what is beyond them is not kept, is counted, and keeps nobody from anything."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.workspace.harness import Harness, refused, run_report, workspace
from tests.workspace.log_clients import (
    NAME,
    Writer,
    chunk,
    create_log,
    line,
    listing,
    messages,
    text,
    write,
)
from tests.workspace.test_logs_crash import server
from weftapi.common.v1 import types_pb2
from weftapi.workspace.v1 import (
    events_pb2,
    logs_pb2,
    logs_pb2_grpc,
    projects_pb2,
    projects_pb2_grpc,
    run_types_pb2,
    runs_pb2,
    runs_pb2_grpc,
)


async def limit(ws: Harness, **limits: int) -> None:
    project = projects_pb2.Project(name="projects/demo", **limits)
    request = projects_pb2.UpdateProjectRequest(project=project)
    request.update_mask.paths.extend(limits)
    await ws.projects().UpdateProject(request)


async def stored(ws: Harness, name: str = NAME) -> logs_pb2.LogStream:
    return await ws.logs().GetLogStream(logs_pb2.GetLogStreamRequest(name=name))


async def seal(ws: Harness, name: str = NAME) -> logs_pb2.LogStream:
    return await ws.logs().SealLogStream(logs_pb2.SealLogStreamRequest(name=name))


async def test_lines_beyond_the_quota_of_a_log_are_counted_and_not_kept(ws: Harness) -> None:
    await limit(ws, max_log_stream_lines=5)
    name = await create_log(ws)
    request = logs_pb2.WriteLogsRequest(log_stream=name, chunk=chunk(0, 8))
    first = await ws.logs().WriteLogs(request)
    assert (first.committed_offset, first.dropped_lines) == (8, 3)
    epoch = await write(ws.logs(), name, 8, 1_200, writer_epoch=first.writer_epoch)
    *kept, marker = await listing(ws.logs(), name)
    assert messages(kept) == [text(number) for number in range(5)]
    assert marker.message == "log quota of 5 lines reached; 1,195 further lines were not kept"
    assert (marker.offset, marker.dropped_lines) == (5, 1_195)
    assert marker.origin == types_pb2.LOG_ORIGIN_SYSTEM
    assert marker.level == types_pb2.LOG_LEVEL_WARNING
    assert marker.HasField("time")
    found = await stored(ws)
    assert (found.next_offset, found.dropped_lines) == (1_200, 1_195)
    # What was acknowledged is known: it is neither kept nor counted again.
    again = logs_pb2.WriteLogsRequest(log_stream=name, chunk=chunk(3, 9), writer_epoch=epoch)
    assert (await ws.logs().WriteLogs(again)).dropped_lines == 1_195
    from_the_middle = await listing(ws.logs(), name, offset=1_199)
    assert messages(from_the_middle) == [
        "log quota of 5 lines reached; 1 further line was not kept"
    ]


async def test_bytes_of_a_run_are_those_of_all_its_logs(ws: Harness) -> None:
    await limit(ws, max_run_log_bytes=20_000)
    run = await ws.create_run()
    names = [await create_log(ws, id_, run.name) for id_ in ("one", "two")]
    for name in names:
        response = await ws.logs().WriteLogs(
            logs_pb2.WriteLogsRequest(log_stream=name, chunk=chunk(0, 12, size=1_000))
        )
        assert response.committed_offset == 12
        await seal(ws, name)
    one, two = [await stored(ws, name) for name in names]
    assert (one.dropped_lines, one.kept_bytes) == (0, pytest.approx(12_100, abs=200))
    assert two.dropped_lines == 5
    assert one.kept_bytes + two.kept_bytes <= 20_000
    last = (await listing(ws.logs(), two.name))[-1]
    assert last.message == "log quota of 19.5 KiB reached; 5 further lines were not kept"
    # Another run has a quota of its own.
    other = await create_log(ws, "three")
    await write(ws.logs(), other, 0, 9, writer_epoch=0)
    assert (await stored(ws, other)).dropped_lines == 0


async def test_a_raised_quota_lets_later_lines_in(ws: Harness) -> None:
    await limit(ws, max_log_stream_lines=2)
    name = await create_log(ws)
    epoch = await write(ws.logs(), name, 0, 4)
    await limit(ws, max_log_stream_lines=6)
    # Not before the log asks again: appends do not ask the database each time.
    await write(ws.logs(), name, 4, 5, writer_epoch=epoch)
    ws.clock.move(seconds=2)
    await write(ws.logs(), name, 5, 7, writer_epoch=epoch)
    dropped = "log quota of 2 lines reached; 3 further lines were not kept"
    assert messages(await listing(ws.logs(), name)) == [text(0), text(1), dropped, text(5), text(6)]
    await limit(ws, max_log_stream_lines=1)
    ws.clock.move(seconds=2)
    await write(ws.logs(), name, 7, 60, writer_epoch=epoch)
    # What is there stays; nothing comes to it.
    found = await stored(ws)
    assert found.next_offset - found.dropped_lines == 4


async def test_a_streaming_writer_goes_on_over_the_quota(ws: Harness) -> None:
    await limit(ws, max_log_stream_lines=10)
    name = await create_log(ws)
    writer = await Writer(ws.logs(), name).open()
    for number in range(0, 4_000, 100):
        await writer.send(chunk(number, number + 100))
    dropped = 0
    while writer.acked < 4_000:
        dropped = (await writer.read()).ack.dropped_lines
    assert dropped == 3_990
    await writer.done()
    lines = await listing(ws.logs(), name)
    assert len(lines) == 11
    assert lines[-1].dropped_lines == 3_990
    tail = ws.logs().TailLogs(logs_pb2.TailLogsRequest(log_stream=name, offset=0))
    await seal(ws)
    told = [one async for batch in tail for one in batch.lines]
    assert (len(told) >= 11, sum(one.dropped_lines for one in told)) == (True, 3_990)
    download = ws.logs().DownloadLogs(logs_pb2.DownloadLogsRequest(log_stream=name))
    body = b"".join([part.data async for part in download]).decode()
    assert body.endswith("log quota of 10 lines reached; 3,990 further lines were not kept\n")


async def test_filters_find_the_marker_by_its_level_and_text(ws: Harness) -> None:
    await limit(ws, max_log_stream_lines=1)
    name = await create_log(ws)
    await write(ws.logs(), name, 0, 3)

    async def found(**fields: Any) -> int:
        request = logs_pb2.ReadLogsRequest(log_stream=name, filter=logs_pb2.LogFilter(**fields))
        return len((await ws.logs().ReadLogs(request)).lines)

    assert await found(min_level=types_pb2.LOG_LEVEL_WARNING) == 1
    assert await found(min_level=types_pb2.LOG_LEVEL_ERROR) == 0
    assert await found(contains="quota") == 1


async def test_the_seal_says_how_many_were_not_kept_and_frees_what_was_not_used(
    ws: Harness,
) -> None:
    await limit(ws, max_run_log_lines=600)
    run = await ws.create_run()
    small, large = [await create_log(ws, id_, run.name) for id_ in ("small", "large")]
    # Each is granted 500 lines at least beyond what it needs, where there are so many.
    await write(ws.logs(), small, 0, 10)
    assert (await seal(ws, small)).dropped_lines == 0
    await write(ws.logs(), large, 0, 591)
    sealed = await seal(ws, large)
    assert (sealed.next_offset, sealed.dropped_lines) == (591, 1)
    listed = await ws.logs().ListLogStreams(logs_pb2.ListLogStreamsRequest(parent="projects/demo"))
    assert [one.dropped_lines for one in listed.log_streams] == [1, 0]
    told = await ws.events().ListEvents(
        events_pb2.ListEventsRequest(parent="projects/demo", resource_types=["weft.dev/LogStream"])
    )
    assert told.events[-1].log_stream.dropped_lines == 1


async def test_a_log_that_fell_silent_gives_back_what_it_was_granted(ws: Harness) -> None:
    await limit(ws, max_run_log_lines=600)
    run = await ws.create_run()
    silent, busy = [await create_log(ws, id_, run.name) for id_ in ("silent", "busy")]
    await write(ws.logs(), silent, 0, 1)
    quotas = ws.workspace.logs.quotas
    await quotas.settle()
    await quotas.settle()
    await write(ws.logs(), busy, 0, 599)
    assert (await stored(ws, busy)).dropped_lines == 0
    # And gets more when it speaks again, if there is any.
    response = await ws.logs().WriteLogs(
        logs_pb2.WriteLogsRequest(log_stream=silent, chunk=chunk(1, 3))
    )
    assert response.dropped_lines == 2


async def test_writers_at_the_same_time_never_keep_more_than_the_run_may(ws: Harness) -> None:
    await limit(ws, max_run_log_lines=1_000)
    run = await ws.create_run()
    names = [await create_log(ws, f"log-{number}", run.name) for number in range(5)]

    async def fill(name: str) -> None:
        epoch = 0
        for number in range(0, 700, 70):
            epoch = await write(ws.logs(), name, number, number + 70, writer_epoch=epoch)

    await asyncio.gather(*(fill(name) for name in names))
    found = [await seal(ws, name) for name in names]
    kept = sum(one.next_offset - one.dropped_lines for one in found)
    assert kept <= 1_000
    lines = [one for name in names for one in await listing(ws.logs(), name)]
    assert sum(one.dropped_lines == 0 for one in lines) == kept
    assert sum(one.dropped_lines for one in lines) == sum(one.dropped_lines for one in found)


async def test_the_settings_say_what_projects_do_not(tmp_path: Path, database_url: str) -> None:
    limits = {"log_quota_run_lines": 3, "log_quota_stream_bytes": 1 << 20}
    async with workspace(tmp_path, database_url, **limits) as ws:
        await ws.create_project()
        await write(ws.logs(), await create_log(ws), 0, 5)
        assert (await stored(ws)).dropped_lines == 2
        own = projects_pb2.Project(max_run_log_lines=4)
        request = projects_pb2.CreateProjectRequest(project_id="other", project=own)
        assert (await ws.projects().CreateProject(request)).max_run_log_lines == 4
        run = await ws.create_run(project="other")
        making = logs_pb2.CreateLogStreamRequest(
            parent="projects/other",
            log_stream_id="main",
            log_stream=logs_pb2.LogStream(run=run.name),
        )
        name = (await ws.logs().CreateLogStream(making)).name
        await write(ws.logs(), name, 0, 5)
        assert (await stored(ws, name)).dropped_lines == 1


async def test_no_project_allows_less_than_nothing(ws: Harness) -> None:
    for field in ("max_run_log_bytes", "max_log_stream_lines"):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await limit(ws, **{field: -1})


async def test_a_run_is_deleted_with_what_its_logs_took(ws: Harness) -> None:
    await limit(ws, max_run_log_lines=5)
    run = await ws.create_run()
    name = await create_log(ws, run=run.name)
    await write(ws.logs(), name, 0, 9)
    await ws.report(run.name, str(uuid4()), run_report(1, "RUNNING"), run_report(2, "SUCCEEDED"))
    await ws.runs().DeleteRun(runs_pb2.DeleteRunRequest(name=run.name))
    # Its meter finds nothing to write down, which is no failure.
    await ws.workspace.logs.quotas.settle()
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await stored(ws)


async def test_what_a_killed_server_had_not_written_down_is_counted_again(
    tmp_path: Path, database_url: str
) -> None:
    async with server(tmp_path, database_url) as (process, channel):
        projects = projects_pb2_grpc.ProjectServiceStub(channel)
        await projects.CreateProject(
            projects_pb2.CreateProjectRequest(
                project_id="demo", project=projects_pb2.Project(max_log_stream_lines=300)
            )
        )
        run = await runs_of(channel)
        logs = logs_pb2_grpc.LogServiceStub(channel)
        making = logs_pb2.CreateLogStreamRequest(
            parent="projects/demo", log_stream_id="main", log_stream=logs_pb2.LogStream(run=run)
        )
        await logs.CreateLogStream(making)
        epoch = await write(logs, NAME, 0, 250)
        await write(logs, NAME, 250, 400, writer_epoch=epoch)
        before = await logs.GetLogStream(logs_pb2.GetLogStreamRequest(name=NAME))
        assert before.dropped_lines == 100
        process.kill()
        await asyncio.to_thread(process.join)
    async with server(tmp_path, database_url) as (_, channel):
        logs = logs_pb2_grpc.LogServiceStub(channel)
        response = await logs.WriteLogs(
            logs_pb2.WriteLogsRequest(log_stream=NAME, chunk=chunk(400, 410))
        )
        assert response.dropped_lines == 110
        after = await logs.GetLogStream(logs_pb2.GetLogStreamRequest(name=NAME))
        assert (after.kept_bytes, after.dropped_lines) == (before.kept_bytes, 110)
        lines = await listing(logs, NAME)
        assert (len(lines), lines[-1].dropped_lines) == (301, 110)


async def runs_of(channel: Any) -> str:
    """The name of a new run."""
    run = run_types_pb2.Run(pipeline="projects/demo/pipelines/train")
    request = runs_pb2.CreateRunRequest(parent="projects/demo", run=run)
    return (await runs_pb2_grpc.RunServiceStub(channel).CreateRun(request)).name


async def test_a_writer_cannot_forge_a_gap(ws: Harness) -> None:
    name = await create_log(ws)
    forged = line("\0 1 GiB", dropped_lines=5)
    body = logs_pb2.LogChunk(lines=[forged, line("next")])
    await ws.logs().WriteLogs(logs_pb2.WriteLogsRequest(log_stream=name, chunk=body))
    found = await listing(ws.logs(), name)
    assert messages(found) == ["\0 1 GiB", "next"]
    assert [one.offset for one in found] == [0, 1]
    assert (await stored(ws)).dropped_lines == 0
