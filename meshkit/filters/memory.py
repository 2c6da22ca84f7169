"""Filters as predicates over messages, mappings and rows."""

import math
import operator
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any
from uuid import UUID

from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Value
from google.protobuf.timestamp_pb2 import Timestamp

from meshkit.filters.binding import AllOf, Bound, Leaf, Negation, Pattern, Test
from meshkit.filters.fields import MAPS, MAX_TEXT, Choice, Field, Kind

Predicate = Callable[[Any], bool]

_COMPARISONS: dict[Test, Callable[[Any, Any], bool]] = {
    Test.LT: operator.lt,
    Test.LE: operator.le,
    Test.GT: operator.gt,
    Test.GE: operator.ge,
}


def predicate(bound: Bound) -> Predicate:
    """Compiles a bound filter into nested closures."""
    if isinstance(bound, Leaf):
        return _leaf(bound)
    if isinstance(bound, Negation):
        term = predicate(bound.term)
        return lambda item: not term(item)
    terms = tuple(map(predicate, bound.terms))
    if isinstance(bound, AllOf):
        return lambda item: all(term(item) for term in terms)
    return lambda item: any(term(item) for term in terms)


def _leaf(leaf: Leaf) -> Predicate:
    read, holds = _reader(leaf), _test(leaf)

    def decide(item: Any) -> bool:
        value = read(item)
        return value is not None and holds(value)

    return decide


def _test(leaf: Leaf) -> Predicate:
    operand = leaf.operand
    if leaf.test in {Test.IS_SET, Test.HAS_KEY}:
        return lambda _value: True
    if leaf.field.kind is Kind.VALUES:
        return _value_test(leaf)
    if isinstance(operand, Pattern):
        return _pattern(operand)
    if isinstance(operand, Choice):
        accepted = {operand.name, operand.number}
        return lambda value: value in accepted
    if leaf.test is Test.EQ:
        return lambda value: bool(value == operand)
    compare = _COMPARISONS[leaf.test]
    return lambda value: compare(value, operand)


def _value_test(leaf: Leaf) -> Predicate:
    """Texts are compared with texts, numbers with numbers."""
    operand = leaf.operand
    if isinstance(operand, Pattern):
        fits = _pattern(operand)
        return lambda value: isinstance(value, str) and fits(value)
    compare: Callable[[Any, Any], bool] = _COMPARISONS.get(leaf.test, operator.eq)
    kind = float if isinstance(operand, float) else str
    return lambda value: isinstance(value, kind) and compare(value, operand)


def _pattern(pattern: Pattern) -> Predicate:
    body = pattern.body
    if pattern.open_start and pattern.open_end:
        return lambda value: body in value
    if pattern.open_start:
        return lambda value: bool(value.endswith(body))
    return lambda value: bool(value.startswith(body))


def _reader(leaf: Leaf) -> Callable[[Any], Any]:
    """Reads the value, None where it is absent; an empty text is absent."""
    field, key = leaf.field, leaf.key
    get = field.getter or _by_path(field)
    if field.kind in MAPS:
        is_set = leaf.test is not Test.HAS_KEY
        return lambda item: _of_key(get(item), key, is_set=is_set)
    normal = _NORMAL.get(field.kind, _same)

    def read(item: Any) -> Any:
        value = get(item)
        return None if value is None or value == "" else normal(value)

    return read


def _of_key(values: Any, key: str | None, *, is_set: bool) -> Any:
    if not values or key not in values:
        return None
    value = scalar(values[key])
    return None if is_set and value == "" else value


class Opaque:
    """A value that is there, and equals nothing: a list, an object, a long text."""


OPAQUE = Opaque()


def scalar(value: Any) -> str | float | Opaque | None:
    """What a value of a map counts as in comparisons; None for null, which counts as absent.

    Also what is stored of it to be found by, so that both meanings agree.
    """
    if isinstance(value, Value):
        kind = value.WhichOneof("kind")
        value = None if kind in {None, "null_value"} else getattr(value, str(kind))
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return float(value) if math.isfinite(value) else OPAQUE
    return value if isinstance(value, str) and len(value) <= MAX_TEXT else OPAQUE


def _by_path(field: Field) -> Callable[[Any], Any]:
    path = tuple(field.name.split("."))

    def get(item: Any) -> Any:
        for name in path:
            item = _child(item, name)
            if item is None:
                break
        return item

    return get


def _child(item: Any, name: str) -> Any:
    if isinstance(item, Message):
        descriptor = item.DESCRIPTOR.fields_by_name[name]
        if descriptor.has_presence and not item.HasField(name):
            return None
        return getattr(item, name)
    if isinstance(item, Mapping):
        return item.get(name)
    return getattr(item, name)


def _time(value: Any) -> Any:
    return value.ToDatetime(tzinfo=UTC) if isinstance(value, Timestamp) else value


def _uuid(value: Any) -> Any:
    return UUID(value) if isinstance(value, str) else value


def _choice(value: Any) -> Any:
    return value or None


def _same(value: Any) -> Any:
    return value


_NORMAL: dict[Kind, Callable[[Any], Any]] = {
    Kind.TIMESTAMP: _time,
    Kind.UUID: _uuid,
    Kind.ENUM: _choice,
}
