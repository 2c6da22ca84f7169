"""The glance and the look that names what is wrong agree, whatever a message holds."""

import math
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from meshkit.rules import compile_all, compiler
from meshkit.rules.shapes import is_map
from tests.meshkit.things import FILE, Thing, thing

_F = FieldDescriptor
_UID = "0190b6a4-0000-7000-8000-000000000000"
_TEXTS = ["", "a", "ab-cd", "projects/demo", "projects/-", "projects/demo\n", "x" * 400, "\x00"]
_VALUES: dict[int, list[Any]] = {
    _F.CPPTYPE_STRING: [*_TEXTS, _UID, "a@b.c", "s3://bucket/key", "0" * 64],
    _F.CPPTYPE_BOOL: [False, True],
    _F.CPPTYPE_ENUM: [0, 1, 99],
    _F.CPPTYPE_FLOAT: [0.0, -0.0, 1.5, math.nan, math.inf],
    _F.CPPTYPE_DOUBLE: [0.0, -0.0, 1.5, math.nan, math.inf],
}
_NUMBERS = [0, 1, 5, 10, 11, 2**31 - 1]


@st.composite
def things(draw: st.DrawFn) -> Message:
    """A good message in which some fields hold, or lack, anything."""
    message = thing()
    _spoil(draw, message, depth=2)
    return message


def _spoil(draw: st.DrawFn, message: Message, *, depth: int) -> None:
    fields = draw(st.lists(st.sampled_from(list(message.DESCRIPTOR.fields)), max_size=4))
    for field in fields:
        message.ClearField(field.name)
        for _ in range(draw(st.sampled_from([0, 1, 2, 5])) if field.is_repeated else 1):
            if draw(st.integers(0, 4)):
                _set(draw, message, field, depth)


def _set(draw: st.DrawFn, message: Message, field: FieldDescriptor, depth: int) -> None:
    held = getattr(message, field.name)
    if is_map(field):
        value = field.message_type.fields_by_name["value"]
        key = draw(st.sampled_from(["k", "", "x" * 400]))
        if value.message_type is None:
            held[key] = _value(draw, value)
        else:
            _into(draw, held[key], depth)
    elif field.message_type is not None:
        _into(draw, held.add() if field.is_repeated else held, depth)
        if not field.is_repeated:
            held.SetInParent()
    elif field.is_repeated:
        held.append(_value(draw, field))
    else:
        setattr(message, field.name, _value(draw, field))


def _into(draw: st.DrawFn, message: Message, depth: int) -> None:
    if depth:
        _spoil(draw, message, depth=depth - 1)


def _value(draw: st.DrawFn, field: FieldDescriptor) -> Any:
    value = draw(st.sampled_from(_VALUES.get(field.cpp_type, _NUMBERS)))
    return value.encode() if field.type == _F.TYPE_BYTES else value


@settings(max_examples=400, deadline=None)
@given(things(), st.booleans())
def test_what_the_glance_lets_pass_breaks_no_rule(message, wildcard):
    compile_all([FILE])
    plan = compiler._plans[Thing.DESCRIPTOR]
    findings = compiler._Findings(wildcard_parent=wildcard)
    plan.run(message, "", findings)
    if wildcard:
        assert plan.glance.doubts(message) or not findings.violations
    else:
        assert plan.glance.doubts(message) == bool(findings.violations)


@pytest.mark.parametrize(("name", "wildcard"), [("projects/-", True), ("projects/demo", False)])
def test_what_the_glance_doubts_is_looked_at(name, wildcard):
    compiler.check(thing(parent=name), wildcard_parent=wildcard)
