"""What a file of run settings may say: its JSON Schema, and the check by that same schema.

The schema is the only place that knows the names, so editors, `weft run` and this page cannot
disagree. Only the keywords that it uses are read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

Path = tuple[str, ...]
Problem = tuple[Path, str]
_TEXT = {"type": "string"}
_TEXTS = {"type": "object", "additionalProperties": _TEXT}
_BYTES = {
    "description": "bytes: 512, 500M or 4Gi",
    "anyOf": [
        {"type": "integer", "minimum": 0},
        {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? ?([kMGT]i?|Ki)?B?$"},
    ],
}
_SECONDS = {"type": "number", "minimum": 0}
_LIMIT = {"type": "number", "exclusiveMinimum": 0}


def _table(description: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "properties": dict(properties),
        "additionalProperties": False,
    }


_IMAGE = _table(
    "What its container holds; a step with one is a workload of its own.",
    {
        "base": _TEXT,
        "requirements": {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]},
        "apt": {"type": "array", "items": _TEXT},
        "python": _TEXT,
        "dockerfile": _TEXT,
        "build_args": _TEXTS,
    },
)
_RESOURCES = _table(
    "What one attempt needs.",
    {
        "cpu": {"type": "number", "exclusiveMinimum": 0, "description": "cores"},
        "memory": _BYTES,
        "gpu": {"type": "integer", "minimum": 0, "maximum": 1024},
    },
)
_RETRIES = _table(
    "When a failed attempt is repeated; a number is `max`.",
    {
        "max": {"type": "integer", "minimum": 0, "maximum": 100},
        "backoff_s": _SECONDS,
        "max_backoff_s": _SECONDS,
        "memory_growth": {"type": "number", "exclusiveMinimum": 1, "maximum": 10},
        "max_memory": _BYTES,
    },
)
_CACHE = _table(
    "When an earlier result stands in; true and false are `enabled`, a text is `policy`.",
    {
        "enabled": {"type": "boolean"},
        "max_age_s": _SECONDS,
        "policy": {**_TEXT, "description": 'What counts: inputs + code - param("seed").'},
    },
)
_TOLERATION = _table("", {"key": _TEXT, "value": _TEXT, "effect": _TEXT})
_DIRECTORY = _table("", {"size_bytes": {"type": "integer"}, "in_memory": {"type": "boolean"}})
_VOLUME = _table(
    "",
    {
        "mount_path": _TEXT,
        "read_only": {"type": "boolean"},
        "claim": _TEXT,
        "config_map": _TEXT,
        "empty": _DIRECTORY,
    },
)
_POD = _table(
    "What its pod looks like on Kubernetes; a step with one is a workload of its own.",
    {
        "node_selector": _TEXTS,
        "tolerations": {"type": "array", "items": _TOLERATION},
        "priority_class": _TEXT,
        "queue": _TEXT,
        "runtime_class": _TEXT,
        "labels": _TEXTS,
        "annotations": _TEXTS,
        "volumes": {"type": "array", "items": _VOLUME},
        "image_pull_policy": {"enum": ["Always", "IfNotPresent", "Never"]},
    },
)
_STEP = _table(
    "How one step runs, in place of what its decorator says.",
    {
        "resources": _RESOURCES,
        "retries": {"anyOf": [_RETRIES["properties"]["max"], _RETRIES]},
        "timeout_s": _LIMIT,
        "queue_timeout_s": _LIMIT,
        "deadline_s": _LIMIT,
        "cache": {"anyOf": [{"type": "boolean"}, _TEXT, _CACHE]},
        "environment": _TEXTS,
        "isolation": {"enum": ["thread", "process", "workload"]},
        "image": {"$ref": "#/$defs/image"},
        "pod": _POD,
    },
)
_RUN = _table(
    "",
    {
        "$schema": {**_TEXT, "description": "Where editors find this schema."},
        "parameters": {"type": "object", "description": "Parameters of the pipeline, by name."},
        "stack": {**_TEXT, "description": "The stack that executes it; - is none."},
        "cache": {"type": "boolean", "description": "Whether earlier results may stand in."},
        "name": {**_TEXT, "description": "The name that people read."},
        "labels": {**_TEXTS, "description": "Labels of the run."},
        "image": {"$ref": "#/$defs/image"},
        "steps": {
            "type": "object",
            "description": "Settings of steps, by their ids in the graph.",
            "additionalProperties": {"$ref": "#/$defs/step"},
        },
    },
)
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    **_RUN,
    "title": "Settings of a run of Weft",
    "description": "What `weft run FILE --config` takes, as YAML, TOML or JSON.",
    "$defs": {"step": _STEP, "image": _IMAGE},
}
# What may be written short, and the setting that it means.
SHORT = {("retries", int): "max", ("retries", float): "max"}
SHORT |= {("cache", bool): "enabled", ("cache", str): "policy"}


def schema_for(parameters: Mapping[str, Any], steps: list[str] | None) -> dict[str, Any]:
    """Give the schema of the files of one pipeline: its parameters, and its steps where known."""
    own = {key: parameters[key] for key in ("type", "properties", "additionalProperties")}
    properties = {**SCHEMA["properties"], "parameters": own}
    if steps is not None:
        step = {"$ref": "#/$defs/step"}
        about = properties["steps"]["description"]
        properties["steps"] = _table(about, dict.fromkeys(steps, step))
    return {**SCHEMA, "properties": properties}


def wants_text(path: Path) -> bool:
    """Whether only a text may stand at a path."""
    schema: Mapping[str, Any] = SCHEMA
    for name in path:
        schema = _resolved(schema)
        below = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
        if not isinstance(below, dict):
            return False
        schema = below
    return schema.get("type") == "string"


def problems(value: Any, schema: Mapping[str, Any] = SCHEMA, path: Path = ()) -> Iterator[Problem]:
    """Yield what is wrong with JSON, and where."""
    schema = _resolved(schema)
    branches = schema.get("anyOf")
    if branches is not None:
        yield from _of_branches(value, schema, branches, path)
        return
    if not _fits(value, schema):
        yield path, f"expects {_expected(schema)}, got {_shown(value)}"
    elif isinstance(value, dict):
        yield from _of_table(value, schema, path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from problems(item, schema.get("items", {}), (*path, str(index)))


def _of_branches(
    value: Any, schema: Mapping[str, Any], branches: list[Any], path: Path
) -> Iterator[Problem]:
    """A table is judged by the branch that takes tables, so that its own faults are told."""
    found = [list(problems(value, branch, path)) for branch in branches]
    if not all(found):
        return
    deeper = [told for told in found if any(len(where) > len(path) for where, _ in told)]
    if deeper:
        yield from deeper[0]
    else:
        yield path, f"expects {_expected(schema)}, got {_shown(value)}"


def _of_table(value: dict[str, Any], schema: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    known, others = schema.get("properties", {}), schema.get("additionalProperties", {})
    for name, item in value.items():
        if name in known:
            yield from problems(item, known[name], (*path, name))
        elif others is False:
            yield (*path, name), f"is no setting here; {_hint(name, known)}"
        else:
            yield from problems(item, others, (*path, name))


def _hint(name: str, known: Mapping[str, Any]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(known) or 'none'}"


_IS: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: _IS["number"](value) and float(value).is_integer(),
}
_WORDS = {
    "object": "a table",
    "array": "a list",
    "string": "a text",
    "boolean": "true or false",
    "number": "a number",
    "integer": "a whole number",
}


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    kind = schema.get("type")
    if kind and not _IS[kind](value):
        return False
    if _IS["number"](value) and not _in_bounds(value, schema):
        return False
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        return False
    return "enum" not in schema or value in schema["enum"]


def _in_bounds(value: float, schema: Mapping[str, Any]) -> bool:
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    return bool(low <= value <= high) and bool(value > schema.get("exclusiveMinimum", -math.inf))


def _expected(schema: Mapping[str, Any]) -> str:
    schema = _resolved(schema)
    if "anyOf" in schema:
        own = f" ({schema['description']})" if "description" in schema else ""
        return " or ".join(map(_expected, schema["anyOf"])) + own
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    bounds = [
        f"{word} {schema[key]}"
        for key, word in (
            ("minimum", "from"),
            ("exclusiveMinimum", "above"),
            ("maximum", "up to"),
        )
        if key in schema
    ]
    return " ".join([_WORDS.get(schema.get("type", ""), "a value"), *bounds])


def _shown(value: Any) -> str:
    text = {True: "true", False: "false", None: "nothing"}.get(value) if _is_word(value) else None
    text = text or repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - half a line


def _is_word(value: Any) -> bool:
    return value is None or isinstance(value, bool)


def _resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: Mapping[str, Any] = SCHEMA["$defs"][name] if name else schema
    return found
