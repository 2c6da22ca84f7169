"""The formats that programs read: JSON, JSON lines, YAML, CSV, and one value out of a document."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import click

from weft.cli._exit import CommandError, Exit

PATH = "jsonpath="
# kubectl's subset that people use: .name ["name"] [0] [*]
_STEP = re.compile(
    r"\.?(?P<name>[A-Za-z_][\w-]*)|\.?\[(?P<quote>['\"])(?P<quoted>.+?)(?P=quote)\]"
    r"|\[(?P<index>-?\d+)\]|\[(?P<all>\*)\]"
)


class OutputType(click.ParamType):  # type: ignore[type-arg] # generic since click 8.4
    """What `-o` takes: a format, or `jsonpath=PATH`."""

    name = "format"

    def __init__(self, formats: Sequence[str]) -> None:
        self.formats = tuple(formats)

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:  # noqa: ARG002 - click's signature, of 8.1 and of 8.2
        """Gives what help prints."""
        return f"[{'|'.join(self.formats)}|{PATH}PATH]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuses what is no format; a wide table is a table that is not cut."""
        if isinstance(value, str) and value.startswith(PATH):
            list(_steps(value.removeprefix(PATH)))
            return value
        if value not in self.formats:
            self.fail(f"{value!r} is not one of {', '.join(self.formats)}, {PATH}PATH", param, ctx)
        if value == "wide" and ctx is not None:
            ctx.meta["weft.wide"] = True
            return "table"
        return value

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[Any]:
        """Completes the formats."""
        from click.shell_completion import CompletionItem

        found = [*self.formats, PATH]
        return [CompletionItem(each) for each in found if each.startswith(incomplete)]


def rendered(document: Any, output: str) -> str:
    """A document in one of the formats for programs, its last newline included.

    Raises:
        CommandError: The document has nothing where a `jsonpath` points.
    """
    if output == "yaml":
        import yaml

        return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
    if output == "jsonl":
        each = document if isinstance(document, list) else [document]
        return "".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in each)
    if output == "csv":
        return _csv(document if isinstance(document, list) else [document])
    if output.startswith(PATH):
        return "".join(f"{_text(one)}\n" for one in _found(document, output.removeprefix(PATH)))
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _csv(documents: Sequence[Any]) -> str:
    """A row for each document: nested fields by their path, lists as JSON."""
    rows = [dict(_flat(document)) for document in documents]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    file = io.StringIO()
    if columns:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return file.getvalue()


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for name, below in value.items():
            yield from _flat(below, f"{path}.{name}" if path else name)
    elif value != {}:
        yield path or "value", _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _steps(path: str) -> Iterator[re.Match[str]]:
    """The parts of a path; raises UsageError where it is none."""
    bare = path[1:-1] if path.startswith("{") and path.endswith("}") else path
    bare = bare.removeprefix("$")
    end = 0
    while end < len(bare):
        step = _STEP.match(bare, end)
        if step is None:
            if bare[end:] == ".":
                return
            raise click.UsageError(f"{path!r} is no path: write .state, .labels.team or [*].name")
        yield step
        end = step.end()


def _found(document: Any, path: str) -> list[Any]:
    found = [document]
    is_many = False
    for step in _steps(path):
        is_many = is_many or bool(step["all"])
        found = [below for value in found for below in _below(value, step)]
    if not found and not is_many:
        raise CommandError(f"there is nothing at {path!r}: -o json shows what there is", Exit.ERROR)
    return found


def _below(value: Any, step: re.Match[str]) -> list[Any]:
    name = step["name"] or step["quoted"]
    if name is not None:
        return [value[name]] if isinstance(value, dict) and name in value else []
    if step["all"]:
        return list(value.values() if isinstance(value, dict) else value)
    is_there = isinstance(value, list) and -len(value) <= int(step["index"]) < len(value)
    return [value[int(step["index"])]] if is_there else []
