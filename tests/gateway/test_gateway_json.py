"""The compiled JSON printer and parser against protobuf's own (rules 19-24, 39), by property."""

import json
import math
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.contract import message_class
from gateway.parser import Parser, loads
from gateway.printer import Printer, dumps, is_map
from meshkit.errors import InvalidArgument
from tests.gateway.toy import CONTRACT, new

PRINTER, PARSER = Printer(CONTRACT.pool), Parser(CONTRACT.pool)
EVERYTHING: Descriptor = new("Everything").DESCRIPTOR
F = FieldDescriptor
WITH_TIME = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))

INTEGERS = {
    F.CPPTYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    F.CPPTYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    F.CPPTYPE_UINT32: st.integers(0, 2**32 - 1),
    F.CPPTYPE_UINT64: st.integers(0, 2**64 - 1),
    F.CPPTYPE_BOOL: st.booleans(),
    # json_format prints the very largest floats so that it refuses to read them back.
    F.CPPTYPE_FLOAT: st.floats(width=32).filter(lambda x: not 3.4e38 < abs(x) < math.inf),
    F.CPPTYPE_DOUBLE: st.floats(),
    F.CPPTYPE_ENUM: st.integers(0, 5) | st.sampled_from([-1, 2**31 - 1]),
}
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
SPECIAL = {
    "Timestamp": st.tuples(st.integers(-62135596800, 253402300799), st.integers(0, 999_999_999)),
    "Duration": st.tuples(st.integers(-315576000000, 315576000000), st.integers(0, 999_999_999)),
}


def scalar(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    if field.type == F.TYPE_BYTES:
        return st.binary(max_size=20)
    if field.type == F.TYPE_STRING:
        return st.text(max_size=20)
    return INTEGERS[field.cpp_type]


@st.composite
def messages(draw: Any, descriptor: Descriptor, depth: int = 2) -> Any:
    """A message with some of its fields set."""
    message = message_class(descriptor)()
    fill(draw, message, depth)
    return message


def fill(draw: Any, message: Any, depth: int) -> None:
    name = message.DESCRIPTOR.full_name.removeprefix("google.protobuf.")
    if name in ("Struct", "Value", "ListValue"):
        strategy = {"Struct": st.dictionaries(st.text(), VALUES, max_size=3), "Value": VALUES}
        json_format.ParseDict(draw(strategy.get(name, st.lists(VALUES, max_size=3))), message)
    elif name in SPECIAL:
        message.seconds, message.nanos = draw(SPECIAL[name])
        if message.seconds < 0 and name == "Duration":
            message.nanos = -message.nanos
    elif name == "FieldMask":
        message.paths.extend(draw(st.lists(st.sampled_from(["a", "a.b_c", "text"]), max_size=3)))
    elif name == "Any":
        if draw(st.booleans()):
            inner = draw(messages(new("Author").DESCRIPTOR, 0))
            message.type_url = "type.googleapis.com/toy.v1.Author"
            message.value = inner.SerializeToString()
    else:
        fields = [f for f in message.DESCRIPTOR.fields if depth > 0 or f.message_type is None]
        for field in draw(st.lists(st.sampled_from(fields), max_size=8)) if fields else ():
            fill_field(draw, message, field, depth)


def fill_field(draw: Any, message: Any, field: FieldDescriptor, depth: int) -> None:
    if is_map(field):
        key, value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
        for one in draw(st.lists(scalar(key), max_size=2)):
            entries = getattr(message, field.name)
            if value.message_type is None:
                entries[one] = draw(scalar(value))
            else:
                fill(draw, entries[one], depth - 1)
    elif field.is_repeated and field.message_type is not None:
        for _ in range(draw(st.integers(0, 2))):
            fill(draw, getattr(message, field.name).add(), depth - 1)
    elif field.is_repeated:
        getattr(message, field.name).extend(draw(st.lists(scalar(field), max_size=3)))
    elif field.message_type is not None:
        inner = getattr(message, field.name)
        inner.SetInParent()
        fill(draw, inner, depth - 1)
    else:
        setattr(message, field.name, draw(scalar(field)))


def standard(message: Any) -> Any:
    return json_format.MessageToDict(
        message,
        always_print_fields_with_no_presence=True,
        descriptor_pool=CONTRACT.pool,
    )


@WITH_TIME
@given(messages(EVERYTHING))
def test_printing_is_protobufs_own(message: Any) -> None:
    assert json.loads(dumps(PRINTER.to_json(message))) == json.loads(json.dumps(standard(message)))


@WITH_TIME
@given(messages(EVERYTHING))
def test_what_is_printed_is_read_again(message: Any) -> None:
    again = new("Everything")
    PARSER.fill(loads(dumps(PRINTER.to_json(message))), again)
    expected = new("Everything")
    json_format.ParseDict(standard(message), expected, descriptor_pool=CONTRACT.pool)
    assert PRINTER.to_json(again) == PRINTER.to_json(expected) or nan_in(message)
    assert again.SerializeToString(deterministic=True) == expected.SerializeToString(
        deterministic=True
    )


def test_the_largest_float_is_read_again() -> None:
    message, again = new("Everything"), new("Everything")
    message.singles.extend([3.4028234663852886e38, -3.4028234663852886e38])
    PARSER.fill(loads(dumps(PRINTER.to_json(message))), again)
    assert again == message
    with pytest.raises(InvalidArgument):
        PARSER.fill({"singles": [3.4028236e38]}, again)


def nan_in(message: Any) -> bool:
    return "NaN" in dumps(PRINTER.to_json(message)).decode()


REPEATED = {name for f in EVERYTHING.fields if f.is_repeated for name in (f.name, f.json_name)}
NAMES = [f.json_name for f in EVERYTHING.fields] + [f.name for f in EVERYTHING.fields] + ["nope"]
LOOSE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | st.sampled_from(["COLOUR_RED", "1", "-1", "1e3", "1.5s", "2024-05-01T12:00:00Z", "AQ=="]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*NAMES, "true", "1", "x", "@type"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@settings(WITH_TIME, max_examples=1000)
@given(st.dictionaries(st.sampled_from(NAMES), LOOSE, max_size=3))
def test_what_is_read_at_all_is_read_as_protobuf_reads_it(body: dict[str, Any]) -> None:
    ours, theirs = new("Everything"), new("Everything")
    try:
        PARSER.fill(loads(json.dumps(body).encode()), ours)
    except InvalidArgument:
        return
    # Null leaves a list empty; json_format breaks on that where it is a list of Values.
    told = {name: v for name, v in body.items() if not (v is None and name in REPEATED)}
    json_format.ParseDict(told, theirs, descriptor_pool=CONTRACT.pool)
    assert ours.SerializeToString(deterministic=True) == theirs.SerializeToString(
        deterministic=True
    )
