"""Every log backend, one contract: files, and files with S3 (moto), Google's or Azure's behind."""

from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext
from pathlib import Path
from uuid import uuid4

import pytest

from meshkit.objects import open_store
from meshkit.objects.port import ObjectStore, ObjectStoreError
from tests.clouds import emulators
from tests.clouds.emulators import Cloud
from tests.workspace.harness import Harness, refused, workspace
from tests.workspace.log_clients import create_log, listing, messages, text, write
from weftapi.common.v1 import types_pb2
from weftapi.workspace.v1 import logs_pb2
from workspace.logs.archive import ArchivingBackend
from workspace.logs.backend import Chunk, Extent, LogBackend, LogKey, LogStoreError
from workspace.logs.directory import Limits
from workspace.logs.files import FileBackend

CLOUDS = {"s3": emulators.s3, "gcs": emulators.gcs, "azure": emulators.azure}
KINDS = ["files", "folder", *CLOUDS]
# So small that each append begins a segment of its own.
LIMITS = Limits(segment_bytes=1)


@pytest.fixture(scope="module", params=KINDS)
def cloud(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cloud | None]:
    """Where sealed logs go; None where they stay in files alone."""
    folder = Cloud(f"file://{tmp_path_factory.mktemp('objects')}", "", {})
    here = nullcontext(folder if request.param == "folder" else None)
    with CLOUDS[request.param]() if request.param in CLOUDS else here as cloud:
        yield cloud


@pytest.fixture
async def backend(cloud: Cloud | None, tmp_path: Path) -> AsyncIterator[LogBackend]:
    files = FileBackend.open(tmp_path / "logs", limits=LIMITS)
    opened: FileBackend | ArchivingBackend = files
    if cloud:
        objects = open_store(f"{cloud.uri}/{uuid4().hex}", cloud.options)
        opened = ArchivingBackend(files, objects, tmp_path / "logs")
    yield opened
    await opened.close()


@pytest.fixture
def key() -> LogKey:
    return LogKey("demo", uuid4())


async def fill(backend: LogBackend, key: LogKey, *, chunks: int = 3) -> None:
    """Chunks of two lines, the last of which is as old as its number."""
    for number in range(chunks):
        chunk = Chunk(number * 2, 2, number * 100, f"chunk {number};".encode())
        await backend.append(key, [chunk], received_us=number)


async def archived(backend: LogBackend, key: LogKey) -> None:
    """Seals, and where there is an archive keeps the log nowhere else."""
    await backend.seal(key)
    if isinstance(backend, ArchivingBackend):
        await backend.archive(key)
        await backend.release(key, 0.0)
        assert await backend.local() == []


async def data(backend: LogBackend, key: LogKey, offset: int = 0) -> bytes:
    """All bytes from the frame of an offset on."""
    found = b""
    while frames := await backend.read(key, offset, 1 << 20):
        found += b"".join(frame.data or b"?" for frame in frames)
        offset = frames[-1].next_offset
    return found


async def test_a_log_is_read_as_it_was_written_open_and_archived(backend, key) -> None:
    assert await backend.extent(key) == Extent(0, 0)
    assert await data(backend, key) == b""
    await fill(backend, key)
    for _ in range(2):
        assert await backend.extent(key) == Extent(0, 6)
        assert await data(backend, key) == b"chunk 0;chunk 1;chunk 2;"
        assert await data(backend, key, 3) == b"chunk 1;chunk 2;"
        assert await backend.find(key, 150) == 4
        assert await backend.find(key, 999) == 6
        await archived(backend, key)


async def test_logs_are_listed_and_deleted_wherever_they_are(backend, key) -> None:
    other, elsewhere = LogKey("demo", uuid4()), LogKey("other", uuid4())
    for one in (key, other, elsewhere):
        await fill(backend, one, chunks=1)
    await backend.seal(other)
    if isinstance(backend, ArchivingBackend):
        await backend.archive(other)
        await backend.release(other, 0.0)
    assert {one.uid for one in await backend.list("demo")} == {key.uid, other.uid}
    assert await backend.list("nothing") == []
    for one in (key, other):
        await backend.delete(one)
        await backend.delete(one)
        assert await backend.extent(one) == Extent(0, 0)
    assert await backend.list("demo") == []
    assert await data(backend, elsewhere) == b"chunk 0;"


async def test_archiving_again_changes_nothing(backend, key) -> None:
    await fill(backend, key)
    await archived(backend, key)
    await archived(backend, key)
    assert await data(backend, key) == b"chunk 0;chunk 1;chunk 2;"


class _Broken:
    """An object store that fails from the n-th write on."""

    def __init__(self, objects: ObjectStore, writes: int) -> None:
        self._objects = objects
        self.writes = writes

    def __getattr__(self, name: str):
        return getattr(self._objects, name)

    async def put(self, key: str, data: bytes) -> None:
        if not self.writes:
            raise ObjectStoreError("no route to the store")
        self.writes -= 1
        await self._objects.put(key, data)


@pytest.mark.parametrize("writes", range(4))
async def test_an_archive_that_is_cut_off_anywhere_is_completed_later(
    tmp_path: Path, key: LogKey, writes: int
) -> None:
    root = tmp_path / "logs"
    broken = _Broken(open_store(f"file://{tmp_path / 'objects'}"), writes)
    backend = ArchivingBackend(FileBackend.open(root, limits=LIMITS), broken, root)
    await fill(backend, key)
    await backend.seal(key)
    with pytest.raises(LogStoreError, match="no route"):
        await backend.archive(key)
    assert await data(backend, key) == b"chunk 0;chunk 1;chunk 2;"
    broken.writes = 100
    await archived(backend, key)
    assert await data(backend, key) == b"chunk 0;chunk 1;chunk 2;"
    await backend.close()


async def test_files_stay_while_somebody_reads(tmp_path: Path, key: LogKey) -> None:
    root = tmp_path / "logs"
    objects = open_store(f"file://{tmp_path / 'objects'}")
    backend = ArchivingBackend(FileBackend.open(root, limits=LIMITS), objects, root)
    await fill(backend, key)
    await backend.seal(key)
    await backend.archive(key)
    await backend.release(key, 3600.0)
    assert await backend.local() == [key]
    async with backend._present(key):
        gate = backend._gates[key]
        assert not gate.is_free.is_set()
    await backend.release(key, 0.0)
    assert await backend.local() == []
    await backend.close()


async def _archive(ws: Harness) -> None:
    assert ws.workspace.archivist
    await ws.workspace.archivist.run()


async def test_a_server_archives_what_is_sealed_and_reads_it_after_losing_its_files(
    tmp_path: Path, database_url: str
) -> None:
    with emulators.s3() as cloud:
        settings = {
            "log_store_uri": f"{cloud.uri}/logs",
            "log_store_options": cloud.options,
            "keep_archived_logs_s": 0.0,
        }
        async with workspace(tmp_path, database_url, **settings) as ws:
            await ws.create_project()
            sealed = await create_log(ws, "sealed")
            growing = await create_log(ws, "growing")
            for name in (sealed, growing):
                await write(ws.logs(), name, 0, 5)
            await ws.logs().SealLogStream(logs_pb2.SealLogStreamRequest(name=sealed))
            await _archive(ws)
            held = await ws.workspace.logs.logs.backend.local()
            assert len(held) == 1
            expected = [text(number) for number in range(5)]
            assert messages(await listing(ws.logs(), sealed)) == expected
            await write(ws.logs(), growing, 5, 6)
            await _archive(ws)
        # Another machine, and a store that does not answer.
        nowhere = {**cloud.options, "endpoint": "http://127.0.0.1:1"}
        cut_off = {**settings, "log_store_options": nowhere}
        async with workspace(tmp_path, database_url, mesh=ws.mesh, **cut_off) as ws:
            async with refused("UNAVAILABLE", "LOG_STORE_UNAVAILABLE"):
                await listing(ws.logs(), sealed)
            assert len(await listing(ws.logs(), growing)) == 6
        async with workspace(tmp_path, database_url, mesh=ws.mesh, **settings) as ws:
            # The server looks through what it fetches, as through live lines.
            wanted = logs_pb2.LogFilter(contains="3", min_level=types_pb2.LOG_LEVEL_INFO)
            wanted.since.FromSeconds(1)
            request = logs_pb2.ReadLogsRequest(log_stream=sealed, filter=wanted)
            assert messages((await ws.logs().ReadLogs(request)).lines) == [text(3)]
            assert messages(await listing(ws.logs(), sealed)) == expected


async def test_old_logs_are_forgotten_with_their_lines_and_others_stay(
    tmp_path: Path, database_url: str
) -> None:
    async with workspace(tmp_path, database_url, keep_logs_s=3600.0) as ws:
        await ws.create_project()
        old, growing = await create_log(ws, "old"), await create_log(ws, "growing")
        ws.clock.move(hours=2)
        new = await create_log(ws, "new")
        for name in (old, growing, new):
            await write(ws.logs(), name, 0, 2)
        for name in (old, new):
            await ws.logs().SealLogStream(logs_pb2.SealLogStreamRequest(name=name))
        await ws.jobs["old_logs"].run(None)  # type: ignore[arg-type] - it asks for no lease
        async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
            await listing(ws.logs(), old)
        for name in (growing, new):
            assert len(await listing(ws.logs(), name)) == 2
        assert len(await ws.workspace.logs.logs.backend.list("demo")) == 2


async def test_without_the_setting_logs_stay(ws: Harness) -> None:
    assert "old_logs" not in ws.jobs
