"""The quick look at many messages agrees with the look at each of them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshkit import rules
from meshkit.errors import InvalidArgument
from meshkit.rules.columns import quick_look
from weftapi.common.v1 import types_pb2
from weftapi.workspace.v1 import logs_pb2, reports_pb2

_LIMITS = (0, 1, 255, 256, 257, 16_384, 16_385)


@st.composite
def lines(draw: st.DrawFn) -> types_pb2.LogLine:
    """Mostly good lines, at the edges of what is good, and beyond."""
    letter = draw(st.sampled_from(["x", "é", "\U0001f600", "\x00", "\x1b"]))
    line = types_pb2.LogLine(
        message=letter * draw(st.sampled_from(_LIMITS)),
        logger=letter * draw(st.sampled_from(_LIMITS[:5])),
        level=draw(st.sampled_from([0, 1, 5, 6, -1])),
        origin=draw(st.sampled_from([0, 3, 4])),
        channel=draw(st.sampled_from([0, 3, 99])),
        offset=draw(st.sampled_from([0, -1, 2**63 - 1])),
    )
    if draw(st.booleans()):
        edges = [0, -62_135_596_800, -62_135_596_801, 253_402_300_799, 253_402_300_800]
        line.time.seconds = draw(st.sampled_from(edges))
        line.time.nanos = draw(st.sampled_from([0, 999_999_999, 1_000_000_000, -1]))
    return line


def _problems(message: logs_pb2.LogChunk | types_pb2.LogLine) -> list[str]:
    try:
        rules.check(message)
    except InvalidArgument as error:
        return [violation.field for violation in error.violations]
    return []


@settings(max_examples=300, deadline=None)
@given(st.lists(lines(), min_size=1, max_size=8))
def test_a_list_breaks_the_rules_that_its_items_break(items):
    alone = [f"lines[{n}].{path}" for n, line in enumerate(items) for path in _problems(line)]
    together = _problems(logs_pb2.LogChunk(lines=items))
    assert together == alone
    look = quick_look(types_pb2.LogLine.DESCRIPTOR)
    assert look is not None
    assert look(items) == (not alone)


@pytest.mark.parametrize("message", [reports_pb2.Report, reports_pb2.NewStep])
def test_types_with_deeper_rules_get_no_quick_look(message):
    assert quick_look(message.DESCRIPTOR) is None
