"""JSON Schemas that people write, and values held against them: the one door to the validator.

Neither may cost more than reading it, so a schema has no references, which could lead to other
addresses or into themselves, and only patterns that match in reasonable time. What is said of a
value never repeats the value: it may be a secret in the wrong place.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from meshkit.errors import FieldViolation, InvalidArgument
from meshkit.rules.patterns import compile_pattern

# Imported where it is used: the workspaces of tests, and many others, never see a schema.
if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

MAX_BYTES = 64 << 10
_MAX_DEPTH = 24
_MAX_PROBLEMS = 20
_MAX_WORDS = 200
_REFERENCES = frozenset({"$ref", "$dynamicRef", "$recursiveRef"})
# Keywords whose value maps names to schemas: a property may well be called "$ref".
_NAMED = frozenset({"properties", "patternProperties", "$defs", "dependentSchemas"})


def check_schema(schema: Mapping[str, Any], path: str) -> None:
    """Raises InvalidArgument `INVALID_SCHEMA` unless this is a schema of objects."""
    problems = list(_schema_problems(schema, path))[:_MAX_PROBLEMS]
    if problems:
        first = problems[0]
        raise InvalidArgument(
            "INVALID_SCHEMA",
            f"It is not a JSON Schema as Weft takes them: {first.field} {first.description}.",
            violations=problems,
        )


def violations(schema: Mapping[str, Any], value: Any, path: str) -> list[FieldViolation]:
    """What is wrong with a value, by position; `schema` passed `check_schema` once."""
    found: dict[FieldViolation, None] = {}
    for error in _validator(schema).iter_errors(value):
        found.update(dict.fromkeys(_told(error, path)))
        if len(found) >= _MAX_PROBLEMS:
            break
    return list(found)


def is_too_large(value: Any) -> bool:
    """Whether a schema or a value is larger than any may be."""
    return len(json.dumps(value, ensure_ascii=False).encode()) > MAX_BYTES


def _validator(schema: Mapping[str, Any]) -> "Draft202012Validator":
    from jsonschema import Draft202012Validator
    from referencing import Registry

    # An empty registry: nothing is fetched, whatever a schema names.
    return Draft202012Validator(schema, registry=Registry())


@cache
def _meta() -> "Draft202012Validator":
    """What schemas themselves are held against."""
    from jsonschema import Draft202012Validator

    return Draft202012Validator(Draft202012Validator.META_SCHEMA)


def _schema_problems(schema: Mapping[str, Any], path: str) -> Iterator[FieldViolation]:
    if is_too_large(schema):
        yield FieldViolation(path, "is larger than 64 KiB")
        return
    # Before anything walks it by itself.
    if _depth(schema) > _MAX_DEPTH:
        yield FieldViolation(path, f"is nested deeper than {_MAX_DEPTH} levels")
        return
    yield from (
        FieldViolation(_at(path, error), f"must follow the rules of {error.validator!r}")
        for error in _meta().iter_errors(schema)
    )
    if schema.get("type") != "object":
        yield FieldViolation(f"{path}.type", 'must be "object"')
    yield from _unsafe(schema, path)


def _unsafe(schema: Any, path: str, *, are_names: bool = False) -> Iterator[FieldViolation]:
    """What the metaschema allows and we do not."""
    if isinstance(schema, list):
        for index, item in enumerate(schema):
            yield from _unsafe(item, f"{path}[{index}]")
    if not isinstance(schema, dict):
        return
    for key, value in schema.items():
        here = f"{path}.{key}"
        if not are_names and key in _REFERENCES:
            yield FieldViolation(here, "is not accepted: write out what it refers to")
        if not are_names and key == "pattern":
            yield from _pattern_problems(value, here)
        if not are_names and key == "patternProperties" and isinstance(value, dict):
            for pattern in value:
                yield from _pattern_problems(pattern, here)
        if key not in {"enum", "const", "default", "examples"}:
            yield from _unsafe(value, here, are_names=not are_names and key in _NAMED)


def _pattern_problems(pattern: Any, path: str) -> Iterator[FieldViolation]:
    try:
        compile_pattern(str(pattern))
    except ValueError:
        yield FieldViolation(path, "is no pattern of the safe part of RE2")


def _depth(value: Any, level: int = 0) -> int:
    if level > _MAX_DEPTH:
        return level
    inner = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list):
        return level
    return max((_depth(item, level + 1) for item in inner), default=level)


def _at(path: str, error: Any) -> str:
    for part in error.absolute_path:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path


def _told(error: Any, path: str) -> Iterator[FieldViolation]:
    here, rule, wanted = _at(path, error), error.validator, error.validator_value
    if "propertyNames" in error.absolute_schema_path:
        yield FieldViolation(here, "has a name that it may not have")
    elif rule == "required":
        for name in wanted:
            if name not in error.instance:
                yield FieldViolation(f"{here}.{name}", "is required")
    elif rule == "additionalProperties":
        known = error.schema.get("properties", {})
        for name in error.instance:
            if name not in known:
                yield FieldViolation(f"{here}.{name[:_MAX_WORDS]}", "is not known here")
    else:
        yield FieldViolation(here, _words(str(rule), wanted)[:_MAX_WORDS])


def _words(rule: str, wanted: Any) -> str:
    if rule == "type":
        return "must be of type " + (wanted if isinstance(wanted, str) else " or ".join(wanted))
    if rule == "enum":
        return "must be one of " + ", ".join(map(str, wanted))
    if rule in _PHRASES:
        return _PHRASES[rule].format(wanted)
    return f"breaks the rule {rule!r}"


_PHRASES = {
    "const": "must be {}",
    "pattern": "must match {}",
    "minLength": "must have at least {} characters",
    "maxLength": "must have at most {} characters",
    "minItems": "must have at least {} items",
    "maxItems": "must have at most {} items",
    "minProperties": "must have at least {} entries",
    "maxProperties": "must have at most {} entries",
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "exclusiveMinimum": "must be more than {}",
    "exclusiveMaximum": "must be less than {}",
    "anyOf": "fits none of the forms that it may have",
    "oneOf": "must fit exactly one of the forms that it may have",
}
