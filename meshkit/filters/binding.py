"""Binds a syntax tree to typed fields: the form that SQL and memory are compiled from."""

import enum
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from meshkit.errors import InvalidArgument
from meshkit.filters.fields import MAPS, MAX_KEY, Choice, Field, Kind
from meshkit.filters.grammar import And, Compare, Expression, Not, Now, Operator, Text, bad_filter


class Test(enum.Enum):
    """What a leaf asks of a value; `!=` is EQ negated, so absent values follow one rule."""

    EQ = "="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    LIKE = "like"
    IS_SET = "is set"
    HAS_KEY = "has key"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text, never empty, with anything before or behind it."""

    body: str
    open_start: bool
    open_end: bool


Operand = str | UUID | Choice | bool | int | float | datetime | Pattern | None


@dataclass(frozen=True, slots=True)
class Leaf:
    """One test of one field; with `key`, of that key's value in a map."""

    field: Field
    test: Test
    operand: Operand = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Negation:
    """The term does not hold."""

    term: "Bound"


@dataclass(frozen=True, slots=True)
class AllOf:
    """All terms hold; true without terms."""

    terms: tuple["Bound", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one term holds."""

    terms: tuple["Bound", ...]


Bound = Leaf | Negation | AllOf | AnyOf

_ORDERED = frozenset({Kind.INT, Kind.FLOAT, Kind.TIMESTAMP})
_TESTS = {
    Operator.EQ: Test.EQ,
    Operator.NE: Test.EQ,
    Operator.LT: Test.LT,
    Operator.LE: Test.LE,
    Operator.GT: Test.GT,
    Operator.GE: Test.GE,
}
_INT64 = range(-(2**63), 2**63)
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,3})?")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
# What stands in a message of text that the caller sent.
_SHOWN = 64


class Binder:
    """Resolves names and reads literals; raises INVALID_FILTER with the position."""

    def __init__(self, fields: Mapping[str, Field], now: datetime) -> None:
        self._fields = fields
        self._now = now

    def bind(self, expression: Expression) -> Bound:
        """The bound form of a tree."""
        if isinstance(expression, Compare):
            return self._compare(expression)
        if isinstance(expression, Not):
            return Negation(self.bind(expression.term))
        terms = tuple(map(self.bind, expression.terms))
        return AllOf(terms) if isinstance(expression, And) else AnyOf(terms)

    def _compare(self, compare: Compare) -> Bound:
        field, key = self._resolve(compare)
        if field.kind in MAPS and key is None:
            return _has_key(field, compare)
        bound = self._test(field, key, compare)
        return Negation(bound) if compare.operator is Operator.NE else bound

    def _resolve(self, compare: Compare) -> tuple[Field, str | None]:
        path = compare.path
        field = self._fields.get(".".join(path))
        if field is not None and (field.kind not in MAPS or len(path) == 1):
            return field, None
        field = self._fields.get(path[0])
        if field is not None and field.kind in MAPS:
            # Keys may have dots: `metadata.model.accuracy` needs no quotes.
            return field, _key(".".join(path[1:]), compare)
        # As JSON: a quoted key may hold quotes and line ends.
        shown = json.dumps(".".join(path)[:_SHOWN], ensure_ascii=False)
        known = ", ".join(field_names(self._fields)) or "none"
        raise bad_filter(compare.position, f"no field {shown}; fields are: {known}")

    def _test(self, field: Field, key: str | None, compare: Compare) -> Bound:
        operator, value = compare.operator, compare.value
        if value == Text("", True, True) and operator not in _ORDER:
            return Leaf(field, Test.IS_SET, key=key)
        if field.kind is Kind.VALUES:
            return _value_test(field, key, compare)
        if operator in _ORDER and field.kind not in _ORDERED:
            raise bad_filter(compare.position, f"{field.name} has no order: use = != or :")
        if field.kind in {Kind.STRING, Kind.MAP}:
            return _text_test(field, key, compare)
        operand = self._operand(field, value)
        if operand is None or operator is Operator.HAS:
            raise _mismatch(field, compare)
        return Leaf(field, _TESTS[operator], operand)

    def _operand(self, field: Field, value: Text | Now) -> Operand:
        if isinstance(value, Now):
            return self._moved(value) if field.kind is Kind.TIMESTAMP else None
        if value.open_start or value.open_end:
            return None
        if field.choices is not None:
            return field.choices.find(value.body)
        return _READERS[field.kind](value.body)

    def _moved(self, value: Now) -> datetime | None:
        try:
            return self._now + value.offset
        except OverflowError:
            return None


_ORDER = frozenset({Operator.LT, Operator.LE, Operator.GT, Operator.GE})


def field_names(fields: Mapping[str, Field]) -> list[str]:
    """Fields as messages and manuals list them."""
    return sorted(f"{name}.<key>" if field.kind in MAPS else name for name, field in fields.items())


def _has_key(field: Field, compare: Compare) -> Bound:
    value = compare.value
    plain = isinstance(value, Text) and not (value.open_start or value.open_end)
    if compare.operator is not Operator.HAS or not plain:
        name = field.name
        raise bad_filter(compare.position, f"{name} is a map: use {name}.key = value or {name}:key")
    key = value.body if isinstance(value, Text) else ""
    return Leaf(field, Test.HAS_KEY, key=_key(key, compare))


def _key(key: str, compare: Compare) -> str:
    if len(key) > MAX_KEY:
        raise bad_filter(compare.position, f"keys have at most {MAX_KEY} characters")
    return key


def _value_test(field: Field, key: str | None, compare: Compare) -> Bound:
    """What a key's value may be is known only from the literal: a number, or else a text."""
    operator, value = compare.operator, compare.value
    number = _bare_number(value) if isinstance(value, Text) else None
    if operator in _ORDER and number is None:
        raise bad_filter(compare.position, f"{field.name} has an order among numbers only")
    if number is None or operator is Operator.HAS:
        return _text_test(field, key, compare)
    return Leaf(field, _TESTS[operator], number, key)


def _bare_number(text: Text) -> float | None:
    if text.is_quoted or text.open_start or text.open_end:
        return None
    return _read_float(text.body)


def _text_test(field: Field, key: str | None, compare: Compare) -> Bound:
    value = compare.value
    if not isinstance(value, Text):
        raise _mismatch(field, compare)
    if not value.body:
        # An empty text is an absent one; ":" asks for any text that contains nothing.
        is_set = Leaf(field, Test.IS_SET, key=key)
        return is_set if compare.operator is Operator.HAS else Negation(is_set)
    if compare.operator is Operator.HAS:
        return Leaf(field, Test.LIKE, Pattern(value.body, True, True), key)
    if value.open_start or value.open_end:
        return Leaf(field, Test.LIKE, Pattern(value.body, value.open_start, value.open_end), key)
    return Leaf(field, Test.EQ, value.body, key)


def _mismatch(field: Field, compare: Compare) -> InvalidArgument:
    takes = field.kind.value
    if field.choices is not None:
        takes = "one of " + ", ".join(sorted(field.choices.numbers))
    return bad_filter(
        compare.position, f'{field.name} takes {takes}, not "{compare.operator.value}" this value'
    )


def _read_int(text: str) -> int | None:
    if not _INTEGER.fullmatch(text):
        return None
    return int(text) if int(text) in _INT64 else None


def _read_float(text: str) -> float | None:
    if not _NUMBER.fullmatch(text):
        return None
    return float(text) if math.isfinite(float(text)) else None


def _read_bool(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text)


def _read_uuid(text: str) -> UUID | None:
    return UUID(text) if _UUID.fullmatch(text) else None


def _read_time(text: str) -> datetime | None:
    if not _TIME.fullmatch(text):
        return None
    try:
        # Beyond microseconds digits are cut, as the databases do.
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


_READERS: dict[Kind, Callable[[str], Operand]] = {
    Kind.INT: _read_int,
    Kind.FLOAT: _read_float,
    Kind.BOOL: _read_bool,
    Kind.UUID: _read_uuid,
    Kind.TIMESTAMP: _read_time,
}
