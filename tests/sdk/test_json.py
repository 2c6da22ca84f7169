"""Plain data reads back equal, of the same types; everything else is refused by name."""

from __future__ import annotations

import datetime as dt
import enum
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft import _json


class Color(enum.Enum):
    RED = 1


class Point(NamedTuple):
    x: int
    y: float


@dataclass(frozen=True, slots=True)
class Box:
    size: int
    inside: Any = None
    twice: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "twice", self.size * 2)


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(max_size=20)
    | st.datetimes()
    | st.datetimes(timezones=st.just(dt.UTC))
    | st.dates()
    | st.timedeltas()
    | st.decimals(allow_nan=False)
    | st.uuids()
    | st.sampled_from(Color)
    | st.builds(Point, st.integers(), st.floats(allow_nan=False))
    | st.just(Path("a/b"))
)
HASHABLE = st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(Color)
PLAIN = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(), inner, max_size=4)
        | st.dictionaries(HASHABLE, inner, max_size=4)
        | st.sets(HASHABLE, max_size=4)
        | st.frozensets(HASHABLE, max_size=4)
        | st.builds(Box, st.integers(), inner)
    ),
    max_leaves=15,
)


def types_of(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value), [types_of(item) for item in value]
    if isinstance(value, dict):
        return dict, [(types_of(key), types_of(item)) for key, item in value.items()]
    return type(value)


@given(PLAIN)
def test_plain_data_reads_back_equal(value: Any) -> None:
    found = _json.decode(json.loads(json.dumps(_json.encode(value), allow_nan=False)))
    assert found == value
    assert types_of(found) == types_of(value)


@given(PLAIN)
def test_equal_values_give_equal_json(value: Any) -> None:
    again = _json.decode(_json.encode(value))
    assert json.dumps(_json.encode(again)) == json.dumps(_json.encode(value))


def test_not_a_number_survives() -> None:
    assert repr(_json.decode(_json.encode([float("nan"), float("-inf")]))) == "[nan, -inf]"


def test_data_that_looks_like_ours_is_not_taken_for_it() -> None:
    value = {"$type": "path", "value": "x"}
    assert _json.decode(_json.encode(value)) == value


class Subclass(dict[str, int]):
    pass


def itself() -> list[Any]:
    loop: list[Any] = []
    loop.append(loop)
    return loop


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [1, object()]}, r"value\['a'\]\[1\] is a builtins.object"),
        (Subclass(), "Subclass"),
        (itself(), "holds itself"),
        (lambda: None, "function"),
    ],
)
def test_what_is_not_plain_is_named(value: Any, message: str) -> None:
    with pytest.raises(_json.NotPlainError, match=message):
        _json.encode(value)


def test_reading_never_imports() -> None:
    data = {"$type": "dataclass", "class": "antigravity:Joke", "fields": {}}
    with pytest.raises(_json.NotPlainError, match="import antigravity first"):
        _json.decode(data)


@pytest.mark.parametrize("tag", ["dataclass", "enum", "namedtuple"])
def test_only_classes_of_the_right_kind_are_built(tag: str) -> None:
    data = {"$type": tag, "class": "subprocess:Popen", "fields": {}, "name": "x"}
    import subprocess  # noqa: F401

    with pytest.raises(_json.NotPlainError, match="is not a"):
        _json.decode(data)
