"""Parameters held against a JSON Schema, as far as signatures of pipelines need one.

Understood are `type`, `properties`, `required`, `additionalProperties`, `items`, `enum`,
`const`, `anyOf`, bounds of numbers, lengths of texts and lists. Anything else in a schema
describes and does not decide.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from meshkit.errors import FieldViolation, InvalidArgument

_MAX_DEPTH = 32
_MAX_PROBLEMS = 20


def check(schema: dict[str, Any] | None, parameters: dict[str, Any]) -> None:
    """Raises InvalidArgument `INVALID_PARAMETERS` with every problem."""
    if schema:
        check_value(schema, parameters, "parameters")


def check_value(schema: dict[str, Any], value: Any, path: str) -> None:
    """Raises InvalidArgument `INVALID_PARAMETERS` with every problem of a value named `path`."""
    problems = list(islice(_problems(schema, value, path, 0), _MAX_PROBLEMS))
    if problems:
        first = problems[0]
        raise InvalidArgument(
            "INVALID_PARAMETERS",
            f"What was given does not fit: {first.field} {first.description}.",
            violations=problems,
        )


def _problems(schema: Any, value: Any, path: str, depth: int) -> Iterator[FieldViolation]:
    if not isinstance(schema, dict) or depth > _MAX_DEPTH:
        return
    options = schema.get("anyOf")
    if isinstance(options, list) and options:
        if all(any(True for _ in _problems(o, value, path, depth + 1)) for o in options):
            yield FieldViolation(path, "fits none of the kinds that it may be")
        return
    complaint = _type_complaint(schema, value) or _value_complaint(schema, value)
    if complaint:
        yield FieldViolation(path, complaint)
    elif isinstance(value, dict):
        yield from _object_problems(schema, value, path, depth)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _problems(schema.get("items"), item, f"{path}[{index}]", depth + 1)


def _object_problems(
    schema: dict[str, Any], value: dict[str, Any], path: str, depth: int
) -> Iterator[FieldViolation]:
    properties = schema.get("properties") or {}
    for name in schema.get("required") or ():
        if name not in value:
            yield FieldViolation(f"{path}.{name}", "is required")
    for name, item in value.items():
        if name in properties:
            yield from _problems(properties[name], item, f"{path}.{name}", depth + 1)
        elif schema.get("additionalProperties") is False:
            yield FieldViolation(f"{path}.{name}", "is not a parameter of this pipeline")


def _type_complaint(schema: dict[str, Any], value: Any) -> str:
    wanted = schema.get("type")
    kinds = wanted if isinstance(wanted, list) else [wanted]
    if wanted is None or any(_is(kind, value) for kind in kinds):
        return ""
    return "must be of type " + " or ".join(str(kind) for kind in kinds)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_KINDS: dict[str, Callable[[Any], bool]] = {
    # A Struct holds every number as a float.
    "integer": lambda value: _is_number(value) and float(value).is_integer(),
    "number": _is_number,
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def _is(kind: Any, value: Any) -> bool:
    return kind not in _KINDS or _KINDS[kind](value)


def _value_complaint(schema: dict[str, Any], value: Any) -> str:
    if "enum" in schema and value not in schema["enum"]:
        return "must be one of " + ", ".join(map(str, schema["enum"]))[:200]
    if "const" in schema and value != schema["const"]:
        return f"must be {schema['const']}"[:200]
    if _is_number(value):
        return _bound_complaint(schema, value)
    if isinstance(value, str):
        return _size_complaint(schema, len(value), "Length", "characters")
    return _size_complaint(schema, len(value), "Items", "items") if isinstance(value, list) else ""


def _size_complaint(schema: dict[str, Any], size: int, suffix: str, what: str) -> str:
    least, most = schema.get(f"min{suffix}", 0), schema.get(f"max{suffix}", size)
    if size < least:
        return f"must have at least {least} {what}"
    return f"must have at most {most} {what}" if size > most else ""


def _bound_complaint(schema: dict[str, Any], value: float) -> str:
    if value < schema.get("minimum", value):
        return f"must be at least {schema['minimum']}"
    if value > schema.get("maximum", value):
        return f"must be at most {schema['maximum']}"
    if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
        return f"must be more than {schema['exclusiveMinimum']}"
    if "exclusiveMaximum" in schema and value >= schema["exclusiveMaximum"]:
        return f"must be less than {schema['exclusiveMaximum']}"
    return ""
