"""Files of settings, with the line of everything in them: YAML, TOML, or JSON, which is YAML."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weft._config_schema import Path as Keys
from weft._config_schema import Problem, wants_text
from weft.errors import ConfigError

if TYPE_CHECKING:
    import yaml

_MAX_BYTES = 1 << 20
_HEADER = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*[A-Za-z0-9_"'-]+)*)\s*=""")


@dataclass(frozen=True, slots=True)
class Layer:
    """Settings from one place.

    Attributes:
        name: The place: a file, or an option of the command line.
        document: The settings, as JSON.
        lines: Where each of them stands, from 1.
    """

    name: str
    document: Mapping[str, Any]
    lines: Mapping[Keys, int] = field(default_factory=dict)

    def at(self, path: Keys) -> str:
        """Give the place of a setting; that of what it stands in, where its own is not known."""
        for length in range(len(path), 0, -1):
            if line := self.lines.get(path[:length]):
                return f"{self.name}:{line}"
        return self.name


def read_layer(file: Path) -> Layer:
    """Read a file.

    Raises:
        ConfigError: It cannot be read, or is no table of plain values; with the line.
    """
    try:
        with file.open(encoding="utf-8") as opened:
            text = opened.read(_MAX_BYTES + 1)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8"
        raise ConfigError(f"{file} cannot be read: {reason}") from None
    if len(text) > _MAX_BYTES:
        raise ConfigError(f"{file} is larger than {_MAX_BYTES >> 20} MiB: that is no configuration")
    layer = _toml(file, text) if file.suffix == ".toml" else _yaml(file, text)
    for path, what in _not_plain(layer.document):
        raise ConfigError(f"{layer.at(path)}: {'.'.join(path)} {what}")
    return layer


def set_layer(assignment: str) -> Layer:
    """Read `path.to.it=value`; the value is YAML, or the text itself where only a text may stand.

    Raises:
        ConfigError: It is no such assignment.
    """
    import yaml

    name, found, text = assignment.partition("=")
    path = tuple(name.strip().split("."))
    if not found or not all(path):
        raise ConfigError(f"--set {assignment}: write it as --set steps.train.retries=3")
    try:
        value: Any = text if wants_text(path) else yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        raise ConfigError(f"--set {name}: {text!r} is no value; put a text in quotes") from None
    document = {path[-1]: value}
    for key in reversed(path[:-1]):
        document = {key: document}
    for where, what in _not_plain(document):
        raise ConfigError(f"--set {'.'.join(where)} {what}")
    return Layer(f"--set {name.strip()}", document)


def _yaml(file: Path, text: str) -> Layer:
    import yaml

    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        document = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(f"{file}{line}: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{file}: {str(error).splitlines()[0]}") from None
    if node is None:
        return Layer(str(file), {})
    if not isinstance(document, dict):
        raise ConfigError(f"{file} holds no settings: write `parameters:` and the like")
    lines: dict[Keys, int] = {}
    for path, number in _yaml_lines(node, ()):
        if path in lines:
            raise ConfigError(f"{file}:{number}: {'.'.join(path)} stands there twice")
        lines[path] = number
    return Layer(str(file), document, lines)


def _yaml_lines(
    node: yaml.Node, path: Keys, above: tuple[int, ...] = ()
) -> Iterator[tuple[Keys, int]]:
    """Yield the line of every key; a structure that holds itself ends there."""
    if not isinstance(node.value, list) or node.tag.endswith(":seq") or id(node) in above:
        return
    for key, value in node.value:
        own = (*path, str(key.value))
        if not key.tag.endswith(":merge"):
            yield own, key.start_mark.line + 1
            yield from _yaml_lines(value, own, (*above, id(node)))


def _toml(file: Path, text: str) -> Layer:
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{file}: {error}") from None
    return Layer(str(file), document, dict(_toml_lines(text)))


def _toml_lines(text: str) -> Iterator[tuple[Keys, int]]:
    """Yield the lines of headers and keys: tomllib tells none."""
    table: Keys = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _keys(header[1])
            yield table, number
        elif key := _KEY.match(line):
            yield (*table, *_keys(key[1])), number


def _keys(text: str) -> Keys:
    return tuple(key.strip().strip("\"'") for key in text.split("."))


def _not_plain(value: Any, path: Keys = ()) -> Iterator[Problem]:
    """Yield what JSON does not have."""
    if len(path) > 32:  # noqa: PLR2004 - also ends what holds itself
        yield path[:4], "is nested too deep"
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                yield (*path, str(key)), "is a name: put it in quotes"
            else:
                yield from _not_plain(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _not_plain(item, (*path, str(index)))
    elif not isinstance(value, str | int | float | bool | None):
        yield path, f"is a {type(value).__name__}: put it in quotes, for a text"
    elif isinstance(value, float) and not math.isfinite(value):
        yield path, "must be finite"
