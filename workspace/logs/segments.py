"""One file of a log: frames one after another, each checked by its CRC, indexed sparsely.

A frame is what one flush made durable. It is written whole before its fsync, and the next one
only after it: a crash can tear the last frame and no other. So a file ends, for us, after its
last good frame; a bad one before that was damaged later, and stands for a gap.
"""

import os
import struct
import threading
import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import zstandard

from workspace.logs.backend import Chunk, Frame

SUFFIX = ".seg"
# Length of the payload; CRC-32 of all that follows it; first offset, number of lines, when
# received and when the last line was written (microseconds since 1970).
_HEADER = struct.Struct("<IIQIqq")
_COVERED = struct.Struct("<QIqq")
_CRC_END = 8
_MAX_PAYLOAD = 64 << 20
# Distance of index entries: what a reader may have to skip.
_INDEX_BYTES = 64 << 10
_LEVEL = 1
_DIGITS = 19

# Compressors are not for several threads at once.
_local = threading.local()


@dataclass(frozen=True, slots=True)
class Header:
    """Where a frame stands and what it holds."""

    position: int
    length: int
    crc: int
    first_offset: int
    line_count: int
    received_us: int
    newest_us: int

    @property
    def end(self) -> int:
        return self.position + _HEADER.size + self.length

    @property
    def next_offset(self) -> int:
        return self.first_offset + self.line_count


def name_of(first_offset: int, fence: int) -> str:
    """The file of a segment; names sort as their offsets do."""
    return f"{first_offset:0{_DIGITS}}{f'-{fence}' if fence else ''}{SUFFIX}"


def origin_of(path: Path) -> tuple[int, int]:
    """The first offset of a segment, and the fence of the server that began it."""
    first_offset, _, fence = path.stem.partition("-")
    return int(first_offset), int(fence or 0)


def files_in(directory: Path, *, below: int | None = None) -> dict[int, Path]:
    """The segments that count, in order and by first offset; of lower fences alone, if asked.

    A server that others took for dead may go on writing: what it began at or behind the place
    where a higher fence took over is not of the log.
    """
    kept: dict[int, Path] = {}
    newest = 0
    for (first_offset, fence), path in sorted(
        (origin_of(path), path) for path in directory.glob(f"*{SUFFIX}")
    ):
        if fence >= newest and (below is None or fence < below):
            kept[first_offset], newest = path, fence
    return kept


def pack(chunks: Sequence[Chunk], received_us: int) -> bytes:
    """One frame of chunks that follow one another."""
    payload = _compressor().compress(b"".join(chunk.data for chunk in chunks))
    covered = _COVERED.pack(
        chunks[0].first_offset,
        sum(chunk.line_count for chunk in chunks),
        received_us,
        # Of lines that carry no time it is this one that readers see.
        max(chunk.newest_us or received_us for chunk in chunks),
    )
    crc = zlib.crc32(payload, zlib.crc32(covered))
    return b"".join((struct.pack("<II", len(payload), crc), covered, payload))


class Segment:
    """A file and its index. Appended to by one thread, read by many: `size` moves last."""

    def __init__(self, path: Path, first_offset: int) -> None:
        self.path = path
        self.first_offset = first_offset
        self.next_offset = first_offset
        self.size = 0
        self.newest_us = 0
        # An entry: a frame's offset and position, and the newest line before it.
        self._offsets = array("q")
        self._positions = array("q")
        self._before_us = array("q")

    @classmethod
    def scan(cls, path: Path, *, ends_at: int | None = None) -> "Segment":
        """Indexes a file, up to its last good frame, and up to the offset where the next begins."""
        segment = cls(path, origin_of(path)[0])
        segment.grow(ends_at=ends_at)
        return segment

    def grow(self, *, ends_at: int | None = None) -> None:
        """Indexes what follows the frames that are known; for a file that others append to."""
        with self.path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            pending: list[Header] = []
            for header in _headers(file.fileno(), self.size, self.next_offset, size):
                if ends_at is not None and header.first_offset >= ends_at:
                    break
                pending.append(header)
                if _payload(file.fileno(), header) is not None:
                    for good in pending:
                        self.added(good)
                    pending.clear()

    @property
    def is_torn(self) -> bool:
        """Whether something follows the last good frame."""
        return self.path.stat().st_size != self.size

    def added(self, header: Header) -> None:
        """Takes note of a frame that is durable."""
        if not self._positions or header.position - self._positions[-1] >= _INDEX_BYTES:
            self._before_us.append(self.newest_us)
            self._positions.append(header.position)
            self._offsets.append(header.first_offset)
        self.newest_us = max(self.newest_us, header.newest_us)
        self.next_offset = header.next_offset
        self.size = header.end

    def header_of(self, frame: bytes) -> Header:
        """The header of a frame that stands, or is to stand, at the end."""
        return Header(self.size, *_HEADER.unpack_from(frame))

    def read(self, offset: int, limit_bytes: int) -> list[Frame]:
        """Frames from the one that holds the line on; at least one unless the line is beyond."""
        found: list[Frame] = []
        room = limit_bytes
        with self.path.open("rb") as file:
            for header in self._from(file.fileno(), bisect_right(self._offsets, offset) - 1):
                if header.next_offset <= offset:
                    continue
                frame = _frame(file.fileno(), header)
                found.append(frame)
                room -= len(frame.data or b"")
                if room <= 0:
                    break
        return found

    def find(self, time_us: int) -> int:
        """The offset of the first frame with a line as young; `next_offset` where none is."""
        with self.path.open("rb") as file:
            for header in self._from(file.fileno(), bisect_left(self._before_us, time_us) - 1):
                if header.newest_us >= time_us:
                    return header.first_offset
        return self.next_offset

    def _from(self, fd: int, entry: int) -> Iterator[Header]:
        """Headers from an index entry on; fewer where the file was damaged since it was indexed."""
        size = self.size
        if not size:
            return iter(())
        entry = max(entry, 0)
        return _headers(fd, self._positions[entry], self._offsets[entry], size)


@dataclass(frozen=True, slots=True)
class Inspection:
    """Which lines a file holds: all up to `next_offset` but those in the `damaged` ranges."""

    next_offset: int
    damaged: tuple[tuple[int, int], ...]


def inspect(path: Path, *, ends_at: int | None = None) -> Inspection:
    """Reads a file whole; as `Segment.scan` sees it, what is torn at its end does not count."""
    end, pending, damaged = origin_of(path)[0], list[tuple[int, int]](), list[tuple[int, int]]()
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        for header in _headers(file.fileno(), 0, end, size):
            if ends_at is not None and header.first_offset >= ends_at:
                break
            if _payload(file.fileno(), header) is None:
                pending.append((header.first_offset, header.next_offset))
                continue
            damaged += pending
            pending.clear()
            end = header.next_offset
    return Inspection(end, tuple(damaged))


def _headers(fd: int, position: int, offset: int, size: int) -> Iterator[Header]:
    """Headers that follow one another, as far as that can be."""
    while position + _HEADER.size <= size:
        raw = os.pread(fd, _HEADER.size, position)
        if len(raw) < _HEADER.size:
            return
        header = Header(position, *_HEADER.unpack(raw))
        is_next = header.first_offset == offset and 0 < header.length <= _MAX_PAYLOAD
        if not is_next or not header.line_count or header.end > size:
            return
        yield header
        position, offset = header.end, header.next_offset


def _payload(fd: int, header: Header) -> bytes | None:
    """The compressed bytes of a frame; None unless they are what was written."""
    covered = os.pread(fd, header.length + _HEADER.size - _CRC_END, header.position + _CRC_END)
    return covered[_COVERED.size :] if zlib.crc32(covered) == header.crc else None


def _frame(fd: int, header: Header) -> Frame:
    payload = _payload(fd, header)
    data = None if payload is None else _decompressor().decompress(payload)
    return Frame(header.first_offset, header.line_count, header.received_us, data)


def _compressor() -> zstandard.ZstdCompressor:
    if not hasattr(_local, "compressor"):
        _local.compressor = zstandard.ZstdCompressor(level=_LEVEL)
    return _local.compressor  # type: ignore[no-any-return]


def _decompressor() -> zstandard.ZstdDecompressor:
    if not hasattr(_local, "decompressor"):
        _local.decompressor = zstandard.ZstdDecompressor()
    return _local.decompressor  # type: ignore[no-any-return]
