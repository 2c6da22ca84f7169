"""What the commands of stacks, components and flavors share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weft.cli._exit import CommandError, Exit

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import components_pb2, stacks_pb2_grpc

# Keys of configurations lie in no list.
_DEPTH = 8


def connect() -> tuple[Connection, stacks_pb2_grpc.StackServiceStub]:
    from weft._connection import Connection
    from weftapi.workspace.v1 import stacks_pb2_grpc

    connection = Connection.current()
    return connection, connection.workspace.stub(stacks_pb2_grpc.StackServiceStub)


def stack_name(text: str) -> str:
    return text if text.startswith("stacks/") else f"stacks/{text}"


def component_name(text: str) -> str:
    return text if text.startswith("components/") else f"components/{text}"


def labels_of(pairs: Sequence[str]) -> dict[str, str]:
    """Labels of `--label name=value`."""
    return dict(_pair("--label", pair) for pair in pairs)


def config_of(pairs: Sequence[str], file: Path | None) -> dict[str, Any]:
    """A configuration of a YAML or JSON file, with `--set name=value` over it.

    Dots lead into objects; what reads as JSON (a number, true, a list) is that, all else a text.
    """
    config: dict[str, Any] = {}
    if file:
        import yaml

        found = yaml.safe_load(file.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise CommandError(f"{file} holds no object", Exit.USAGE)
        config = found
    for pair in pairs:
        path, text = _pair("--set", pair)
        *parents, last = path.split(".", _DEPTH)
        place = config
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = _value(text)
    return config


def print_report(checks: Sequence[components_pb2.ValidationCheck]) -> None:
    """Prints checks as they come: what was tried of what, how it went, what to do."""
    for check in checks:
        mark = click.style("✓", fg="green") if check.ok else click.style("✗", fg="red")
        where = check.component.rpartition("/")[2] or "the whole"
        took = check.duration.ToTimedelta().total_seconds()
        click.echo(f"{mark} {where}: {check.check} ({took:.1f} s)  {check.reason}")
        if check.remedy:
            click.echo(f"    {check.remedy}")


def _pair(option: str, pair: str) -> tuple[str, str]:
    name, given, value = pair.partition("=")
    if not given or not name:
        raise CommandError(f"{option} takes name=value, not {pair!r}", Exit.USAGE)
    return name, value


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
