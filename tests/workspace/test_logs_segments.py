"""The files of a log: whatever is appended, torn and opened again, good frames stay."""

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workspace.logs.backend import Chunk, LogKey, LogTrimmedError
from workspace.logs.directory import Disk, Limits, LogDirectory
from workspace.logs.files import FileBackend
from workspace.logs.segments import Segment

LIMITS = Limits(segment_bytes=2_000, log_bytes=1 << 30)


class Lines:
    """A log whose lines are known: line n is the bytes of n."""

    def __init__(self, path: Path, limits: Limits = LIMITS) -> None:
        self._path = path
        self._limits = limits
        self.count = 0
        self.open()

    def open(self) -> None:
        self.log = LogDirectory(self._path, disk=Disk(), limits=self._limits)

    def append(self, *counts: int) -> None:
        chunks = []
        for count in counts:
            data = b"".join(_line(n) for n in range(self.count, self.count + count))
            chunks.append(Chunk(self.count, count, _time(self.count + count - 1), data))
            self.count += count
        self.log.append(chunks, received_us=_time(self.count))

    def read(self, offset: int, limit: int = 1) -> bytes:
        """What follows from a line on, frame by frame."""
        found = b""
        while frames := self.log.read(offset, limit):
            for frame in frames:
                assert frame.data is not None
                assert frame.first_offset <= offset < frame.next_offset
                skipped = len(b"".join(_line(n) for n in range(frame.first_offset, offset)))
                found += frame.data[skipped:]
                offset = frame.next_offset
        return found

    def tear(self, keep: int, garbage: bytes) -> None:
        """A frame that a crash left unfinished: its first bytes, or other ones."""
        last = max(self._path.glob("*.seg"))
        torn = last.read_bytes()[: Segment.scan(last).size]
        frame = torn[-40:] * 3
        last.write_bytes(torn + frame[:keep] + garbage)


def _line(number: int) -> bytes:
    return b"%d\n" % number


def _time(number: int) -> int:
    return 1_000_000 + number * 1_000


def _all(begin: int, end: int) -> bytes:
    return b"".join(_line(n) for n in range(begin, end))


steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.lists(st.integers(1, 200), min_size=1, max_size=4)),
        st.tuples(st.just("tear"), st.tuples(st.integers(0, 120), st.binary(max_size=60))),
        st.tuples(st.just("reopen"), st.none()),
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(steps, st.data())
def test_a_log_holds_what_was_appended_through_tears_and_restarts(script, data):
    with TemporaryDirectory() as directory:
        lines = Lines(Path(directory) / "log")
        for what, how in script:
            if what == "append":
                lines.append(*how)
            elif what == "reopen":
                lines.log.close()
                lines.open()
            elif lines.count:
                lines.log.close()
                lines.tear(*how)
                lines.open()
            assert lines.log.extent.next_offset == lines.count
        begin = data.draw(st.integers(0, lines.count))
        assert lines.read(begin, data.draw(st.integers(1, 5_000))) == _all(begin, lines.count)
        lines.log.close()
        lines.open()
        assert lines.read(0) == _all(0, lines.count)
        _check_times(lines, data.draw(st.integers(0, lines.count + 1)))
        lines.log.close()


def _check_times(lines: Lines, number: int) -> None:
    """The frame that `find` names holds the line of that time, or is the end."""
    offset = lines.log.find(_time(number))
    if number >= lines.count:
        assert offset == lines.count
        return
    frame = lines.log.read(offset, 1)[0]
    assert frame.first_offset <= number < frame.next_offset


def test_a_frame_that_was_cut_anywhere_is_not_there(tmp_path):
    lines = Lines(tmp_path / "log", Limits())
    lines.append(5)
    good = next((tmp_path / "log").iterdir()).stat().st_size
    lines.append(50)
    lines.log.close()
    path = next((tmp_path / "log").iterdir())
    whole = path.read_bytes()
    for size in range(good, len(whole)):
        path.write_bytes(whole[:size])
        assert Segment.scan(path).next_offset == 5
        path.write_bytes(whole[:size] + bytes(len(whole) - size))
        # The last byte may have been zero before.
        if whole[size:].strip(b"\0"):
            assert Segment.scan(path).next_offset == 5


def test_after_a_torn_end_lines_go_into_a_file_of_their_own(tmp_path):
    lines = Lines(tmp_path / "log", Limits())
    lines.append(5)
    lines.log.close()
    lines.tear(30, b"")
    before = {path.name: path.read_bytes() for path in (tmp_path / "log").iterdir()}
    lines.open()
    lines.append(5)
    after = {path.name: path.read_bytes() for path in (tmp_path / "log").iterdir()}
    assert len(after) == 2
    assert before.items() <= after.items()
    assert lines.read(0) == _all(0, 10)


@pytest.mark.parametrize("place", [0.05, 0.3, 0.5, 0.7, 0.95])
def test_damage_is_told_from_a_torn_end_and_costs_its_frame_alone(tmp_path, place):
    lines = Lines(tmp_path / "log", Limits())
    for _ in range(30):
        lines.append(40)
    lines.log.close()
    path = next((tmp_path / "log").iterdir())
    content = bytearray(path.read_bytes())
    headers = list(range(len(content)))
    position = int(headers[int(len(headers) * place)])
    content[position] ^= 0xFF
    path.write_bytes(content)
    lines.open()
    offset, lost, found = 0, 0, b""
    while frames := lines.log.read(offset, 1):
        for frame in frames:
            lost += frame.data is None
            found += frame.data or b""
            offset = frame.next_offset
    # A bad header hides what follows it in the file; a bad payload hides itself.
    assert lost <= 1
    assert _all(0, 1_200).startswith(found) or lost == 1
    assert len(found) >= len(_all(0, 1_200)) * (place - 0.1)


def test_the_oldest_segments_of_a_log_that_is_too_long_go(tmp_path):
    chance = random.Random(1)
    log = LogDirectory(
        tmp_path / "log", disk=Disk(), limits=Limits(segment_bytes=5_000, log_bytes=20_000)
    )
    for number in range(50):
        log.append([Chunk(number, 1, number, chance.randbytes(1_000))], received_us=0)
    first = log.extent.first_offset
    assert 0 < first < 40
    assert log.read(first, 1)[0].first_offset == first
    with pytest.raises(LogTrimmedError) as trimmed:
        log.read(first - 1, 1)
    assert trimmed.value.first_offset == first
    assert sum(path.stat().st_size for path in (tmp_path / "log").iterdir()) < 30_000
    log.close()
    assert LogDirectory(tmp_path / "log", disk=Disk(), limits=LIMITS).extent.first_offset == first


def test_only_what_follows_can_be_appended(tmp_path):
    lines = Lines(tmp_path / "log")
    lines.append(3)
    with pytest.raises(ValueError, match="does not follow"):
        lines.log.append([Chunk(4, 1, 0, b"x")], received_us=0)


async def test_a_directory_has_one_server(tmp_path):
    backend = FileBackend.open(tmp_path / "logs")
    with pytest.raises(RuntimeError, match="another server"):
        FileBackend.open(tmp_path / "logs")
    await backend.close()
    await FileBackend.open(tmp_path / "logs").close()


async def test_logs_are_listed_and_deleted(tmp_path):
    from uuid import UUID

    backend = FileBackend.open(tmp_path / "logs")
    keys = [LogKey("demo", UUID(int=n)) for n in range(3)]
    for key in keys:
        await backend.append(key, [Chunk(0, 1, 0, b"x")], received_us=0)
    await backend.append(LogKey("other", UUID(int=1)), [Chunk(0, 1, 0, b"x")], received_us=0)
    (tmp_path / "logs" / "demo" / "lost+found").mkdir()
    assert await backend.list("demo") == keys
    assert await backend.list("absent") == []
    await backend.delete(keys[1])
    await backend.delete(keys[1])
    assert await backend.list("demo") == [keys[0], keys[2]]
    assert (await backend.extent(keys[1])).next_offset == 0
    assert await backend.list("other") == [LogKey("other", UUID(int=1))]
    await backend.close()
