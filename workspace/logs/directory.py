"""One log in the file system: a directory of segments, the last of which grows.

Everything here blocks, and runs on worker threads: one that appends, any number that read.
"""

import errno
import os
import shutil
import threading
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
from workspace.logs.segments import SUFFIX, Segment, files_in, name_of, origin_of, pack

_FULL = (errno.ENOSPC, errno.EDQUOT)


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
    """The segments of one log, as they are in memory; found again on disk when first needed.

    With a `fence`, higher than that of every server before, this one alone appends (`hold`);
    without, somebody else may, and `refresh` finds what they did.
    """

    def __init__(self, path: Path, *, disk: Disk, limits: Limits, fence: int = 0) -> None:
        self._path = path
        self._disk = disk
        self._limits = limits
        self.fence = fence
        self._files = files_in(path)
        self._firsts = list(self._files)
        self._segments: dict[int, Segment] = {}
        self._refreshing = threading.Lock()
        # Open only between the first append and `close`.
        self._fd: int | None = None
        # The last segment is torn or broken: after its good frames nothing would be found. Or it
        # is another server's, which may not know yet that it lost the log.
        self._given_up = False
        self._last = self._recover()

    @property
    def extent(self) -> Extent:
        first = self._firsts[0] if self._firsts else 0
        return Extent(first, self._last.next_offset if self._last else 0)

    def hold(self) -> int:
        """Takes the log over from servers of lower fences, and returns where it ends.

        They may still write, and others read: a segment of ours, at the end, cuts off what they
        do from here on. Raises LogStoreError.
        """
        try:
            while self.fence > 1 and not self._is_last_ours():
                end = self.extent.next_offset
                self._begin(end)
                if self._end_below() <= end:
                    break
                # One of them wrote between our look and our segment: that is of the log.
                self.close()
                self._file(end).unlink()
                self._find_again()
        except OSError as error:
            raise LogStoreError(str(error)) from error
        return self.extent.next_offset

    def refresh(self) -> None:
        """Finds what others appended; nobody else does to a log that is held still."""
        if self.fence and not self._is_taken():
            return
        with self._refreshing:
            try:
                if self.fence:
                    self.fence = 0
                    self._find_again()
                while not self._look_again():
                    # Somebody took over meanwhile: what the last segment grew by may not count.
                    self._segments.clear()
            except FileNotFoundError:
                self._find_again()
            except OSError as error:
                raise LogStoreError(str(error)) from error

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
        found: list[Frame] = []
        try:
            for number in range(max(bisect_right(firsts, offset) - 1, 0), len(firsts)):
                part = self._segment(firsts, number).read(offset, limit_bytes)
                found += part
                limit_bytes -= sum(len(frame.data or b"") for frame in part)
                if found and limit_bytes <= 0:
                    break
        except FileNotFoundError as error:
            self.refresh()
            raise LogTrimmedError(self.extent.first_offset) from error
        except OSError as error:
            raise LogStoreError(str(error)) from error
        return found

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

    def _is_taken(self) -> bool:
        """Whether a server with a higher fence has begun a segment."""
        return any(origin_of(path)[1] > self.fence for path in self._path.glob(f"*{SUFFIX}"))

    def _look_again(self) -> bool:
        """Takes over the files as they are now; False where they changed while we looked."""
        files = files_in(self._path)
        last = max(files, default=None)
        # One that was the last may have grown before the next one began.
        stale = {first for first, path in files.items() if self._files.get(first) != path}
        stale |= {first for first in self._segments if first not in files}
        if self._firsts and self._firsts[-1] != last:
            stale.add(self._firsts[-1])
        for first in stale:
            self._segments.pop(first, None)
        self._files, self._firsts = files, list(files)
        segment = None
        if last is not None:
            segment = self._segments.setdefault(last, Segment(files[last], last))
            segment.grow()
        self._last = segment
        return files_in(self._path) == files

    def _find_again(self) -> None:
        self._files = files_in(self._path)
        self._firsts, self._segments = list(self._files), {}
        self._last = self._recover()

    def _end_below(self) -> int:
        """Where the log ends by what servers of lower fences wrote."""
        files = files_in(self._path, below=self.fence)
        return Segment.scan(files[max(files)]).next_offset if files else 0

    def _recover(self) -> Segment | None:
        """Finds the end of the log. What a crash left in memory only is made durable first."""
        if not self._firsts:
            return None
        try:
            last = self._segment(self._firsts, len(self._firsts) - 1)
            self._sync_path(last.path)
        except OSError as error:
            raise LogStoreError(str(error)) from error
        self._given_up = last.is_torn or not self._is_last_ours()
        return last

    def _is_last_ours(self) -> bool:
        """Whether the file that grows is one that nobody else writes to."""
        return bool(self._firsts) and origin_of(self._file(self._firsts[-1]))[1] == self.fence

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
        path = self._path / name_of(first_offset, self.fence)
        # A file of this name holds no good frame, or the log would go on after it.
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._sync_path(self._path)
        segment = self._segments[first_offset] = Segment(path, first_offset)
        self._files[first_offset] = path
        self._firsts = sorted(self._files)
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
            self._files.pop(first).unlink()

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
        return self._files[first_offset]
