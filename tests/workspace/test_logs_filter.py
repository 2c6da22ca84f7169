"""Filters of ReadLogs and TailLogs: the server looks, over live lines and sealed ones."""

from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from tests.workspace.harness import Harness, refused
from tests.workspace.log_clients import create_log, line, messages
from weftapi.common.v1 import types_pb2
from weftapi.workspace.v1 import logs_pb2
from workspace.servicers.log_filters import LineFilter

Filter = logs_pb2.LogFilter
LINES = [
    line("plain output", second=100),
    line("details", second=101, level=types_pb2.LOG_LEVEL_DEBUG),
    line("epoch 1", second=102, level=types_pb2.LOG_LEVEL_INFO),
    line("slow disk", second=103, level=types_pb2.LOG_LEVEL_WARNING),
    line("epoch 2", second=104, level=types_pb2.LOG_LEVEL_INFO),
    line("disk is full", second=105, level=types_pb2.LOG_LEVEL_ERROR),
]


def at(second: int) -> Timestamp:
    return Timestamp(seconds=second)


async def _log(ws: Harness, *, sealed: bool) -> str:
    name = await create_log(ws)
    for first in range(0, len(LINES), 2):
        part = logs_pb2.LogChunk(first_offset=first, lines=LINES[first : first + 2])
        await ws.logs().WriteLogs(logs_pb2.WriteLogsRequest(log_stream=name, chunk=part))
    if sealed:
        await ws.logs().SealLogStream(logs_pb2.SealLogStreamRequest(name=name))
    return name


async def _read(ws: Harness, name: str, wanted: Any, **fields: Any) -> list[str]:
    """Page by page, as the contract says."""
    found, offset = [], 0
    while True:
        request = logs_pb2.ReadLogsRequest(log_stream=name, offset=offset, filter=wanted, **fields)
        page = await ws.logs().ReadLogs(request)
        found += page.lines
        if page.end_of_stream or page.next_offset == offset:
            return messages(found)
        offset = page.next_offset


CASES = [
    (Filter(), [0, 1, 2, 3, 4, 5]),
    (Filter(contains="disk"), [3, 5]),
    (Filter(contains="Disk"), []),
    (Filter(min_level=types_pb2.LOG_LEVEL_INFO), [0, 2, 3, 4, 5]),
    (Filter(min_level=types_pb2.LOG_LEVEL_WARNING), [3, 5]),
    (Filter(min_level=types_pb2.LOG_LEVEL_CRITICAL), []),
    (Filter(since=at(103)), [3, 4, 5]),
    (Filter(until=at(103)), [0, 1, 2]),
    (Filter(since=at(102), until=at(104)), [2, 3]),
    (Filter(since=at(200)), []),
    (Filter(contains="epoch", since=at(103)), [4]),
    (Filter(contains="disk", min_level=types_pb2.LOG_LEVEL_ERROR, until=at(200)), [5]),
]


@pytest.mark.parametrize("sealed", [False, True], ids=["live", "sealed"])
async def test_what_a_filter_wants_is_read(ws: Harness, sealed) -> None:
    name = await _log(ws, sealed=sealed)
    for wanted, expected in CASES:
        all_of_them = [LINES[number].message for number in expected]
        assert await _read(ws, name, wanted) == all_of_them, wanted
        # One line at a time finds the same ones.
        assert await _read(ws, name, wanted, max_lines=1) == all_of_them, wanted


async def test_lines_keep_their_offsets(ws: Harness) -> None:
    name = await _log(ws, sealed=True)
    request = logs_pb2.ReadLogsRequest(log_stream=name, filter=Filter(contains="disk"))
    page = await ws.logs().ReadLogs(request)
    assert [one.offset for one in page.lines] == [3, 5]
    assert page.end_of_stream


async def test_a_tail_sends_what_a_filter_wants_as_it_comes(ws: Harness) -> None:
    name = await _log(ws, sealed=False)
    request = logs_pb2.TailLogsRequest(log_stream=name, filter=Filter(contains="disk"))
    call = ws.logs().TailLogs(request)
    found = []
    sent = False
    async for message in call:
        found += messages(message.lines)
        if not sent and message.next_offset == len(LINES):
            sent = True
            more = [line("nothing", second=106), line("disk is empty", second=107)]
            part = logs_pb2.LogChunk(first_offset=len(LINES), lines=more)
            await ws.logs().WriteLogs(logs_pb2.WriteLogsRequest(log_stream=name, chunk=part))
            await ws.logs().SealLogStream(logs_pb2.SealLogStreamRequest(name=name))
    assert found == ["slow disk", "disk is full", "disk is empty"]
    assert message.end_of_stream
    assert message.next_offset == len(LINES) + 2


async def test_a_filter_that_is_too_long_or_no_level_is_refused(ws: Harness) -> None:
    name = await create_log(ws)
    for wanted in (Filter(contains="x" * 1025), Filter(min_level=99)):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await ws.logs().ReadLogs(logs_pb2.ReadLogsRequest(log_stream=name, filter=wanted))


_LINE = st.builds(
    line,
    st.sampled_from(["", "a", "ab", "b"]),
    second=st.integers(0, 9),
    level=st.sampled_from(types_pb2.LogLevel.values()),
)


@given(
    st.lists(_LINE),
    st.sampled_from(["", "a", "b"]),
    st.sampled_from(types_pb2.LogLevel.values()),
    st.integers(1, 9),
    st.integers(1, 9),
)
def test_a_filter_is_what_its_fields_say(lines, contains, level, since, until) -> None:
    asked = Filter(contains=contains, min_level=level, since=at(since), until=at(until))
    wanted = LineFilter.of(asked)
    assert wanted
    assert list(wanted.chosen(lines)) == [
        one
        for one in lines
        if contains in one.message
        and (one.level or types_pb2.LOG_LEVEL_INFO) >= level
        and since <= one.time.seconds < until
    ]
