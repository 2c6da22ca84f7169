"""Disks that are full or broken: never a line acknowledged that is not there (F8, F9)."""

import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest

from meshkit.errors import MeshError
from meshkit.status import from_rpc_error
from tests.workspace.harness import Harness, refused, run_report, workspace
from tests.workspace.log_clients import Writer, chunk, create_log, listing, messages, text, write
from weftapi.common.v1 import types_pb2
from weftapi.workspace.v1 import logs_pb2
from workspace.logs.directory import Disk
from workspace.logs.files import FileBackend


class FaultyDisk(Disk):
    """A disk whose calls fail when told to, after having done half of their work."""

    def __init__(self) -> None:
        self.is_full = False
        self.calls = 0
        # Which call fails with EIO; negative for none.
        self.breaks_at = -1
        self.synced: dict[int, int] = {}

    def write(self, fd: int, data: bytes, position: int) -> None:
        error = self._error()
        if error:
            super().write(fd, data[: len(data) // 2], position)
            raise OSError(error, os.strerror(error))
        super().write(fd, data, position)

    def sync(self, fd: int) -> None:
        error = self._error()
        if error and error != errno.ENOSPC:
            raise OSError(error, os.strerror(error))
        super().sync(fd)

    def _error(self) -> int:
        self.calls += 1
        if self.calls - 1 == self.breaks_at:
            return errno.EIO
        return errno.ENOSPC if self.is_full else 0


@pytest.fixture
def disk() -> FaultyDisk:
    return FaultyDisk()


@pytest.fixture
async def ws(
    tmp_path: Path, database_url: str, disk: FaultyDisk, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Harness]:
    """A server with an empty project "demo" whose logs are on the faulty disk."""
    opened = FileBackend.open
    monkeypatch.setattr(FileBackend, "open", lambda root, **_: opened(root, disk=disk))
    async with workspace(tmp_path, database_url) as harness:
        await harness.create_project()
        yield harness


async def ended(writer: Writer) -> MeshError:
    """Reads until the writer's stream is refused."""
    while True:
        try:
            await writer.read()
        except grpc.aio.AioRpcError as refusal:
            return from_rpc_error(refusal)


async def test_f8_a_full_store_refuses_writers_lets_readers_and_heals(
    ws: Harness, disk: FaultyDisk
) -> None:
    name = await create_log(ws)
    writer = await Writer(ws.logs(), name).open()
    await writer.send(chunk(0, 10))
    await writer.wait_for(10)
    disk.is_full = True
    await writer.send(chunk(10, 20))
    error = await ended(writer)
    assert error.reason == "LOG_STORE_FULL"
    assert error.code == 8
    assert error.retry_after_s
    assert writer.acked == 10
    assert messages(await listing(ws.logs(), name)) == [text(n) for n in range(10)]
    other = await create_log(ws, "other")
    async with refused("RESOURCE_EXHAUSTED", "LOG_STORE_FULL"):
        await write(ws.logs(), other, 0, 1)
    disk.is_full = False
    again = await Writer(ws.logs(), name, writer.epoch).open()
    assert again.next_offset == 10
    await again.send(chunk(10, 30))
    await again.done()
    await write(ws.logs(), other, 0, 1)
    assert messages(await listing(ws.logs(), name)) == [text(n) for n in range(30)]
    # Full is not broken: the file goes on.
    assert len(_segments(ws, name)) == 2


async def test_f8_a_gap_that_its_writer_marks_stays_marked(ws: Harness, disk: FaultyDisk) -> None:
    name = await create_log(ws)
    epoch = await write(ws.logs(), name, 0, 3)
    disk.is_full = True
    async with refused("RESOURCE_EXHAUSTED", "LOG_STORE_FULL"):
        await write(ws.logs(), name, 3, 4, writer_epoch=epoch)
    disk.is_full = False
    mark = types_pb2.LogLine(message="7 lines are lost.", origin=types_pb2.LOG_ORIGIN_SYSTEM)
    body = logs_pb2.LogChunk(first_offset=3, lines=[mark])
    await ws.logs().WriteLogs(logs_pb2.WriteLogsRequest(log_stream=name, chunk=body))
    kept = await listing(ws.logs(), name)
    assert kept[3].origin == types_pb2.LOG_ORIGIN_SYSTEM
    assert [one.offset for one in kept] == [0, 1, 2, 3]


async def test_f9_a_failed_fsync_is_not_tried_again_and_believed(
    ws: Harness, disk: FaultyDisk
) -> None:
    name = await create_log(ws)
    writer = await Writer(ws.logs(), name).open()
    await writer.send(chunk(0, 10))
    await writer.wait_for(10)
    before = {path: path.read_bytes() for path in _segments(ws, name)}
    disk.breaks_at = disk.calls + 1
    await writer.send(chunk(10, 20))
    error = await ended(writer)
    assert (error.code, error.reason) == (14, "LOG_STORE_UNAVAILABLE")
    assert writer.acked == 10
    # Of the file nothing but what was durable before is left, and it never grows again.
    again = await Writer(ws.logs(), name, writer.epoch).open()
    assert again.next_offset == 10
    await again.send(chunk(10, 25))
    await again.done()
    after = {path: path.read_bytes() for path in _segments(ws, name)}
    assert before.items() <= after.items()
    assert len(after) == len(before) + 1
    assert messages(await listing(ws.logs(), name)) == [text(n) for n in range(25)]


@pytest.mark.parametrize("call", range(12))
async def test_f9_whichever_call_breaks_no_line_is_lost_or_doubled(
    ws: Harness, disk: FaultyDisk, call: int
) -> None:
    name = await create_log(ws)
    disk.breaks_at = disk.calls + call
    reasons: list[str] = []
    acked = epoch = 0
    while acked < 60:
        try:
            writer = await Writer(ws.logs(), name, epoch).open()
            epoch = writer.epoch
            assert writer.next_offset >= acked
            for first in range(writer.next_offset, 60, 10):
                await writer.send(chunk(first, first + 10))
                await writer.wait_for(first + 10)
                acked = writer.acked
        except grpc.aio.AioRpcError as refusal:
            reasons.append(from_rpc_error(refusal).reason)
    assert reasons == ["LOG_STORE_UNAVAILABLE"]
    assert messages(await listing(ws.logs(), name)) == [text(n) for n in range(60)]


async def test_a_broken_log_leaves_the_others_alone(ws: Harness, disk: FaultyDisk) -> None:
    first, second = await create_log(ws), await create_log(ws, "other")
    writers = [await Writer(ws.logs(), name).open() for name in (first, second)]
    for writer in writers:
        await writer.send(chunk(0, 5))
        await writer.wait_for(5)
    disk.breaks_at = disk.calls
    await writers[0].send(chunk(5, 10))
    assert (await ended(writers[0])).reason == "LOG_STORE_UNAVAILABLE"
    await writers[1].send(chunk(5, 10))
    await writers[1].wait_for(10)


async def test_damaged_lines_are_marked_and_the_rest_is_read(ws: Harness) -> None:
    name = await create_log(ws)
    epoch = 0
    for first in (0, 10, 20):
        epoch = await write(ws.logs(), name, first, first + 10, writer_epoch=epoch)
    path = _segments(ws, name)[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    kept = await listing(ws.logs(), name)
    marks = [one for one in kept if one.origin == types_pb2.LOG_ORIGIN_SYSTEM]
    assert [(one.offset, one.message.partition(",")[0]) for one in marks] == [
        (10, "10 lines are lost")
    ]
    assert [one.offset for one in kept] == [*range(11), *range(20, 30)]
    await ws.logs().SealLogStream(logs_pb2.SealLogStreamRequest(name=name))
    call: Any = ws.logs().TailLogs(logs_pb2.TailLogsRequest(log_stream=name, offset=15))
    lines = [one async for message in call for one in message.lines]
    assert [one.offset for one in lines] == [15, *range(20, 30)]


async def test_a_log_whose_files_are_gone_says_so(ws: Harness) -> None:
    name = await create_log(ws)
    await write(ws.logs(), name, 0, 10)
    await ws.logs().SealLogStream(logs_pb2.SealLogStreamRequest(name=name))
    backend: Any = ws.workspace.logs.logs.backend
    for path in _segments(ws, name):
        path.unlink()
    backend._entries.clear()
    page = await ws.logs().ReadLogs(logs_pb2.ReadLogsRequest(log_stream=name))
    assert [(one.offset, one.origin) for one in page.lines] == [(0, types_pb2.LOG_ORIGIN_SYSTEM)]
    assert (page.next_offset, page.end_of_stream) == (10, True)


async def test_a_log_that_cannot_be_sealed_keeps_no_other_open(ws: Harness) -> None:
    names = []
    for id_ in ("broken", "whole"):
        run = (await ws.create_run()).name
        names.append(await create_log(ws, id_, run))
        await write(ws.logs(), names[-1], 0, 3)
        reports = (run_report(1, "RUNNING"), run_report(2, "SUCCEEDED"))
        await ws.report(run, str(uuid4()), *reports)
    shown = [
        await ws.logs().GetLogStream(logs_pb2.GetLogStreamRequest(name=name)) for name in names
    ]
    backend: Any = ws.workspace.logs.logs.backend
    backend._entries.clear()
    (segment,) = (path for path in _segments(ws, names[0]) if path.parent.name == shown[0].uid)
    segment.unlink()
    segment.mkdir()
    ws.clock.move(minutes=11)
    await ws.workspace.logs.seal_ended(None)
    states = [
        (await ws.logs().GetLogStream(logs_pb2.GetLogStreamRequest(name=name))).state
        for name in names
    ]
    assert states == [logs_pb2.LOG_STREAM_STATE_OPEN, logs_pb2.LOG_STREAM_STATE_SEALED]


def _segments(ws: Harness, name: str) -> list[Path]:
    """The files of all logs so far; tests here have one, or count them all."""
    assert name.startswith("projects/demo/")
    return sorted((ws.workspace.settings.data_dir / "logs" / "demo").glob("*/*.seg"))
