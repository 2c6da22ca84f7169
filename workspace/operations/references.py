"""References to what happened, in the parameters of runs that follow from it.

A text that is all "{{event.<path>}}" stands for the value at that path, whatever its type; there
is no other syntax, so nothing that a stranger wrote is ever taken for part of an expression.
"""

import re
from collections.abc import Mapping
from typing import Any

_REFERENCE = re.compile(r"\{\{\s*([A-Za-z0-9_.\-/]+)\s*\}\}")


class UnknownReferenceError(Exception):
    """A path that leads nowhere in what happened; says which."""


def references(value: Any) -> list[str]:
    """The paths that a value refers to, in the order in which they stand."""
    if isinstance(value, str):
        found = _REFERENCE.fullmatch(value)
        return [found[1]] if found else []
    if isinstance(value, Mapping):
        return [path for item in value.values() for path in references(item)]
    if isinstance(value, list):
        return [path for item in value for path in references(item)]
    return []


def fill(value: Any, known: Mapping[str, Any]) -> Any:
    """The value with what it refers to in the place of references; UnknownReferenceError."""
    if isinstance(value, str):
        found = _REFERENCE.fullmatch(value)
        return _at(known, found[1]) if found else value
    if isinstance(value, Mapping):
        return {name: fill(item, known) for name, item in value.items()}
    if isinstance(value, list):
        return [fill(item, known) for item in value]
    return value


def _at(known: Mapping[str, Any], path: str) -> Any:
    value: Any = known
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise UnknownReferenceError(f"There is no {path} in what happened.")
        value = value[part]
    return value
