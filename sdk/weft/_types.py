"""Types of parameters: read from text, checked, written as JSON, described as JSON Schema."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
import types
import typing
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Protocol, Union


class ParameterType(Protocol):
    """One type of parameter. `parse` and `check` raise ValueError on a value that does not fit."""

    @property
    def name(self) -> str:
        """The type in an error message."""

    def parse(self, text: str) -> Any:
        """Read the text of a command line."""

    def check(self, value: Any) -> Any:
        """Accept a Python or JSON value, and give the typed one."""

    def dump(self, value: Any) -> Any:
        """Give the JSON of a checked value."""

    def schema(self) -> dict[str, Any]:
        """Describe accepted values as JSON Schema."""


def describe(value: Any) -> str:
    """Show a value in an error message, shortened."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004 - one line of a terminal


def _refuse(kind: ParameterType, value: Any) -> ValueError:
    return ValueError(f"expects {kind.name}, got {describe(value)}")


@dataclasses.dataclass(frozen=True)
class _Scalar:
    """int, float, str, bool and Path."""

    python: type
    name: str
    json: str

    def parse(self, text: str) -> Any:
        try:
            return self.check(_BOOLS[text.lower()] if self.python is bool else self.python(text))
        except (ValueError, KeyError):
            raise _refuse(self, text) from None

    def check(self, value: Any) -> Any:
        if type(value) is int and self.python is float:
            return float(value)
        if type(value) is float and self.python is int and value.is_integer():
            return int(value)  # JSON and protobuf's Struct know one kind of number
        if isinstance(value, str) and self.python is Path:
            return Path(value)
        fits = isinstance(value, self.python) and (self.python is bool or type(value) is not bool)
        if not fits or (isinstance(value, float) and not math.isfinite(value)):
            raise _refuse(self, value)
        return value

    def dump(self, value: Any) -> Any:
        return str(value) if self.python is Path else value

    def schema(self) -> dict[str, Any]:
        return {"type": self.json} | ({"format": "path"} if self.python is Path else {})


@dataclasses.dataclass(frozen=True)
class _Choice:
    """Enum and Literal: `options` maps what is written to what the function gets."""

    name: str
    options: Mapping[Any, Any]

    def parse(self, text: str) -> Any:
        for written, value in self.options.items():
            if text in (str(written), value.name if isinstance(value, enum.Enum) else None):
                return value
        raise _refuse(self, text)

    def check(self, value: Any) -> Any:
        for written, option in self.options.items():
            if value is option or (type(value) is type(written) and value == written):
                return option
        if isinstance(value, str) and any(isinstance(o, enum.Enum) for o in self.options.values()):
            return self.parse(value)
        raise _refuse(self, value)

    def dump(self, value: Any) -> Any:
        return next(w for w, option in self.options.items() if option is value or option == value)

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.options)}


@dataclasses.dataclass(frozen=True)
class _OneOf:
    """Optional and unions: the first member that fits."""

    members: tuple[ParameterType, ...]

    @property
    def name(self) -> str:
        return " or ".join(member.name for member in self.members)

    def parse(self, text: str) -> Any:
        return self._first("parse", text)

    def check(self, value: Any) -> Any:
        return self._first("check", value)

    def dump(self, value: Any) -> Any:
        for member in self.members:
            try:
                return member.dump(member.check(value))
            except ValueError:
                continue
        raise _refuse(self, value)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [member.schema() for member in self.members]}

    def _first(self, method: str, value: Any) -> Any:
        for member in self.members:
            try:
                return getattr(member, method)(value)
            except ValueError:
                continue
        raise _refuse(self, value)


class _NoneType:
    name = "none"

    def parse(self, text: str) -> None:
        if text.lower() not in {"none", "null"}:
            raise _refuse(self, text)

    def check(self, value: Any) -> None:
        if value is not None:
            raise _refuse(self, value)

    def dump(self, value: Any) -> Any:
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "null"}


class _Json(ABC):
    """Shared by types that are written as JSON on a command line."""

    @property
    @abstractmethod
    def name(self) -> str: ...

    def parse(self, text: str) -> Any:
        try:
            return self.check(json.loads(text))
        except json.JSONDecodeError:
            raise ValueError(f"expects {self.name} as JSON, got {describe(text)}") from None

    @abstractmethod
    def check(self, value: Any) -> Any: ...


class _Any(_Json):
    """No annotation: any JSON value, and text that is no JSON is a string."""

    @property
    def name(self) -> str:
        return "JSON"

    def parse(self, text: str) -> Any:
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return text

    def check(self, value: Any) -> Any:
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            raise _refuse(self, value) from None
        return value

    def dump(self, value: Any) -> Any:
        return value

    def schema(self) -> dict[str, Any]:
        return {}


@dataclasses.dataclass(frozen=True)
class _List(_Json):
    item: ParameterType
    container: type = list

    @property
    def name(self) -> str:
        return f"{self.container.__name__}[{self.item.name}]"

    def parse(self, text: str) -> Any:
        if text.lstrip().startswith("["):
            return super().parse(text)
        return self.container(self.item.parse(part.strip()) for part in text.split(",") if part)

    def check(self, value: Any) -> Any:
        if not isinstance(value, list | tuple | set | frozenset | range):
            raise _refuse(self, value)
        return self.container(self.item.check(item) for item in value)

    def dump(self, value: Any) -> Any:
        return [self.item.dump(item) for item in value]

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.item.schema()}


@dataclasses.dataclass(frozen=True)
class _Dict(_Json):
    item: ParameterType

    @property
    def name(self) -> str:
        return f"dict[str, {self.item.name}]"

    def check(self, value: Any) -> Any:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise _refuse(self, value)
        return {key: self.item.check(item) for key, item in value.items()}

    def dump(self, value: Any) -> Any:
        return {key: self.item.dump(item) for key, item in value.items()}

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self.item.schema()}


@dataclasses.dataclass(frozen=True)
class _Dataclass(_Json):
    python: Any
    fields: Mapping[str, ParameterType]
    required: tuple[str, ...]

    @property
    def name(self) -> str:
        return str(self.python.__name__)

    def check(self, value: Any) -> Any:
        if isinstance(value, self.python):
            return value
        if not isinstance(value, Mapping):
            raise _refuse(self, value)
        if problems := [n for n in value if n not in self.fields]:
            raise ValueError(f"{self.name} has no field {problems[0]!r}")
        if problems := [n for n in self.required if n not in value]:
            raise ValueError(f"{self.name} needs field {problems[0]!r}")
        return self.python(**{name: self._field(name, item) for name, item in value.items()})

    def dump(self, value: Any) -> Any:
        return {name: kind.dump(getattr(value, name)) for name, kind in self.fields.items()}

    def schema(self) -> dict[str, Any]:
        properties = {name: kind.schema() for name, kind in self.fields.items()}
        closed = {"required": list(self.required), "additionalProperties": False}
        return {"title": self.name, "type": "object", "properties": properties} | closed

    def _field(self, name: str, value: Any) -> Any:
        try:
            return self.fields[name].check(value)
        except ValueError as error:
            raise ValueError(f"{self.name}.{name} {error}") from None


_BOOLS = dict.fromkeys(("true", "yes", "on", "1"), True) | dict.fromkeys(
    ("false", "no", "off", "0"), False
)
_SCALARS: dict[Any, ParameterType] = {
    int: _Scalar(int, "int", "integer"),
    float: _Scalar(float, "float", "number"),
    str: _Scalar(str, "str", "string"),
    bool: _Scalar(bool, "bool", "boolean"),
    Path: _Scalar(Path, "path", "string"),
    None: _NoneType(),
    type(None): _NoneType(),
    Any: _Any(),
}
_LISTS = {list: list, tuple: tuple, set: set, frozenset: frozenset, Sequence: list}


@lru_cache(maxsize=512)
def parameter_type(hint: Any) -> ParameterType:
    """Find the type of parameter for an annotation.

    Raises:
        TypeError: Values of that annotation cannot be parameters.
    """
    if hint in _SCALARS:
        return _SCALARS[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return parameter_type(arguments[0])
    if origin is Literal:
        return _Choice(f"one of {', '.join(map(repr, arguments))}", {a: a for a in arguments})
    if origin in {Union, types.UnionType}:
        return _union(arguments)
    return _container(hint, origin or hint, arguments) or _class(hint)


def _container(hint: Any, origin: Any, arguments: tuple[Any, ...]) -> ParameterType | None:
    if origin in _LISTS:
        return _list(hint, origin, arguments)
    if origin in {dict, Mapping}:
        return _Dict(parameter_type(arguments[1] if arguments else Any))
    return None


def _union(arguments: tuple[Any, ...]) -> ParameterType:
    # str accepts every text, so it is asked last; None first, so that "none" is not a string.
    order = {type(None): 0, bool: 1, int: 2, float: 3, str: 9}
    return _OneOf(tuple(map(parameter_type, sorted(arguments, key=lambda a: order.get(a, 5)))))


def _list(hint: Any, origin: Any, arguments: tuple[Any, ...]) -> ParameterType:
    items = [argument for argument in arguments if argument is not Ellipsis]
    if origin is tuple and len(items) > 1 and len(set(items)) > 1:
        raise TypeError(f"{hint} mixes types; use a dataclass")
    return _List(parameter_type(items[0] if items else Any), _LISTS[origin])


def _class(hint: Any) -> ParameterType:
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        members = list(hint)
        plain = all(type(member.value) in {str, int} for member in members)
        options = {(member.value if plain else member.name): member for member in members}
        return _Choice(f"one of {', '.join(map(str, options))}", options)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        fields = [field for field in dataclasses.fields(hint) if field.init]
        missing = dataclasses.MISSING
        required = [f.name for f in fields if f.default is missing and f.default_factory is missing]
        kinds = {field.name: parameter_type(hints[field.name]) for field in fields}
        return _Dataclass(hint, kinds, tuple(required))
    raise TypeError(f"{getattr(hint, '__name__', hint)} is no type of parameter")
