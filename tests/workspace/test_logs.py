"""LogService: streams of logs, and writing to them (S33, S34)."""

import asyncio
from uuid import uuid4

import pytest

from tests.workspace.harness import EDITOR, VIEWER, Harness, refused, run_report
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
from weftapi.common.v1 import types_pb2
from weftapi.workspace.v1 import events_pb2, logs_pb2
from workspace.logs.live import LiveLog


async def test_a_log_is_created_once(ws: Harness) -> None:
    run = await ws.create_run()
    stream = logs_pb2.LogStream(run=run.name, step_id="fit", attempt=2)
    request = logs_pb2.CreateLogStreamRequest(
        parent="projects/demo", log_stream_id="fit-2", log_stream=stream
    )
    created = await ws.logs().CreateLogStream(request)
    assert created.name == "projects/demo/logStreams/fit-2"
    assert (created.run, created.step_id, created.attempt) == (run.name, "fit", 2)
    assert created.state == logs_pb2.LOG_STREAM_STATE_OPEN
    assert created.revision > 0
    assert await ws.logs().CreateLogStream(request) == created
    request.log_stream.attempt = 3
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await ws.logs().CreateLogStream(request)


async def test_a_log_belongs_to_a_run_of_its_project(ws: Harness) -> None:
    await ws.create_project("other")
    run = await ws.create_run(project="other")
    for name, code, reason in (
        ("projects/demo/runs/absent", "NOT_FOUND", "RESOURCE_NOT_FOUND"),
        (run.name, "INVALID_ARGUMENT", "INVALID_FIELDS"),
        ("", "INVALID_ARGUMENT", "INVALID_FIELDS"),
    ):
        async with refused(code, reason):
            await create_log(ws, run=name or "nothing")


async def test_a_list_shows_the_newest_first_and_how_far_each_has_come(ws: Harness) -> None:
    run, other = await ws.create_run(), await ws.create_run()
    for id_, owner in (("a", run), ("b", other), ("c", run)):
        await create_log(ws, id_, owner.name)
    await write(ws.logs(), "projects/demo/logStreams/a", 0, 3)
    await ws.logs().SealLogStream(logs_pb2.SealLogStreamRequest(name="projects/demo/logStreams/a"))
    await write(ws.logs(), "projects/demo/logStreams/c", 0, 5)

    async def ids(**fields) -> list[tuple[str, int]]:
        request = logs_pb2.ListLogStreamsRequest(parent="projects/demo", **fields)
        page = await ws.logs().ListLogStreams(request)
        return [(one.name.rpartition("/")[2], one.next_offset) for one in page.log_streams]

    assert await ids() == [("c", 5), ("b", 0), ("a", 3)]
    assert await ids(filter=f'run = "{run.name.rpartition("/")[2]}"') == [("c", 5), ("a", 3)]
    assert await ids(page_size=1) == [("c", 5)]
    async with refused("INVALID_ARGUMENT", "INVALID_FILTER"):
        await ids(filter="attempt = 1")
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        request = logs_pb2.GetLogStreamRequest(name="projects/demo/logStreams/absent")
        await ws.logs().GetLogStream(request)


async def test_creation_and_seal_are_events_and_lines_are_not(ws: Harness) -> None:
    name = await create_log(ws)
    await write(ws.logs(), name, 0, 7)
    await ws.logs().SealLogStream(logs_pb2.SealLogStreamRequest(name=name))
    listed = await ws.events().ListEvents(
        events_pb2.ListEventsRequest(parent="projects/demo", resource_types=["weft.dev/LogStream"])
    )
    created, sealed = listed.events
    assert created.type == events_pb2.EVENT_TYPE_CREATED
    assert created.log_stream.name == name
    assert (sealed.transition.to, sealed.log_stream.next_offset) == ("SEALED", 7)


async def test_s33_lines_are_acknowledged_when_durable(ws: Harness) -> None:
    name = await create_log(ws)
    writer = await Writer(ws.logs(), name).open()
    assert (writer.next_offset, writer.epoch) == (0, 1)
    for first in range(0, 1_000, 100):
        await writer.send(chunk(first, first + 100))
    await writer.wait_for(1_000)
    assert messages(await listing(ws.logs(), name)) == [text(n) for n in range(1_000)]
    await writer.send(chunk(1_000, 1_010))
    await writer.done()
    assert writer.acked == 1_010
    shown = await ws.logs().GetLogStream(logs_pb2.GetLogStreamRequest(name=name))
    assert shown.next_offset == 1_010


async def test_s33_overlap_is_trimmed_and_repetition_acknowledged(ws: Harness) -> None:
    name = await create_log(ws)
    writer = await Writer(ws.logs(), name).open()
    await writer.send(chunk(0, 10))
    await writer.send(chunk(5, 15))
    await writer.wait_for(15)
    writer.acked = 0
    await writer.send(chunk(0, 15))
    await writer.wait_for(15)
    await writer.send(chunk(14, 16))
    await writer.done()
    assert messages(await listing(ws.logs(), name)) == [text(n) for n in range(16)]


async def test_s33_a_gap_is_refused_and_what_came_before_it_stays(ws: Harness) -> None:
    name = await create_log(ws)
    writer = await Writer(ws.logs(), name).open()
    await writer.send(chunk(0, 10))
    await writer.send(chunk(11, 12))
    async with refused("OUT_OF_RANGE", "LOG_OFFSET_GAP") as refusal:
        await writer.wait_for(12)
    assert refusal.error.metadata == {"expected": "10"}
    assert writer.acked == 10
    again = await Writer(ws.logs(), name, writer.epoch).open()
    assert (again.next_offset, again.epoch) == (10, writer.epoch)


async def test_s33_a_writer_is_read_no_faster_than_its_lines_become_durable(
    ws: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, is_full = asyncio.Event(), asyncio.Event()
    waiting = []
    backend = ws.workspace.logs.logs.backend
    store, take = backend.append, LiveLog.append

    async def stuck(*arguments, **more):
        await gate.wait()
        await store(*arguments, **more)

    def watched(live, body):
        take(live, body)
        waiting.append(live.end - live.committed)
        if not live._room.is_set():
            is_full.set()

    monkeypatch.setattr(backend, "append", stuck)
    monkeypatch.setattr(LiveLog, "append", watched)
    name = await create_log(ws)
    writer = await Writer(ws.logs(), name).open()
    sending = asyncio.create_task(_send(writer, 40))
    await is_full.wait()
    gate.set()
    await sending
    await writer.wait_for(400)
    # Lines of 10 KB: a MiB and the chunk that goes beyond it.
    assert 100 < max(waiting) <= 120
    assert len(await listing(ws.logs(), name)) == 400


async def _send(writer: Writer, total: int) -> None:
    for number in range(total):
        await writer.send(chunk(number * 10, number * 10 + 10, size=10_000))


async def test_s34_a_newer_writer_fences_the_older_at_once(ws: Harness) -> None:
    name = await create_log(ws)
    older = await Writer(ws.logs(), name).open()
    await older.send(chunk(0, 10))
    await older.wait_for(10)
    newer = await Writer(ws.logs(), name).open()
    assert (newer.next_offset, newer.epoch) == (10, older.epoch + 1)
    async with refused("ABORTED", "LOG_WRITER_FENCED") as refusal:
        await older.read()
    assert refusal.error.metadata == {"writerEpoch": str(newer.epoch)}
    async with refused("ABORTED", "LOG_WRITER_FENCED"):
        await Writer(ws.logs(), name, older.epoch).open()
    await newer.send(chunk(10, 20))
    await newer.done()
    assert messages(await listing(ws.logs(), name)) == [text(n) for n in range(20)]


async def test_s34_a_unary_write_fences_too_and_comes_back_by_its_epoch(ws: Harness) -> None:
    name = await create_log(ws)
    older = await Writer(ws.logs(), name).open()
    epoch = await write(ws.logs(), name, 0, 5)
    async with refused("ABORTED", "LOG_WRITER_FENCED"):
        await older.read()
    assert await write(ws.logs(), name, 3, 9, writer_epoch=epoch) == epoch
    async with refused("OUT_OF_RANGE", "LOG_OFFSET_GAP"):
        await write(ws.logs(), name, 10, 11, writer_epoch=epoch)
    async with refused("ABORTED", "LOG_WRITER_FENCED"):
        await write(ws.logs(), name, 9, 10, writer_epoch=epoch - 1)
    assert messages(await listing(ws.logs(), name)) == [text(n) for n in range(9)]


async def test_a_sealed_log_takes_no_more_and_can_be_sealed_again(ws: Harness) -> None:
    name = await create_log(ws)
    writer = await Writer(ws.logs(), name).open()
    await writer.send(chunk(0, 10))
    await writer.wait_for(10)
    sealed = await ws.logs().SealLogStream(logs_pb2.SealLogStreamRequest(name=name))
    assert (sealed.state, sealed.next_offset) == (logs_pb2.LOG_STREAM_STATE_SEALED, 10)
    async with refused("FAILED_PRECONDITION", "LOG_SEALED"):
        await writer.read()
    async with refused("FAILED_PRECONDITION", "LOG_SEALED"):
        await Writer(ws.logs(), name).open()
    async with refused("FAILED_PRECONDITION", "LOG_SEALED"):
        await write(ws.logs(), name, 10, 11)
    assert await ws.logs().SealLogStream(logs_pb2.SealLogStreamRequest(name=name)) == sealed


async def test_the_first_message_opens_and_no_other_does(ws: Harness) -> None:
    name = await create_log(ws)
    call = ws.logs().AppendLogs()
    await call.write(logs_pb2.AppendLogsRequest(chunk=chunk(0, 1)))
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        async for _ in call:
            pass
    writer = await Writer(ws.logs(), name).open()
    opening = logs_pb2.OpenLog(log_stream=name)
    await writer._call.write(logs_pb2.AppendLogsRequest(open=opening))
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await writer.read()


@pytest.mark.parametrize(
    "bad",
    [
        line("x" * 16_385),
        line("", logger="x" * 257),
        types_pb2.LogLine(level=99),
        line("", second=253_402_300_800),
    ],
    ids=["long", "logger", "level", "time"],
)
async def test_lines_that_break_the_rules_are_refused(ws: Harness, bad) -> None:
    name = await create_log(ws)
    good = [line(text(n)) for n in range(20)]
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        body = logs_pb2.LogChunk(lines=[*good, bad])
        await ws.logs().WriteLogs(logs_pb2.WriteLogsRequest(log_stream=name, chunk=body))
    writer = await Writer(ws.logs(), name).open()
    await writer.send(logs_pb2.LogChunk(lines=good))
    await writer.send(logs_pb2.LogChunk(first_offset=20, lines=[*good, bad]))
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await writer.wait_for(40)
    assert len(await listing(ws.logs(), name)) == 20
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await write(ws.logs(), name, 20, 20)


async def test_whatever_is_text_comes_back_as_it_was(ws: Harness) -> None:
    name = await create_log(ws)
    hostile = [
        "\x1b[2J\x1b]0;owned\x07",
        "nul \x00 inside",
        "\r\ntwo\nlines",
        "",
        "\u202eright to left",
        "\U0001f600" * 16_384,
        "x" * 16_384,
    ]
    sent = [line(one, level=types_pb2.LOG_LEVEL_INFO, second=5) for one in hostile]
    sent[2].offset = 999
    body = logs_pb2.LogChunk(lines=sent)
    await ws.logs().WriteLogs(logs_pb2.WriteLogsRequest(log_stream=name, chunk=body))
    read = await listing(ws.logs(), name)
    for number, one in enumerate(sent):
        one.offset = number
    assert read == sent


async def test_lines_without_a_time_get_the_servers(ws: Harness) -> None:
    name = await create_log(ws)
    before = ws.clock.now()
    await write(ws.logs(), name, 0, 2)
    for one in await listing(ws.logs(), name):
        assert before <= one.time.ToDatetime(tzinfo=before.tzinfo) <= ws.clock.now()


async def test_a_run_token_reaches_the_logs_of_its_own_run_alone(ws: Harness) -> None:
    run, other = await ws.create_run(), await ws.create_run()
    own, foreign = (
        await create_log(ws, "own", run.name),
        await create_log(ws, "foreign", other.name),
    )
    logs = ws.logs(await ws.run_token(run.name))
    await write(logs, own, 0, 1)
    writer = await Writer(logs, own).open()
    await writer.send(chunk(1, 2))
    await writer.done()
    for name in (foreign, "projects/demo/logStreams/absent"):
        async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
            await Writer(logs, name).open()
        async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
            await write(logs, name, 0, 1)
        async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
            await logs.SealLogStream(logs_pb2.SealLogStreamRequest(name=name))
    for owner, is_allowed in ((run, True), (other, False)):
        stream = logs_pb2.LogStream(run=owner.name, step_id="fit")
        request = logs_pb2.CreateLogStreamRequest(
            parent="projects/demo", log_stream_id=f"new-{is_allowed}".lower(), log_stream=stream
        )
        if is_allowed:
            assert (await logs.CreateLogStream(request)).run == owner.name
        else:
            async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
                await logs.CreateLogStream(request)
    async with refused("PERMISSION_DENIED", "CALLER_NOT_ALLOWED"):
        await listing(logs, own)
    assert (await logs.SealLogStream(logs_pb2.SealLogStreamRequest(name=own))).next_offset == 2


async def test_who_may_read_may_not_write(ws: Harness) -> None:
    name = await create_log(ws)
    await write(ws.logs(ws.token(EDITOR)), name, 0, 1)
    viewer = ws.logs(ws.token(VIEWER))
    assert len(await listing(viewer, name)) == 1
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await write(viewer, name, 1, 2)
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await Writer(viewer, name).open()
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await viewer.SealLogStream(logs_pb2.SealLogStreamRequest(name=name))


async def test_logs_of_ended_runs_take_lines_for_ten_minutes_and_are_then_sealed(
    ws: Harness,
) -> None:
    run, going = await ws.create_run(), await ws.create_run()
    name, other = await create_log(ws, run=run.name), await create_log(ws, "other", going.name)
    reporter = str(uuid4())
    await ws.report(run.name, reporter, run_report(1, "RUNNING"), run_report(2, "SUCCEEDED"))
    ws.clock.move(minutes=9)
    await write(ws.logs(), name, 0, 3)
    await ws.workspace.logs.seal_ended(None)
    shown = await ws.logs().GetLogStream(logs_pb2.GetLogStreamRequest(name=name))
    assert shown.state == logs_pb2.LOG_STREAM_STATE_OPEN
    ws.clock.move(minutes=2)
    async with refused("FAILED_PRECONDITION", "LOG_SEALED"):
        await write(ws.logs(), name, 3, 4)
    await ws.workspace.logs.seal_ended(None)
    shown = await ws.logs().GetLogStream(logs_pb2.GetLogStreamRequest(name=name))
    assert (shown.state, shown.next_offset) == (logs_pb2.LOG_STREAM_STATE_SEALED, 3)
    await write(ws.logs(), other, 0, 1)


async def test_pages_of_lines_follow_one_another(ws: Harness) -> None:
    name = await create_log(ws)
    await write(ws.logs(), name, 0, 2_500)

    async def page(**fields) -> logs_pb2.ReadLogsResponse:
        return await ws.logs().ReadLogs(logs_pb2.ReadLogsRequest(log_stream=name, **fields))

    first = await page()
    assert (len(first.lines), first.next_offset, first.end_of_stream) == (1_000, 1_000, False)
    middle = await page(offset=995, max_lines=7)
    assert [one.offset for one in middle.lines] == list(range(995, 1_002))
    assert middle.next_offset == 1_002
    last = await page(offset=1_002, max_lines=20_000)
    assert (len(last.lines), last.next_offset, last.end_of_stream) == (1_498, 2_500, False)
    await ws.logs().SealLogStream(logs_pb2.SealLogStreamRequest(name=NAME))
    assert (await page(offset=2_500)).end_of_stream
    assert (await page(offset=9_999)).end_of_stream
    assert not (await page()).end_of_stream


async def test_pages_of_long_lines_stay_small(ws: Harness) -> None:
    name = await create_log(ws)
    writer = await Writer(ws.logs(), name).open()
    for first in range(0, 300, 100):
        await writer.send(chunk(first, first + 100, size=16_000))
    await writer.wait_for(300)
    request = logs_pb2.ReadLogsRequest(log_stream=name)
    page = await ws.logs().ReadLogs(request)
    assert 1 << 20 < page.ByteSize() < 3 << 20
    assert [one.message.rstrip(".") for one in await listing(ws.logs(), name)] == [
        text(n) for n in range(300)
    ]
