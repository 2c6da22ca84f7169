"""Which lines of a dead process its log lacks."""

import pytest

from weftapi.common.v1 import types_pb2
from workspace.launching.last_lines import lines_of, unsent


def sent(*messages: str) -> list[types_pb2.LogLine]:
    return [types_pb2.LogLine(message=message) for message in messages]


def written(*messages: str) -> bytes:
    return "".join(f"2026-11-23T05:00:00.5Z stdout F {each}\n" for each in messages).encode()


@pytest.mark.parametrize(
    ("known", "output", "missing"),
    [
        ([], ["a", "b"], ["a", "b"]),
        (["a", "b"], ["a", "b"], []),
        (["a"], ["a", "b"], ["b"]),
        # What was written past the capture stands between lines that were sent.
        (["a", "b"], ["a", "of a child", "b", "c"], ["c"]),
        # Three of the same were sent, so the others were not.
        (["a", "a", "a"], ["a", "a", "a", "a", "a"], ["a", "a"]),
        (["begun", "a", "a"], ["begun", "a", "a", "a", "end"], ["a", "end"]),
        # Its beginning is kept no more, and what was sent with it.
        (["a"], ["x", "y"], ["x", "y"]),
        (["a"], [], []),
    ],
)
def test_what_follows_on_the_last_line_that_was_sent_is_missing(known, output, missing):
    found = unsent(sent(*known), list(lines_of(written(*output))))
    assert [line.message for line in found] == missing


def test_a_line_of_a_logging_library_is_known_as_it_is_echoed():
    logged = types_pb2.LogLine(
        message="warm",
        logger="oven",
        level=types_pb2.LOG_LEVEL_WARNING,
        channel=types_pb2.LOG_CHANNEL_LOGGING,
    )
    output = list(lines_of(written("WARNING oven: warm", "burnt")))
    assert [line.message for line in unsent([logged], output)] == ["burnt"]


def test_lines_have_the_time_and_the_channel_of_the_engine():
    raw = (
        b"lf of a line that was cut off\n"
        b"2026-11-23T05:00:00.123456789Z stderr P a long\n"
        b"2026-11-23T05:00:01.5Z stderr F line\n"
        b"when stdout F 10 %\r50 %\r100 %\r\n"
    )
    first, second, third = lines_of(raw)
    assert (first.message, first.continued, first.time.nanos) == ("a long", True, 123456789)
    assert (second.message, second.continued) == ("line", False)
    assert second.channel == types_pb2.LOG_CHANNEL_STDERR
    assert (third.message, third.HasField("time")) == ("100 %", False)
