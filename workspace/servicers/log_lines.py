"""Lines between the wire and the log backend, which keeps the bytes of whole chunks.

Nothing here looks at single lines while they come in: a chunk is counted, and its bytes are
passed on. Only readers get at lines one by one, for their numbers and times.
"""

from collections.abc import Iterable, Iterator, MutableSequence, Sequence
from dataclasses import dataclass

from google.protobuf.timestamp_pb2 import Timestamp

from weftapi.common.v1 import types_pb2
from weftapi.workspace.v1 import logs_pb2
from workspace.logs.amounts import Amount, gap, gap_line, is_gap
from workspace.logs.backend import Chunk, Frame
from workspace.logs.keeper import Admitted
from workspace.secrets.masks import Mask

# Of one message to a reader.
MAX_LINES = 1_000
MAX_BYTES = 512 << 10
# The field `continued`, when it is set, as it stands in a message.
_CONTINUED = b"\x38\x01"
# What a line costs in a chunk beside itself: its tag and its length.
_FRAMING = 4

Lines = Sequence[types_pb2.LogLine]


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines that follow one another, and the offset of the next one."""

    lines: Lines
    next_offset: int
    size_bytes: int


async def append(admitted: Admitted, chunk: logs_pb2.LogChunk) -> bool:
    """Appends what is new of a chunk; False where all of it is known already.

    What a quota does not let in is stood for by a gap.
    """
    writer, meter = admitted.writer, admitted.meter
    await writer.room()
    known = writer.known(chunk.first_offset)
    if known >= len(chunk.lines):
        return False
    if known:
        # A writer that comes back repeats itself.
        del chunk.lines[:known]
        chunk.first_offset += known
    mask = await admitted.mask()
    new = _stored(chunk)
    if mask and (mask.hits(new.data) or _CONTINUED in new.data):
        hide(chunk.lines, mask)
        new = _stored(chunk)
    if not meter.covers(len(new.data), new.line_count):
        await admitted.extend(Amount(len(new.data), new.line_count))
        # Somebody may have begun to seal the log meanwhile.
        await writer.room()
    if meter.covers(len(new.data), new.line_count):
        writer.append(new)
    else:
        _append_some(admitted, chunk)
    return True


def hide(lines: MutableSequence[types_pb2.LogLine], mask: Mask) -> None:
    """Masks lines in place; those that continue one another as the one line that they were."""
    group: list[types_pb2.LogLine] = []
    for line in lines:
        line.logger = mask.text(line.logger)
        group.append(line)
        if not line.continued:
            _hide(group, mask)
            group = []
    if group:
        _hide(group, mask)


def batches(frames: Iterable[Frame], offset: int, end: int) -> Iterator[Batch]:
    """The lines of frames from an offset on, in batches that fit into messages.

    Lines that storage lost, or a quota kept out, are stood for by one line that says so. `end`
    is how far the log goes where there are no frames at all.
    """
    found = False
    for frame in _widened(frames):
        found = True
        if frame.first_offset > offset:
            yield _lost(offset, frame.first_offset)
            offset = frame.first_offset
        if frame.data is None:
            yield _lost(offset, frame.next_offset)
        elif is_gap(frame.data):
            yield _dropped(frame, frame.data, offset)
        else:
            yield from _cut(_lines(frame, frame.data, offset), frame.next_offset, len(frame.data))
        offset = frame.next_offset
    if not found and offset < end:
        yield _lost(offset, end)


def joined(parts: Iterable[Batch]) -> Iterator[Batch]:
    """The same lines in as few batches as fit into messages."""
    waiting: list[Batch] = []
    lines = size = 0
    for part in parts:
        if waiting and (lines + len(part.lines) > MAX_LINES or size + part.size_bytes > MAX_BYTES):
            yield _join(waiting, size)
            waiting, lines, size = [], 0, 0
        waiting.append(part)
        lines += len(part.lines)
        size += part.size_bytes
    if waiting:
        yield _join(waiting, size)


def since(lines: Lines, time_us: int) -> int | None:
    """The offset of the first line that was written at or after a time."""
    for line in lines:
        if line.time.seconds * 1_000_000 + line.time.nanos // 1_000 >= time_us:
            return line.offset
    return None


def text(lines: Lines) -> bytes:
    """The lines as they were printed."""
    parts = [line.message if line.continued else f"{line.message}\n" for line in lines]
    return "".join(parts).encode()


def microseconds(time: Timestamp) -> int:
    """Rounded up: a line is not at or after a moment that it precedes."""
    return time.seconds * 1_000_000 + -(-time.nanos // 1_000)


def _stored(chunk: logs_pb2.LogChunk) -> Chunk:
    newest = chunk.lines[-1].time
    microseconds = newest.seconds * 1_000_000 + newest.nanos // 1_000
    data = chunk.SerializeToString()
    return Chunk(chunk.first_offset, len(chunk.lines), microseconds, data)


def _hide(group: list[types_pb2.LogLine], mask: Mask) -> None:
    joined = "".join([line.message for line in group])
    shown = mask.text(joined)
    if shown == joined:
        return
    for line in group[:-1]:
        size = len(line.message)
        line.message, shown = shown[:size], shown[size:]
    group[-1].message = shown


def _append_some(admitted: Admitted, chunk: logs_pb2.LogChunk) -> None:
    """Appends as many lines as have room, and a gap in place of the others."""
    writer, meter = admitted.writer, admitted.meter
    all_of_it = _stored(chunk)
    kept = meter.fitting(line.ByteSize() + _FRAMING for line in chunk.lines)
    if kept:
        del chunk.lines[kept:]
        writer.append(_stored(chunk))
    meter.is_full = True
    first, count = all_of_it.first_offset + kept, all_of_it.line_count - kept
    writer.append(Chunk(first, count, all_of_it.newest_us, gap(meter.grant.limit)))


def _widened(frames: Iterable[Frame]) -> Iterator[Frame]:
    """The same frames; of gaps that follow one another, one for all."""
    waiting: Frame | None = None
    for frame in frames:
        if waiting and frame.data == waiting.data and frame.first_offset == waiting.next_offset:
            count = waiting.line_count + frame.line_count
            waiting = Frame(waiting.first_offset, count, frame.received_us, frame.data)
            continue
        if waiting:
            yield waiting
        waiting = frame if frame.data and is_gap(frame.data) else None
        if not waiting:
            yield frame
    if waiting:
        yield waiting


def _lines(frame: Frame, data: bytes, offset: int) -> MutableSequence[types_pb2.LogLine]:
    """The lines of a frame from an offset on, with their numbers, and times where they lack one."""
    # Serialized messages one after another are their fields one after another: one chunk.
    lines = logs_pb2.LogChunk.FromString(data).lines
    if offset > frame.first_offset:
        del lines[: offset - frame.first_offset]
    received = Timestamp()
    received.FromMicroseconds(frame.received_us)
    for number, line in enumerate(lines, offset):
        line.offset = number
        if not line.HasField("time"):
            line.time.CopyFrom(received)
    return lines


def _cut(lines: Lines, next_offset: int, size: int) -> Iterator[Batch]:
    if len(lines) <= MAX_LINES and size <= MAX_BYTES:
        yield Batch(lines, next_offset, size)
        return
    begin = used = 0
    for index, line in enumerate(lines):
        length = line.ByteSize()
        if index - begin == MAX_LINES or (used + length > MAX_BYTES and index > begin):
            yield Batch(lines[begin:index], line.offset, used)
            begin, used = index, 0
        used += length
    if begin < len(lines):
        yield Batch(lines[begin:], next_offset, used)


def _join(parts: list[Batch], size: int) -> Batch:
    if len(parts) == 1:
        return parts[0]
    return Batch([line for part in parts for line in part.lines], parts[-1].next_offset, size)


def _lost(first: int, end: int) -> Batch:
    line = types_pb2.LogLine(
        offset=first,
        origin=types_pb2.LOG_ORIGIN_SYSTEM,
        level=types_pb2.LOG_LEVEL_ERROR,
        message=f"{end - first} lines are lost, from {first} on: the store of logs is damaged.",
    )
    return Batch([line], end, line.ByteSize())


def _dropped(frame: Frame, data: bytes, offset: int) -> Batch:
    count = frame.next_offset - offset
    line = types_pb2.LogLine(
        offset=offset,
        origin=types_pb2.LOG_ORIGIN_SYSTEM,
        level=types_pb2.LOG_LEVEL_WARNING,
        message=gap_line(data, count),
        dropped_lines=count,
    )
    line.time.FromMicroseconds(frame.received_us)
    return Batch([line], frame.next_offset, line.ByteSize())
