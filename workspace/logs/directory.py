"""One log in the file system: a directory of segments, the last of which grows.

Everything here blocks, and runs on worker threads: one that appends, any number that read.
"""

import errno
import os
import shutil
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workspace.logs.backend import (
    Chunk,
    Extent,
    Frame,
    LogStoreError,
    LogStoreFullError,
    LogTrimmedError,
)
from workspace.logs.segments import SUFFIX, Segment, pack

_FULL = (errno.ENOSPC, errno.EDQUOT)
# Names sort as their offsets do.
_DIGITS = 19


class Disk:
    """The calls of the operating system that can fail while lines become durable."""

    def write(self, fd: int, data: bytes, position: int) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(fd, view, position)
            view, position = view[written:], position + written

    def sync(self, fd: int) -> None:
        os.fsync(fd)


@dataclass(frozen=True, slots=True)
class Limits:
    """How large files get; of a log beyond `log_bytes`, the oldest segments go."""

    segment_bytes: int = 64 << 20
    log_bytes: int = 4 << 30


class LogDirectory:
    """The segments of one log, as they are in memory; found again on disk when first needed."""

    def __init__(self, path: Path, *, disk: Disk, limits: Limits) -> None:
        self._path = path
        self._disk = disk
        self._limits = limits
        self._firsts = sorted(int(file.stem) for file in path.glob(f"*{SUFFIX}"))
        self._segments: dict[int, Segment] = {}
        # Open only between the first append and `close`.
        self._fd: int | None = None
        # The last segment is torn or broken: after its good frames nothing would be found.
        self._given_up = False
        self._last = self._recover()

    @property
    def extent(self) -> Extent:
        first = self._firsts[0] if self._firsts else 0
        return Extent(first, self._last.next_offset if self._last else 0)

    def append(self, chunks: Sequence[Chunk], received_us: int) -> None:
        """Makes chunks durable as one frame; raises LogStoreError, and then they are not."""
        next_offset = self.extent.next_offset
        if chunks[0].first_offset != next_offset:
            raise ValueError(f"offset {chunks[0].first_offset} does not follow {next_offset}")
        frame = pack(chunks, received_us)
        try:
            segment = self._writable(next_offset)
            self._store(segment, frame)
        except OSError as error:
            kind = LogStoreFullError if error.errno in _FULL else LogStoreError
            raise kind(str(error)) from error
        segment.added(segment.header_of(frame))

    def read(self, offset: int, limit_bytes: int) -> list[Frame]:
        """As LogBackend.read."""
        firsts = self._firsts
        if firsts and offset < firsts[0]:
            raise LogTrimmedError(firsts[0])
        try:
            for number in range(max(bisect_right(firsts, offset) - 1, 0), len(firsts)):
                found = self._segment(firsts, number).read(offset, limit_bytes)
                if found:
                    return found
        except FileNotFoundError as error:
            raise LogTrimmedError(self._firsts[0]) from error
        except OSError as error:
            raise LogStoreError(str(error)) from error
        return []

    def find(self, time_us: int) -> int:
        """As LogBackend.find."""
        firsts = self._firsts
        try:
            for number in range(len(firsts)):
                segment = self._segment(firsts, number)
                if segment.newest_us >= time_us:
                    return segment.find(time_us)
        except FileNotFoundError as error:
            raise LogStoreError("the log was trimmed meanwhile") from error
        except OSError as error:
            raise LogStoreError(str(error)) from error
        return self.extent.next_offset

    def close(self) -> None:
        """Lets go of the file; the next append opens it again."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def delete(self) -> None:
        self.close()
        try:
            shutil.rmtree(self._path, ignore_errors=False)
        except FileNotFoundError:
            return
        except OSError as error:
            raise LogStoreError(str(error)) from error

    def _segment(self, firsts: list[int], number: int) -> Segment:
        first = firsts[number]
        segment = self._segments.get(first)
        if segment is None:
            ends_at = firsts[number + 1] if number + 1 < len(firsts) else None
            segment = Segment.scan(self._file(first), ends_at=ends_at)
            self._segments[first] = segment
        return segment

    def _recover(self) -> Segment | None:
        """Finds the end of the log. What a crash left in memory only is made durable first."""
        if not self._firsts:
            return None
        try:
            last = self._segment(self._firsts, len(self._firsts) - 1)
            self._sync_path(last.path)
        except OSError as error:
            raise LogStoreError(str(error)) from error
        self._given_up = last.is_torn
        return last

    def _writable(self, next_offset: int) -> Segment:
        """The segment that grows, open; a new one after a full, torn or broken one."""
        last = self._last
        if last is None or self._given_up or last.size >= self._limits.segment_bytes:
            last = self._begin(next_offset)
        if self._fd is None:
            self._fd = os.open(last.path, os.O_WRONLY | os.O_CLOEXEC)
        return last

    def _begin(self, first_offset: int) -> Segment:
        self.close()
        self._make_directory()
        path = self._file(first_offset)
        # A file of this name holds no good frame, or the log would go on after it.
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._sync_path(self._path)
        segment = self._segments[first_offset] = Segment(path, first_offset)
        self._firsts = sorted({*self._firsts, first_offset})
        self._last, self._given_up = segment, False
        self._trim()
        return segment

    def _store(self, segment: Segment, frame: bytes) -> None:
        assert self._fd is not None
        try:
            self._disk.write(self._fd, frame, segment.size)
        except OSError as error:
            # Full is not broken: what was written of the frame goes, and the file is as before.
            self._undo(segment, is_broken=error.errno not in _FULL)
            raise
        try:
            self._disk.sync(self._fd)
        except OSError:
            # After a failed fsync the kernel forgets what it could not write: a second one that
            # succeeds proves nothing. What was durable before can still be read.
            self._undo(segment, is_broken=True)
            raise

    def _undo(self, segment: Segment, *, is_broken: bool) -> None:
        assert self._fd is not None
        try:
            os.ftruncate(self._fd, segment.size)
        except OSError:
            is_broken = True
        if is_broken:
            self._given_up = True
            self.close()

    def _trim(self) -> None:
        """Drops the oldest segments of a log that is too long."""
        sizes = {first: self._file(first).stat().st_size for first in self._firsts[:-1]}
        total = sum(sizes.values())
        for first, size in sizes.items():
            if total <= self._limits.log_bytes:
                return
            total -= size
            self._firsts = self._firsts[1:]
            self._segments.pop(first, None)
            self._file(first).unlink()

    def _make_directory(self) -> None:
        missing = []
        path = self._path
        while not path.exists():
            missing.append(path)
            path = path.parent
        self._path.mkdir(parents=True, exist_ok=True, mode=0o700)
        for made in missing:
            self._sync_path(made.parent)

    def _sync_path(self, path: Path) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._disk.sync(fd)
        finally:
            os.close(fd)

    def _file(self, first_offset: int) -> Path:
        return self._path / f"{first_offset:0{_DIGITS}}{SUFFIX}"
