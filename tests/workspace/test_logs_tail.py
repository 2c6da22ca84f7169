"""TailLogs and DownloadLogs: followed live, resumed exactly, ended explicitly."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from meshkit.spiffe import Role, SpiffeId
from tests.workspace.harness import FakeClock, Harness, TestMesh, refused, workspace
from tests.workspace.log_clients import (
    Writer,
    broken_wire,
    chunk,
    create_log,
    line,
    listing,
    messages,
    text,
    write,
)
from weftapi.workspace.v1 import logs_pb2
from workspace.logs.directory import Limits
from workspace.logs.files import FileBackend


def tail(stub: Any, name: str, **fields: Any) -> Any:
    return stub.TailLogs(logs_pb2.TailLogsRequest(log_stream=name, **fields))


async def seal(ws: Harness, name: str) -> None:
    await ws.logs().SealLogStream(logs_pb2.SealLogStreamRequest(name=name))


async def rest(call: Any) -> tuple[list[str], logs_pb2.TailLogsResponse]:
    """The lines that a tail still sends, and its last message."""
    lines, last = [], None
    while (message := await call.read()) is not grpc.aio.EOF:
        assert message.next_offset >= (last.next_offset if last else 0)
        lines += messages(message.lines)
        last = message
    assert last is not None
    return lines, last


async def take(call: Any, count: int) -> list[str]:
    """The next lines of a tail, exactly so many."""
    lines: list[str] = []
    while len(lines) < count:
        lines += messages((await call.read()).lines)
    assert len(lines) == count
    return lines


async def test_s35_stored_lines_come_first_then_live_ones_then_the_end(ws: Harness) -> None:
    name = await create_log(ws)
    writer = await Writer(ws.logs(), name).open()
    await writer.send(chunk(0, 50))
    await writer.wait_for(50)
    call = tail(ws.logs(), name)
    assert await take(call, 50) == [text(n) for n in range(50)]
    await writer.send(chunk(50, 53))
    assert await take(call, 3) == [text(n) for n in range(50, 53)]
    await writer.send(chunk(53, 55))
    await writer.done()
    await seal(ws, name)
    lines, last = await rest(call)
    assert lines == [text(53), text(54)]
    assert (last.end_of_stream, last.next_offset) == (True, 55)


async def test_s36_many_followers_hear_of_every_line(ws: Harness) -> None:
    name = await create_log(ws)
    writer = await Writer(ws.logs(), name).open()
    calls = [tail(ws.logs(), name) for _ in range(20)]
    for call in calls:
        assert not (await call.read()).lines
    for number in range(5):
        await writer.send(chunk(number * 10, number * 10 + 10))
        await writer.wait_for(number * 10 + 10)
    await seal(ws, name)
    for lines, last in await asyncio.gather(*(rest(call) for call in calls)):
        assert lines == [text(n) for n in range(50)]
        assert last.end_of_stream


async def test_s35_a_tail_starts_where_it_is_told(ws: Harness) -> None:
    name = await create_log(ws)
    body = logs_pb2.LogChunk(lines=[line(text(n), second=1_000 + n) for n in range(40)])
    await ws.logs().WriteLogs(logs_pb2.WriteLogsRequest(log_stream=name, chunk=body))
    body = logs_pb2.LogChunk(
        first_offset=40, lines=[line(text(n), second=1_000 + n) for n in range(40, 80)]
    )
    await ws.logs().WriteLogs(logs_pb2.WriteLogsRequest(log_stream=name, chunk=body))
    await seal(ws, name)

    async def first(**fields: Any) -> int:
        lines, last = await rest(tail(ws.logs(), name, **fields))
        assert lines == [text(n) for n in range(80 - len(lines), 80)]
        assert last.end_of_stream
        return 80 - len(lines)

    assert await first() == 0
    assert await first(offset=33) == 33
    assert await first(last_lines=7) == 73
    assert await first(last_lines=700) == 0
    assert await first(since={"seconds": 1_055}) == 55
    assert await first(since={"seconds": 1_019, "nanos": 1}) == 20
    assert await first(since={"seconds": 5}) == 0
    assert await first(since={"seconds": 1_000_000}) == 80
    # A set offset wins: a follower resumes by repeating its request with the offset.
    assert await first(offset=0, last_lines=7) == 0
    assert await first(offset=79, since={"seconds": 5}) == 79
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await first(last_lines=7, since={"seconds": 5})


async def test_s10_s17_an_idle_tail_greets_at_once_and_says_that_it_is_alive(
    tmp_path: Path, database_url: str
) -> None:
    async with workspace(tmp_path, database_url, bookmark_s=0.05) as ws:
        await ws.create_project()
        name = await create_log(ws)
        await write(ws.logs(), name, 0, 4)
        call = tail(ws.logs(), name, offset=4)
        for _ in range(3):
            message = await call.read()
            assert (list(message.lines), message.next_offset) == ([], 4)
            assert not message.end_of_stream
        await write(ws.logs(), name, 4, 5)
        assert await take(call, 1) == [text(4)]


async def test_s20_s44_a_draining_server_sends_its_followers_and_writers_away(
    tmp_path: Path, database_url: str
) -> None:
    async with workspace(tmp_path, database_url) as ws:
        await ws.create_project()
        name = await create_log(ws)
        writer = await Writer(ws.logs(), name).open()
        await writer.send(chunk(0, 3))
        await writer.wait_for(3)
        call = tail(ws.logs(), name)
        assert await take(call, 3) == [text(n) for n in range(3)]
        stopping = asyncio.create_task(ws.workspace.server.stop())
        _, last = await rest(call)
        assert (last.notice.reconnect, last.notice.reason) == (True, "draining")
        assert (last.next_offset, last.end_of_stream) == (3, False)
        assert (await writer.read()).notice.reason == "draining"
        with pytest.raises(EOFError):
            await writer.read()
        await stopping
        # The harness stops it once more.
        ws.workspace.server.stop = _nothing  # type: ignore[method-assign]


async def _nothing() -> None:
    return None


async def test_s21_a_finished_log_says_at_once_that_it_has_ended(ws: Harness) -> None:
    name = await create_log(ws)
    await write(ws.logs(), name, 0, 4)
    await seal(ws, name)
    call = tail(ws.logs(), name, offset=4)
    assert ("x-weft-ended", "true") in list(await call.initial_metadata())
    assert (await rest(call))[1].end_of_stream
    call = tail(ws.logs(), name, offset=3)
    assert "x-weft-ended" not in dict(await call.initial_metadata())
    assert (await rest(call))[0] == [text(3)]


async def test_sealing_ends_tails_of_an_empty_log(ws: Harness) -> None:
    name = await create_log(ws)
    call = tail(ws.logs(), name)
    assert not (await call.read()).end_of_stream
    await seal(ws, name)
    assert (await call.read()).end_of_stream
    assert (await call.read()) is grpc.aio.EOF


async def test_a_log_and_its_writer_go_on_after_a_restart(
    tmp_path: Path, database_url: str
) -> None:
    clock = FakeClock()
    mesh = TestMesh.make(tmp_path, clock)
    identity = SpiffeId("test.mesh", Role.WORKSPACE, *_uids())
    options = {"clock": clock, "mesh": mesh, "identity": identity}
    async with workspace(tmp_path, database_url, **options) as ws:
        await ws.create_project()
        name = await create_log(ws)
        writer = await Writer(ws.logs(), name).open()
        await writer.send(chunk(0, 120))
        await writer.wait_for(120)
        call = tail(ws.logs(), name)
        assert await take(call, 120) == [text(n) for n in range(120)]
    async with workspace(tmp_path, database_url, **options) as ws:
        again = await Writer(ws.logs(), name, writer.epoch).open()
        assert (again.next_offset, again.epoch) == (120, writer.epoch)
        newest = await Writer(ws.logs(), name).open()
        async with refused("ABORTED", "LOG_WRITER_FENCED"):
            await again.read()
        call = tail(ws.logs(), name, offset=120)
        await newest.send(chunk(120, 125))
        assert await take(call, 5) == [text(n) for n in range(120, 125)]
    async with workspace(tmp_path, database_url, **options) as ws:
        # The fence stands in the database.
        async with refused("ABORTED", "LOG_WRITER_FENCED"):
            await Writer(ws.logs(), name, writer.epoch).open()
        await seal(ws, name)
    async with workspace(tmp_path, database_url, **options) as ws:
        async with refused("FAILED_PRECONDITION", "LOG_SEALED"):
            await Writer(ws.logs(), name).open()
        assert (await rest(tail(ws.logs(), name)))[0] == [text(n) for n in range(125)]


def _uids() -> tuple[Any, Any]:
    from uuid import uuid4

    return uuid4(), uuid4()


async def test_f20_fifty_cuts_of_the_wire_lose_and_double_nothing(ws: Harness) -> None:
    chance = random.Random(20)
    name = await create_log(ws)
    cuts, broken = 50, 0
    writing = asyncio.create_task(_write(ws, name, lambda: broken == cuts))
    seen: list[str] = []
    offset, has_ended = 0, False
    async with broken_wire(ws) as (wire, stub):
        while not has_ended:
            if broken < cuts:
                wire.break_after(chance.randrange(1, 6_000))
            try:
                async for message in tail(stub(), name, offset=offset):
                    # What was left of an older wire may have taken the cut.
                    if broken < cuts and not wire.will_break:
                        wire.break_after(chance.randrange(1, 6_000))
                    seen += messages(message.lines)
                    offset, has_ended = message.next_offset, message.end_of_stream
            except grpc.aio.AioRpcError:
                broken += 1
    assert seen == [text(n) for n in range(await writing)]
    assert seen == messages(await listing(ws.logs(), name))


async def _write(ws: Harness, name: str, is_enough: Callable[[], bool]) -> int:
    """Writes lines, at a pace at which they are followed, until it is enough; how many."""
    writer, written = await Writer(ws.logs(), name).open(), 0
    while not is_enough():
        await writer.send(chunk(written, written + 200))
        written += 200
        await writer.wait_for(written)
        await asyncio.sleep(0.01)
    await writer.done()
    await seal(ws, name)
    return written


async def test_s33_fifty_cuts_of_a_writers_wire_store_every_line_once(ws: Harness) -> None:
    chance = random.Random(33)
    name = await create_log(ws)
    # More than fifty cuts let through.
    total, cuts, broken = 5_000, 50, 0
    epoch = next_offset = 0
    async with broken_wire(ws) as (wire, stub):
        while next_offset < total:
            if broken < cuts:
                wire.break_after(chance.randrange(1, 9_000))
            writer = Writer(stub(), name, epoch)
            try:
                await writer.open()
                epoch = writer.epoch
                assert writer.next_offset >= next_offset
                begin, step = writer.next_offset, 20 if broken < cuts else total
                for first in range(begin, total, step):
                    end = min(first + step, total)
                    await writer.send(chunk(first, end, size=100))
                    await writer.wait_for(end)
                    if broken < cuts and end - begin > 200:
                        # What was left of an older wire took the cut: the next one has its own.
                        writer.cancel()
                        break
            except (grpc.aio.AioRpcError, EOFError, asyncio.InvalidStateError):
                broken += 1
            next_offset = max(next_offset, writer.acked)
    assert broken == cuts
    stored = [message.rstrip(".") for message in messages(await listing(ws.logs(), name))]
    assert stored == [text(n) for n in range(total)]


@pytest.fixture
async def small_segments(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Harness]:
    """A server whose logs keep about the newest 20 KB, in segments of 4 KB."""
    limits = Limits(segment_bytes=4_000, log_bytes=16_000)
    opened = FileBackend.open
    monkeypatch.setattr(FileBackend, "open", lambda root, **_: opened(root, limits=limits))
    async with workspace(tmp_path, database_url) as ws:
        await ws.create_project()
        yield ws


async def test_s35_lines_that_are_gone_are_refused_by_offset(small_segments: Harness) -> None:
    ws = small_segments
    chance = random.Random(35)
    name = await create_log(ws)
    epoch = 0
    for number in range(40):
        body = logs_pb2.LogChunk(
            first_offset=number, lines=[line(chance.randbytes(700).hex(), second=number)]
        )
        request = logs_pb2.WriteLogsRequest(log_stream=name, writer_epoch=epoch, chunk=body)
        epoch = (await ws.logs().WriteLogs(request)).writer_epoch
    async with refused("OUT_OF_RANGE", "LOG_TRIMMED") as refusal:
        await rest(tail(ws.logs(), name, offset=0))
    first = int(refusal.error.metadata["firstOffset"])
    assert 0 < first < 40
    async with refused("OUT_OF_RANGE", "LOG_TRIMMED"):
        await ws.logs().ReadLogs(logs_pb2.ReadLogsRequest(log_stream=name, offset=first - 1))
    kept = await listing(ws.logs(), name, first)
    assert [one.offset for one in kept] == list(range(first, 40))
    await seal(ws, name)
    for fields in ({}, {"last_lines": 100}, {"since": {"seconds": 0}}):
        assert (await rest(tail(ws.logs(), name, **fields)))[0] == messages(kept)


async def test_a_download_is_the_text_as_it_was_printed(ws: Harness) -> None:
    name = await create_log(ws)
    lines = [line("a"), line("half ", continued=True), line("and half"), line(""), line("é\x1b[1m")]
    body = logs_pb2.LogChunk(lines=lines)
    await ws.logs().WriteLogs(logs_pb2.WriteLogsRequest(log_stream=name, chunk=body))
    bodies = [
        body async for body in ws.logs().DownloadLogs(logs_pb2.DownloadLogsRequest(log_stream=name))
    ]
    assert {body.content_type for body in bodies} == {"text/plain; charset=utf-8"}
    assert b"".join(body.data for body in bodies).decode() == "a\nhalf and half\n\né\x1b[1m\n"


async def test_a_download_of_nothing_is_empty_and_of_much_is_whole(ws: Harness) -> None:
    name = await create_log(ws)
    call = ws.logs().DownloadLogs(logs_pb2.DownloadLogsRequest(log_stream=name))
    assert [body.data async for body in call] == [b""]
    writer = await Writer(ws.logs(), name).open()
    for first in range(0, 5_000, 500):
        await writer.send(chunk(first, first + 500, size=500))
    await writer.wait_for(5_000)
    call = ws.logs().DownloadLogs(logs_pb2.DownloadLogsRequest(log_stream=name))
    whole = b"".join([body.data async for body in call]).decode()
    assert whole == "".join(text(n).ljust(500, ".") + "\n" for n in range(5_000))
