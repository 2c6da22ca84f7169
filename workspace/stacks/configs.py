"""Configurations of components: what their flavor's schema says, and what is secret in them."""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from meshkit.errors import FieldViolation, InvalidArgument
from meshkit.resources import ID_PATTERN
from workspace import schemas_json
from workspace.stacks.checks import FailedCheckError

# In a schema: this property takes references to secrets and nothing else.
SECRET_MARK = "x-weft-secret"  # noqa: S105 - a keyword
REFERENCE = re.compile(rf"\{{\{{\s*secrets\.({ID_PATTERN})\.([A-Za-z0-9_-]{{1,128}})\s*\}}\}}")
_PATH = "component.config"
# Keywords under which schemas of the very same value stand.
_ALSO = ("allOf", "anyOf", "oneOf")
_OTHERWISE = ("if", "then", "else")


def check(schema: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Raises InvalidArgument with the position of every problem, and never with a value."""
    if schemas_json.is_too_large(config):
        problems = [FieldViolation(_PATH, "is larger than 64 KiB")]
    else:
        problems = schemas_json.violations(schema, config, _PATH)
        problems += dict.fromkeys(_plain_secrets(schema, config, _PATH))
    if problems:
        first = problems[0]
        raise InvalidArgument(
            "INVALID_FIELDS",
            f"The configuration does not fit the flavor: {first.field} {first.description}.",
            violations=problems,
        )


def references(value: Any) -> Iterator[tuple[str, str]]:
    """The secrets that a configuration names: (secret, key) each."""
    if isinstance(value, str):
        for match in REFERENCE.finditer(value):
            yield match[1], match[2]
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from references(item)


def filled(config: Mapping[str, Any], secrets: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """A configuration with values in place of references; FailedCheckError for a key of none."""
    return {name: _filled(value, secrets) for name, value in config.items()}


def _filled(value: Any, secrets: Mapping[str, Mapping[str, str]]) -> Any:
    if isinstance(value, dict):
        return filled(value, secrets)
    if isinstance(value, list):
        return [_filled(item, secrets) for item in value]
    return REFERENCE.sub(partial(_value, secrets), value) if isinstance(value, str) else value


def _value(secrets: Mapping[str, Mapping[str, str]], match: re.Match[str]) -> str:
    secret, key = match.groups()
    if key not in secrets[secret]:
        raise FailedCheckError(
            f"secrets/{secret} has no key {key}.",
            f"Add it with `weft secrets update {secret}`, or name another one.",
        )
    return secrets[secret][key]


def _plain_secrets(schema: Any, value: Any, path: str) -> Iterator[FieldViolation]:
    """Secrets that stand in a configuration as they are."""
    if not isinstance(schema, dict):
        return
    if schema.get(SECRET_MARK) is True and not _is_reference(value):
        words = 'is a secret: store it with `weft secrets create`, and write "{{secrets.ID.KEY}}"'
        yield FieldViolation(path, words)
    for keyword in _ALSO:
        for inner in schema.get(keyword, ()):
            yield from _plain_secrets(inner, value, path)
    for keyword in _OTHERWISE:
        yield from _plain_secrets(schema.get(keyword), value, path)
    if isinstance(value, dict):
        known = schema.get("properties", {})
        for name, item in value.items():
            inner = known.get(name, schema.get("additionalProperties"))
            yield from _plain_secrets(inner, item, f"{path}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _plain_secrets(schema.get("items"), item, f"{path}[{index}]")


def _is_reference(value: Any) -> bool:
    return isinstance(value, str) and REFERENCE.fullmatch(value) is not None
