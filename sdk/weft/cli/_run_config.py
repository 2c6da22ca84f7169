"""What `weft run --dry-run` prints: every setting of a run, and who says so."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from weft._config import RunConfig, in_code
from weft._submit import Code, draw
from weft.cli._output import print_document, print_table

if TYPE_CHECKING:
    from weft._graph import Graph

_STEP_PATH = 3
Row = dict[str, Any]


def print_settings(
    code: Code,
    config: RunConfig,
    values: Mapping[str, Any],
    options: Mapping[str, str],
    output: str,
) -> None:
    """Prints settings with their places; settings that the pipeline cannot have are refused."""
    graph = draw(code, values)
    config.applied(graph)
    _ = config.image
    rows = [*_parameters(code, config, values, options), *_others(config, graph)]
    if output == "name":
        output = "table"
    if output != "table":
        print_document(rows, output)
        return
    header = ("SETTING", "VALUE", "FROM", "INSTEAD OF")
    print_table(header, [(r["setting"], _text(r["value"]), r["from"], _said(r)) for r in rows])


def _parameters(
    code: Code, config: RunConfig, values: Mapping[str, Any], options: Mapping[str, str]
) -> Iterator[Row]:
    dumped = code.pipeline.parameters.dump(values)
    for name, value in dumped.items():
        path = ("parameters", name)
        parts = [setting for own, setting in config.settings.items() if own[:2] == path]
        places = list(dict.fromkeys(setting.origin for setting in parts))
        before = [(old.origin, old.value) for setting in parts for old in setting.before]
        if name in options:
            before = [*((s.origin, s.value) for s in parts), *before]
            places = [f"--{name.replace('_', '-')}"]
        yield _row(".".join(path), value, ", ".join(places) or "default", before)


def _others(config: RunConfig, graph: Graph) -> Iterator[Row]:
    for path, setting in config.settings.items():
        if path[0] == "parameters":
            continue
        before = [(old.origin, old.value) for old in setting.before]
        if path[0] == "steps" and len(path) >= _STEP_PATH:
            own = in_code(graph.nodes[path[1]].step, path[2:])
            before += [("the code", own)] if own not in (None, ()) else []
        yield _row(".".join(path), setting.value, setting.origin, before)


def _row(setting: str, value: Any, place: str, before: list[tuple[str, Any]]) -> Row:
    said = [{"from": origin, "value": old} for origin, old in before]
    return {"setting": setting, "value": value, "from": place, "insteadOf": said}


def _said(row: Row) -> str:
    return ", ".join(f"{_text(old['value'])} ({old['from']})" for old in row["insteadOf"])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
