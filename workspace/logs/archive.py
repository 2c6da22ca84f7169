"""Logs in an object store, behind the directory in which they grow.

Objects cannot be appended to, so a log lives in files until it is sealed. Then its segments are
copied to the store, and last of all an index that names them: with it the log is archived, and
its files are a copy that may go and comes back when somebody reads. A kill anywhere leaves
either the files or the archive whole.
"""

import asyncio
import json
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from uuid import UUID

import structlog

from meshkit.database import Database
from meshkit.objects.port import ObjectMissingError, ObjectStore, ObjectStoreError
from workspace.config import WorkspaceSettings
from workspace.logs.backend import (
    Chunk,
    Extent,
    Frame,
    LogBackend,
    LogKey,
    LogStoreError,
    LogTrimmedError,
)
from workspace.logs.files import FileBackend
from workspace.logs.segments import files_in
from workspace.store import logs as log_store
from workspace.store.retention import has_log

log = structlog.get_logger()

INDEX = "index.json"
# Its name is no uid, so that no listing takes it for a log.
_RECALLED = ".recalled-"


class ArchivingBackend:
    """A LogBackend: open logs in `files` below `root`, sealed ones in `objects` too."""

    def __init__(self, files: FileBackend, objects: ObjectStore, root: Path) -> None:
        self._files = files
        self._objects = objects
        self._root = root
        self._gates: dict[LogKey, _Gate] = {}

    async def extent(self, key: LogKey) -> Extent:
        async with self._present(key):
            return await self._files.extent(key)

    async def hold(self, key: LogKey, fence: int) -> int:
        async with self._present(key):
            return await self._files.hold(key, fence)

    def forget(self, key: LogKey) -> None:
        self._files.forget(key)

    async def append(
        self, key: LogKey, chunks: Sequence[Chunk], *, received_us: int, fence: int = 0
    ) -> None:
        # Whoever appends has asked for the extent: an archived log is present, or there is none.
        await self._files.append(key, chunks, received_us=received_us, fence=fence)

    async def read(self, key: LogKey, offset: int, limit_bytes: int) -> list[Frame]:
        async with self._present(key):
            try:
                return await self._files.read(key, offset, limit_bytes)
            except (LogStoreError, LogTrimmedError):
                if await asyncio.to_thread(self._path(key).exists):
                    raise
        # Another replica just let go of the files: they come back.
        async with self._present(key):
            return await self._files.read(key, offset, limit_bytes)

    async def find(self, key: LogKey, time_us: int) -> int:
        async with self._present(key):
            return await self._files.find(key, time_us)

    async def seal(self, key: LogKey) -> None:
        """The seal stands whether or not the store answers now; a job copies what it refused."""
        await self._files.seal(key)

    async def delete(self, key: LogKey) -> None:
        async with self._held(key):
            await self._files.delete(key)
            try:
                names = [info.key async for info in self._objects.list(folder_of(key))]
                # The index first: half an archive must not look whole.
                await self._objects.delete([f"{folder_of(key)}/{INDEX}"])
                await self._objects.delete(names)
            except ObjectStoreError as error:
                raise LogStoreError(str(error)) from error

    async def list(self, project: str) -> list[LogKey]:
        found = set(await self._files.list(project))
        try:
            names = [info.key async for info in self._objects.list(project)]
        except ObjectStoreError as error:
            raise LogStoreError(str(error)) from error
        for name in names:
            with suppress(ValueError):
                found.add(LogKey(project, UUID(name.split("/")[1])))
        return sorted(found, key=lambda key: str(key.uid))

    async def close(self) -> None:
        await self._files.close()

    async def local(self) -> Sequence[LogKey]:
        """Logs that have files here."""
        projects = await asyncio.to_thread(_directories, self._root)
        return [key for project in projects for key in await self._files.list(project)]

    async def archive(self, key: LogKey) -> None:
        """Copies a sealed log to the store, if it is not there yet. Raises LogStoreError."""
        async with self._present(key):
            try:
                if await self._is_archived(key):
                    return
                names = await asyncio.to_thread(_segments, self._path(key))
                for name in names:
                    data = await asyncio.to_thread((self._path(key) / name).read_bytes)
                    await self._objects.put(f"{folder_of(key)}/{name}", data)
                index = json.dumps({"segments": names}).encode()
                await self._objects.put(f"{folder_of(key)}/{INDEX}", index)
            except (ObjectStoreError, OSError) as error:
                raise LogStoreError(str(error)) from error

    async def release(self, key: LogKey, unused_s: float) -> None:
        """Removes the files of an archived log that have been here for so long."""
        async with self._held(key):
            if await asyncio.to_thread(_idle_s, self._path(key)) >= unused_s:
                await self._files.delete(key)

    @asynccontextmanager
    async def _present(self, key: LogKey) -> AsyncIterator[None]:
        """Keeps a log's files here for as long as the block needs them."""
        with self._gate(key) as gate:
            async with gate.lock:
                await self._recall(key)
                gate.enter()
            try:
                yield
            finally:
                gate.leave()

    @asynccontextmanager
    async def _held(self, key: LogKey) -> AsyncIterator[None]:
        """Waits until nobody needs a log's files, and lets nobody need them meanwhile."""
        with self._gate(key) as gate:
            async with gate.lock:
                await gate.is_free.wait()
                yield

    @contextmanager
    def _gate(self, key: LogKey) -> Iterator["_Gate"]:
        gate = self._gates.setdefault(key, _Gate())
        gate.holders += 1
        try:
            yield gate
        finally:
            gate.holders -= 1
            if not gate.holders:
                del self._gates[key]

    async def _recall(self, key: LogKey) -> None:
        """Fetches the files of an archived log that has none here."""
        path = self._path(key)
        if path.exists():
            return
        try:
            index = await self._objects.get(f"{folder_of(key)}/{INDEX}")
        except ObjectMissingError:
            return  # never archived: a log without lines, so far
        except ObjectStoreError as error:
            raise LogStoreError(str(error)) from error
        await asyncio.to_thread(path.parent.mkdir, mode=0o700, parents=True, exist_ok=True)
        fetched = Path(await asyncio.to_thread(mkdtemp, prefix=_RECALLED, dir=path.parent))
        try:
            for name in json.loads(index)["segments"]:
                data = await self._objects.get(f"{folder_of(key)}/{name}")
                await asyncio.to_thread((fetched / name).write_bytes, data)
            # At once or not at all: half a log must not look whole.
            await asyncio.to_thread(fetched.rename, path)
        except (ObjectStoreError, OSError) as error:
            await asyncio.to_thread(shutil.rmtree, fetched, ignore_errors=True)
            # Another replica may have been quicker.
            if not await asyncio.to_thread(path.exists):
                raise LogStoreError(str(error)) from error
        self._files.forget(key)

    async def _is_archived(self, key: LogKey) -> bool:
        return await self._objects.head(f"{folder_of(key)}/{INDEX}") is not None

    def _path(self, key: LogKey) -> Path:
        return self._root / key.project / str(key.uid)


class _Gate:
    """Any number may need the files of a log, or one may take them away."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.is_free = asyncio.Event()
        self.is_free.set()
        self.holders = 0
        self._inside = 0

    def enter(self) -> None:
        self._inside += 1
        self.is_free.clear()

    def leave(self) -> None:
        self._inside -= 1
        if not self._inside:
            self.is_free.set()


class Archivist:
    """Copies what is sealed here to the store, and frees what is in both places.

    Each server does so, also where replicas share their files: copying twice copies the same.
    """

    def __init__(self, database: Database, backend: ArchivingBackend, *, unused_s: float) -> None:
        self._database = database
        self._backend = backend
        self._unused_s = unused_s

    async def keep_archiving(self, interval_s: float) -> None:
        """Works for ever."""
        while True:
            await asyncio.sleep(interval_s)
            try:
                await self.run()
            except Exception:
                log.exception("logs_not_archived")

    async def run(self) -> None:
        """One log that the store refuses keeps no other from it."""
        for key in await self._backend.local():
            row = await self._database.read(log_store.of_uid, key.uid)
            is_complete = row.is_sealed if row else await self._database.read(has_log, key.uid)
            if not is_complete:
                continue
            try:
                await self._backend.archive(key)
                await self._backend.release(key, self._unused_s)
            except LogStoreError as error:
                log.warning("log_not_archived", log=str(key.uid), error=str(error))


def archivist_of(
    database: Database, backend: LogBackend, settings: WorkspaceSettings
) -> Archivist | None:
    """Who looks after an archive; None where logs are in files alone."""
    if not isinstance(backend, ArchivingBackend):
        return None
    return Archivist(database, backend, unused_s=settings.keep_archived_logs_s)


def folder_of(key: LogKey) -> str:
    """Where the archive of a log lies in its store."""
    return f"{key.project}/{key.uid}"


def _segments(path: Path) -> list[str]:
    return [file.name for file in files_in(path).values()]


def _directories(root: Path) -> list[str]:
    return sorted(entry.name for entry in os.scandir(root) if entry.is_dir())


def _idle_s(path: Path) -> float:
    """Since when a log's directory is as it is; recalling it makes it anew."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
