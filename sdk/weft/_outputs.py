"""Outputs of a step: named by its return annotation, split from and joined to what it returns."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from weft._parameters import type_hints
from weft._types import describe
from weft.errors import OutputError

SINGLE_OUTPUT = "output"


@dataclasses.dataclass(frozen=True, slots=True)
class Outputs:
    """Names and annotations of a step's outputs, and the shape of what it returns.

    `shape` says how the outputs make up the returned value: `none` and `single` speak for
    themselves, `tuple` holds them in order, `object` as attributes of `container`.
    """

    shape: Literal["none", "single", "tuple", "object"]
    hints: Mapping[str, Any]
    container: Any = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names in order."""
        return tuple(self.hints)

    def split(self, value: Any) -> dict[str, Any]:
        """Give the value of each output.

        Raises:
            OutputError: The value does not have the declared shape.
        """
        if self.shape == "none":
            if value is not None:
                raise OutputError(f"declared `-> None` but returned {describe(value)}")
            return {}
        if self.shape == "single":
            return {self.names[0]: value}
        return self._split_tuple(value) if self.shape == "tuple" else self._split_object(value)

    def join(self, values: Mapping[str, Any]) -> Any:
        """Give back the returned value from those of its outputs."""
        if self.shape == "none":
            return None
        if self.shape == "single":
            return values[self.names[0]]
        if self.shape == "tuple":
            return tuple(values[name] for name in self.names)
        return self.container(**values)

    def _split_tuple(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, tuple | list) or len(value) != len(self.hints):
            raise OutputError(
                f"declared {len(self.hints)} outputs ({', '.join(self.names)}) "
                f"but returned {describe(value)}"
            )
        return dict(zip(self.names, value, strict=True))

    def _split_object(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, self.container):
            raise OutputError(
                f"declared `-> {self.container.__name__}` but returned {describe(value)}"
            )
        return {name: getattr(value, name) for name in self.names}


def outputs_of(function: Callable[..., Any], names: Sequence[str] = ()) -> Outputs:
    """Read the outputs of a step function; `names` overrides those of the annotation.

    Raises:
        OutputError: The names do not match the annotation, or repeat.
    """
    hint = type_hints(function).get("return", Any)
    outputs = _of_hint(hint)
    if not names:
        return outputs
    if len(set(names)) != len(names) or not all(name.isidentifier() for name in names):
        raise OutputError(f"{function.__name__}: output names must be distinct identifiers")
    return _renamed(function.__name__, outputs, names)


def _renamed(function: str, outputs: Outputs, names: Sequence[str]) -> Outputs:
    if outputs.shape == "single" and len(names) > 1:  # no annotation: the names say how many
        return Outputs("tuple", dict.fromkeys(names, Any))
    if outputs.shape == "object" or len(names) != len(outputs.hints):
        raise OutputError(
            f"{function}: outputs={list(names)} does not fit its return annotation, "
            f"which has {len(outputs.hints)}: {', '.join(outputs.names) or 'none'}"
        )
    return Outputs(outputs.shape, dict(zip(names, outputs.hints.values(), strict=True)))


def _of_hint(hint: Any) -> Outputs:
    if hint is type(None):
        return Outputs("none", {})
    if typing.get_origin(hint) is tuple:
        parts = typing.get_args(hint)
        if Ellipsis not in parts:
            names = [_name(part) or f"output_{i}" for i, part in enumerate(parts)]
            return Outputs("tuple", dict(zip(names, map(_bare, parts), strict=True)))
    if isinstance(hint, type) and (fields := _fields(hint)):
        return Outputs("object", fields, container=hint)
    return Outputs("single", {_name(hint) or SINGLE_OUTPUT: _bare(hint)})


def _fields(cls: type) -> dict[str, Any]:
    """Give fields of a NamedTuple or dataclass that its constructor takes, else nothing."""
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        hints = typing.get_type_hints(cls, include_extras=True)
        return {name: _bare(hints.get(name, Any)) for name in cls._fields}
    if dataclasses.is_dataclass(cls) and not getattr(cls, "IS_ONE_OUTPUT", False):
        fields = dataclasses.fields(cls)
        if fields and all(field.init for field in fields):
            hints = typing.get_type_hints(cls, include_extras=True)
            return {field.name: _bare(hints[field.name]) for field in fields}
    return {}


def _name(hint: Any) -> str | None:
    if typing.get_origin(hint) is not Annotated:
        return None
    return next((extra for extra in hint.__metadata__ if isinstance(extra, str)), None)


def _bare(hint: Any) -> Any:
    return typing.get_args(hint)[0] if typing.get_origin(hint) is Annotated else hint
