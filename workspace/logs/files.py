"""Logs in files: `<root>/<project>/<uid of the log>/<first offset>.seg`.

Offsets are given out in the memory of the one server process that holds a log. A directory may
be shared by replicas, whose database says which of them that is; any other has a directory of
its own, and a lock on it. Flushes of several logs run side by side on a few threads, so that the
file system can commit them together.
"""

import asyncio
import fcntl
import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Self, TypeVar
from uuid import UUID

from workspace.logs.backend import Chunk, Extent, Frame, LogKey, LogStoreError
from workspace.logs.directory import Disk, Limits, LogDirectory

T = TypeVar("T")

_THREADS = 4
# Logs whose index stays in memory; of others it is read again.
_MAX_KNOWN = 1_000


class _Entry:
    """A log in memory, and how many threads use it."""

    __slots__ = ("lock", "log", "users")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.log: LogDirectory | None = None
        self.users = 0


class FileBackend:
    """A LogBackend over a local or mounted file system; made by `open`, ended by `close`."""

    def __init__(self, root: Path, lock_fd: int, *, disk: Disk, limits: Limits) -> None:
        self._root = root
        self._lock_fd = lock_fd
        self._disk = disk
        self._limits = limits
        self._entries: OrderedDict[LogKey, _Entry] = OrderedDict()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="logs")

    @classmethod
    def open(
        cls,
        root: Path,
        *,
        is_shared: bool = False,
        disk: Disk | None = None,
        limits: Limits | None = None,
    ) -> Self:
        """Takes the directory over, with others or alone; RuntimeError where that cannot be."""
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock_fd = os.open(root / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            kind = fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX
            fcntl.flock(lock_fd, kind | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock_fd)
            raise RuntimeError(f"another server keeps its logs in {root}") from error
        return cls(root, lock_fd, disk=disk or Disk(), limits=limits or Limits())

    async def close(self) -> None:
        """Ends what is under way, and lets others have the directory."""
        await asyncio.to_thread(self._threads.shutdown)
        for entry in self._entries.values():
            if entry.log:
                entry.log.close()
        self._entries.clear()
        os.close(self._lock_fd)

    async def extent(self, key: LogKey) -> Extent:
        def look(log: LogDirectory) -> Extent:
            log.refresh()
            return log.extent

        return await self._with(key, look)

    async def hold(self, key: LogKey, fence: int) -> int:
        return await self._with(key, lambda log: log.hold(), fence=fence)

    async def append(
        self, key: LogKey, chunks: Sequence[Chunk], *, received_us: int, fence: int = 0
    ) -> None:
        await self._with(key, lambda log: log.append(chunks, received_us), fence=fence)

    async def read(self, key: LogKey, offset: int, limit_bytes: int) -> list[Frame]:
        return await self._with(key, lambda log: log.read(offset, limit_bytes))

    async def find(self, key: LogKey, time_us: int) -> int:
        return await self._with(key, lambda log: log.find(time_us))

    async def seal(self, key: LogKey) -> None:
        await self._with(key, lambda log: log.close())

    async def delete(self, key: LogKey) -> None:
        await self._with(key, lambda log: log.delete())
        self._entries.pop(key, None)

    def forget(self, key: LogKey) -> None:
        """Looks at a log's files anew when it is next asked for: they are not ours to know."""
        entry = self._entries.pop(key, None)
        if entry and entry.log:
            entry.log.close()

    async def list(self, project: str) -> list[LogKey]:
        return await self._run(lambda: _logs_in(self._root / project))

    async def _with(self, key: LogKey, work: Callable[[LogDirectory], T], *, fence: int = 0) -> T:
        """Runs work on a log, found on disk where it is not known, on a worker thread.

        With a fence, on one that is held with it: what was known before is not of that holder.
        """
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry()
        self._entries.move_to_end(key)
        entry.users += 1
        try:
            log = entry.log
            if log is None or (fence and log.fence != fence):
                log = await self._opened(key, entry, fence)
            return await self._run(lambda: work(log))
        finally:
            entry.users -= 1
            self._forget_idle()

    async def _opened(self, key: LogKey, entry: _Entry, fence: int) -> LogDirectory:
        async with entry.lock:
            before = entry.log
            if before and (not fence or before.fence == fence):
                return before
            path = self._path(key)
            log = entry.log = await self._run(
                lambda: LogDirectory(path, disk=self._disk, limits=self._limits, fence=fence)
            )
            if before:
                before.close()
            return log

    def _path(self, key: LogKey) -> Path:
        return self._root / key.project / str(key.uid)

    def _forget_idle(self) -> None:
        excess = len(self._entries) - _MAX_KNOWN
        if excess <= 0:
            return
        idle = [key for key, entry in self._entries.items() if not entry.users][:excess]
        for key in idle:
            log = self._entries.pop(key).log
            if log:
                log.close()

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        except RuntimeError as error:
            raise LogStoreError("the server is stopping") from error
        return await future


def _logs_in(directory: Path) -> list[LogKey]:
    try:
        names = sorted(entry.name for entry in os.scandir(directory))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LogStoreError(str(error)) from error
    found = []
    for name in names:
        # What is not ours is not a log.
        with suppress(ValueError):
            found.append(LogKey(directory.name, UUID(name)))
    return found
