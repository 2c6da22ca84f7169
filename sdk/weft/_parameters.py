"""Parameters of a pipeline: read from its signature, bound, parsed, described."""

from __future__ import annotations

import ast
import inspect
import textwrap
import typing
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weft._types import ParameterType, parameter_type
from weft.errors import ParameterError


def type_hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Give resolved annotations of a function, including names that only its closure knows."""
    try:
        return typing.get_type_hints(function, localns=_closure(function), include_extras=True)
    except (NameError, TypeError):
        # An annotation that only exists for the type checker: keep the ones that are real objects.
        found = getattr(function, "__annotations__", {})
        return {name: hint for name, hint in found.items() if not isinstance(hint, str)}


def _closure(function: Callable[..., Any]) -> dict[str, Any]:
    """Give what a function closes over, as far as it is assigned yet."""
    found = {}
    cells = function.__closure__ or ()
    for name, cell in zip(function.__code__.co_freevars, cells, strict=False):
        with suppress(ValueError):  # an empty cell
            found[name] = cell.cell_contents
    return found


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: `default` is `inspect.Parameter.empty` when it is required."""

    name: str
    type: ParameterType
    default: Any

    @property
    def is_required(self) -> bool:
        """Whether the caller must give it."""
        return self.default is inspect.Parameter.empty


class Parameters:
    """All parameters of one pipeline function.

    Raises:
        ParameterError: An annotation is no type of parameter, or the signature has `*args`.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._signature = inspect.signature(function)
        hints = type_hints(function)
        self.all: dict[str, Parameter] = {
            p.name: self._read(p, hints) for p in self._signature.parameters.values()
        }

    def _read(self, parameter: inspect.Parameter, hints: Mapping[str, Any]) -> Parameter:
        name = parameter.name
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            raise ParameterError(f"{self._function.__name__}: *{name} cannot be a parameter")
        try:
            kind = parameter_type(hints.get(name, Any))
        except TypeError as error:
            raise ParameterError(f"--{name}: {error} {self._at(name)}") from None
        return Parameter(name, kind, parameter.default)

    def bind(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Give checked values by name, defaults filled in.

        Raises:
            ParameterError: A value is unknown, missing, or does not fit.
        """
        try:
            given = self._signature.bind_partial(*args, **kwargs).arguments
        except TypeError as error:
            raise ParameterError(f"{self._function.__name__}: {error}") from None
        return self._fill({name: self.check(name, value) for name, value in given.items()})

    def parse(
        self, texts: Mapping[str, str], given: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Read values from a command line: `{"lr": "0.1"}` gives `{"lr": 0.1, ...}`.

        They hold over those that are `given`, which have been checked.

        Raises:
            ParameterError: As for `bind`.
        """
        values = {name: self._apply("parse", name, text) for name, text in texts.items()}
        return self._fill({**(given or {}), **values})

    def check(self, name: str, value: Any) -> Any:
        """Give the typed value of a parameter for a Python or JSON one.

        Raises:
            ParameterError: It does not fit, or there is no such parameter.
        """
        return self._apply("check", name, value)

    def dump(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Give bound values as JSON."""
        return {name: self.all[name].type.dump(value) for name, value in values.items()}

    def schema(self) -> dict[str, Any]:
        """Describe the parameters as JSON Schema (2020-12), in the order of the signature."""
        properties = {}
        for parameter in self.all.values():
            properties[parameter.name] = parameter.type.schema()
            if not parameter.is_required:
                value = self.check(parameter.name, parameter.default)
                properties[parameter.name]["default"] = parameter.type.dump(value)
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": self._function.__name__,
            "type": "object",
            "properties": properties,
            "required": [p.name for p in self.all.values() if p.is_required],
            "additionalProperties": False,
        }

    def _fill(self, given: dict[str, Any]) -> dict[str, Any]:
        missing = [n for n, p in self.all.items() if p.is_required and n not in given]
        if missing:
            name = missing[0]
            expected = self.all[name].type.name
            raise ParameterError(f"--{name} is required: {expected} {self._at(name)}")
        return {
            n: given[n] if n in given else self.check(n, p.default) for n, p in self.all.items()
        }

    def _apply(self, method: str, name: str, value: Any) -> Any:
        if name not in self.all:
            known = ", ".join(f"--{known}" for known in self.all) or "none"
            raise ParameterError(
                f"--{name} is no parameter of {self._function.__name__}; it has {known}"
            )
        try:
            return getattr(self.all[name].type, method)(value)
        except ValueError as error:
            raise ParameterError(f"--{name} {error}  {self._at(name)}") from None

    def _at(self, name: str) -> str:
        """Point at the parameter: "(train.py:14, parameter `lr: float = 0.1`)"."""
        code = self._function.__code__
        file, line = Path(code.co_filename).name, code.co_firstlineno
        text = str(self._signature.parameters[name])
        return f"({file}:{_line_of(self._function, name) or line}, parameter `{text}`)"


def _line_of(function: Callable[..., Any], parameter: str) -> int | None:
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):
        return None
    found = (n for n in ast.walk(tree) if isinstance(n, ast.arg) and n.arg == parameter)
    node = next(found, None)
    return first + node.lineno - 1 if node else None
