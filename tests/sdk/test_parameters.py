"""Parameters: typed, parsed from text, described, and wrong ones pointed at."""

# ruff: noqa: FBT001, FBT002, PLR0917 - the signature under test

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft import pipeline
from weft._parameters import Parameters
from weft._types import parameter_type
from weft.errors import ParameterError


class Mode(enum.Enum):
    FAST = "fast"
    DEEP = "deep"


@dataclass
class Model:
    depth: int = 3
    layers: list[int] = field(default_factory=list)


@pipeline
def train(
    lr: float = 0.1,
    epochs: int = 3,
    name: str = "base",
    shuffle: bool = True,
    mode: Mode = Mode.FAST,
    size: Literal["s", "m"] = "s",
    limit: Optional[int] = None,  # noqa: UP045 - both spellings must work
    tags: list[str] = [],  # noqa: B006 - must not be shared
    extra: dict[str, float] = {},  # noqa: B006
    model: Model = Model(),  # noqa: B008
    data: Path = Path("data.csv"),
) -> None: ...


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("lr", "1e-3", 0.001),
        ("lr", "2", 2.0),
        ("epochs", "7", 7),
        ("name", "0.5", "0.5"),
        ("shuffle", "no", False),
        ("shuffle", "TRUE", True),
        ("mode", "deep", Mode.DEEP),
        ("mode", "DEEP", Mode.DEEP),
        ("size", "m", "m"),
        ("limit", "none", None),
        ("limit", "5", 5),
        ("tags", "a,b", ["a", "b"]),
        ("tags", '["a,b"]', ["a,b"]),
        ("extra", '{"x": 1}', {"x": 1.0}),
        ("model", '{"layers": [1, 2]}', Model(layers=[1, 2])),
        ("data", "x/y.csv", Path("x/y.csv")),
    ],
)
def test_text_becomes_the_declared_type(name: str, text: str, value: Any) -> None:
    found = train.parameters.parse({name: text})[name]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "lr",
            "oops",
            r"--lr expects float, got 'oops'  \(test_parameters\.py:\d+, parameter `lr: ",
        ),
        ("lr", "nan", "expects float"),
        ("epochs", "1.5", "--epochs expects int, got '1.5'"),
        ("shuffle", "maybe", "--shuffle expects bool"),
        ("mode", "slow", "expects one of fast, deep"),
        ("size", "l", "expects one of 's', 'm'"),
        ("limit", "x", "expects none or int"),
        ("extra", "{", r"expects dict\[str, float\] as JSON"),
        ("extra", '{"a": "b"}', "expects float, got 'b'"),
        ("model", '{"width": 1}', "Model has no field 'width'"),
        ("model", '{"depth": "x"}', r"Model\.depth expects int"),
        ("rate", "1", "--rate is no parameter of train; it has --lr, --epochs"),
    ],
)
def test_wrong_text_names_parameter_type_and_place(name: str, text: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        train.parameters.parse({name: text})


def test_the_place_is_the_line_of_the_parameter() -> None:
    lines = Path(__file__).read_text().splitlines()
    line = next(i for i, text in enumerate(lines, 1) if text.startswith("    epochs: int"))
    with pytest.raises(ParameterError, match=f"test_parameters.py:{line},"):
        train.parameters.parse({"epochs": "x"})


def test_missing_and_surplus_arguments_are_told() -> None:
    def needs(rows: int, extra: int = 1) -> None: ...

    parameters = Parameters(needs)
    with pytest.raises(ParameterError, match="--rows is required: int"):
        parameters.bind()
    with pytest.raises(ParameterError, match="too many positional"):
        parameters.bind(1, 2, 3)


def test_annotations_that_are_no_parameters_are_told() -> None:
    def bad(data: bytes) -> None: ...
    def many(*rows: int) -> None: ...

    with pytest.raises(ParameterError, match="--data: bytes is no type of parameter"):
        Parameters(bad)
    with pytest.raises(ParameterError, match="rows cannot be a parameter"):
        Parameters(many)


def test_defaults_are_never_shared() -> None:
    first = train.parameters.bind()
    first["tags"].append("x")
    assert train.parameters.bind()["tags"] == []


def test_the_schema_lists_types_and_defaults() -> None:
    schema = train.parameters_schema
    assert schema["required"] == []
    assert schema["additionalProperties"] is False
    assert schema["properties"]["lr"] == {"type": "number", "default": 0.1}
    assert schema["properties"]["mode"] == {"enum": ["fast", "deep"], "default": "fast"}
    assert schema["properties"]["limit"]["anyOf"] == [{"type": "null"}, {"type": "integer"}]
    assert schema["properties"]["model"]["properties"]["depth"] == {"type": "integer"}
    assert schema["properties"]["data"]["default"] == "data.csv"


SCALARS = {
    int: st.integers(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    str: st.text(),
    bool: st.booleans(),
    Mode: st.sampled_from(Mode),
    Annotated[int, "note"]: st.integers(),
}
TYPES = st.recursive(
    st.sampled_from(list(SCALARS.items())),
    lambda inner: st.one_of(
        inner.map(lambda pair: (list[pair[0]], st.lists(pair[1], max_size=3))),  # type: ignore[name-defined]
        inner.map(
            lambda pair: (dict[str, pair[0]], st.dictionaries(st.text(), pair[1], max_size=3))
        ),  # type: ignore[name-defined]
        inner.map(lambda pair: (pair[0] | None, st.none() | pair[1])),
    ),
    max_leaves=3,
)


@given(st.data())
def test_values_survive_json(data: st.DataObject) -> None:
    hint, values = data.draw(TYPES)
    value = data.draw(values)
    kind = parameter_type(hint)
    assert kind.check(kind.dump(kind.check(value))) == value


@given(st.text(), st.sampled_from([int, float, bool, Mode, Model, list[int], dict[str, int]]))
def test_any_text_is_read_or_refused(text: str, hint: Any) -> None:
    try:
        value = parameter_type(hint).parse(text)
    except ValueError as error:
        refused = str(error)
        assert "expects" in refused or "field" in refused
    else:
        assert value == parameter_type(hint).check(value)


def test_numbers_of_a_struct_become_ints_again() -> None:
    assert parameter_type(int).check(3.0) == 3
    with pytest.raises(ValueError, match="expects int"):
        parameter_type(int).check(3.5)
    with pytest.raises(ValueError, match="expects float"):
        parameter_type(float).check(math.inf)
