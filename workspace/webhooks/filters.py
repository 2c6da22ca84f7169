"""Filters over what a webhook was told: the grammar of all filters, over values of any shape.

    event.payload.ref = "refs/heads/main" AND -event.payload.commits.message:"[skip]"

What lists of resources know beforehand, which fields there are and of which types, the payload
alone says here: a number is compared as one, and a path through a list looks at each item.
"""

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from meshkit.filters import grammar
from meshkit.filters.grammar import And, Compare, Expression, Not, Operator, Text, bad_filter

Predicate = Callable[[Mapping[str, Any]], bool]

ROOT = "event"
_TOP = ("delivery", "payload", "type", "webhook")
_ORDER = {
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
}
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,3})?")
_WORDS: Mapping[str, bool] = {"true": True, "false": False}


@lru_cache(maxsize=1024)
def compiled(text: str) -> Predicate:
    """What a filter asks of an event; InvalidArgument `INVALID_FILTER` with the position."""
    return _predicate(grammar.parse(text))


def _predicate(expression: Expression) -> Predicate:
    if isinstance(expression, Compare):
        return _comparison(expression)
    if isinstance(expression, Not):
        term = _predicate(expression.term)
        return lambda event: not term(event)
    terms = tuple(map(_predicate, expression.terms))
    if isinstance(expression, And):
        return lambda event: all(term(event) for term in terms)
    return lambda event: any(term(event) for term in terms)


def _comparison(compare: Compare) -> Predicate:
    path = list(compare.path)
    if path[0] != ROOT or len(path) == 1 or path[1] not in _TOP:
        known = ", ".join(f"{ROOT}.{name}" for name in _TOP)
        raise bad_filter(compare.position, f"no field {'.'.join(compare.path)[:64]}; use {known}")
    if not isinstance(compare.value, Text):
        raise bad_filter(compare.position, "now() is of no use here: payloads hold texts")
    if compare.value == Text("") and compare.operator is not Operator.HAS:
        return _emptiness(compare, path)
    test = _test(compare, compare.value)
    if compare.operator is Operator.NE:
        return lambda event: not any(map(test, _values(event, path)))
    return lambda event: any(map(test, _values(event, path)))


def _emptiness(compare: Compare, path: list[str]) -> Predicate:
    """As everywhere, an empty text is an absent one."""
    if compare.operator in _ORDER:
        raise bad_filter(compare.position, "only numbers have an order")
    is_wanted = compare.operator is Operator.NE
    return lambda event: any(True for _ in _values(event, path)) is is_wanted


def _values(value: Any, path: list[str]) -> Iterator[Any]:
    """What is at a path; absent values and null are nothing, and a list is its items."""
    if isinstance(value, list):
        for item in value:
            yield from _values(item, path)
    elif not path:
        if value is not None and value != "":
            yield value
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _values(value[path[0]], path[1:])


def _test(compare: Compare, text: Text) -> Callable[[Any], bool]:
    if compare.operator in _ORDER:
        return _ordered(compare, text)
    if not text.body:
        return lambda _value: True
    if compare.operator is Operator.HAS:
        return lambda value: _has(value, text.body)
    if text.open_start or text.open_end:
        return lambda value: isinstance(value, str) and _fits(value, text)
    return lambda value: _is(value, text.body)


def _ordered(compare: Compare, text: Text) -> Callable[[Any], bool]:
    if not _NUMBER.fullmatch(text.body) or text.open_start or text.open_end:
        raise bad_filter(compare.position, "only numbers have an order")
    holds, limit = _ORDER[compare.operator], float(text.body)
    return lambda value: _is_number(value) and bool(holds(value, limit))


def _is(value: Any, body: str) -> bool:
    if isinstance(value, str):
        return value == body
    if isinstance(value, bool):
        return _WORDS.get(body) is value
    return _is_number(value) and bool(_NUMBER.fullmatch(body)) and _number(body) == value


def _has(value: Any, body: str) -> bool:
    """As `:` has it: part of a text, a name in an object, or the value itself."""
    return body in value if isinstance(value, str | Mapping) else _is(value, body)


def _fits(value: str, text: Text) -> bool:
    if text.open_start and text.open_end:
        return text.body in value
    return value.endswith(text.body) if text.open_start else value.startswith(text.body)


def _number(text: str) -> float:
    # Whole numbers exactly: ids lose digits as floats.
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
