"""`weft apply`, `weft diff` and `weft export`: a workspace as files that a repository keeps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from weft.cli._exit import CommandError, Exit, report_refusal
from weft.cli._output import note, output_option, print_document
from weft.cli._text import plain

if TYPE_CHECKING:
    from weft.cli._declared import Step

_MARKS = {"create": "+", "update": "~", "delete": "-", "unchanged": "="}
_COLOURS = {"create": "green", "update": "yellow", "delete": "red", "unchanged": "white"}
_files = click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    required=True,
    metavar="PATH",
    help="A YAML or JSON file, a folder of them, or - for standard input. Repeat it.",
)
_set = click.option(
    "--set",
    "set_name",
    default="",
    metavar="NAME",
    help="Mark what is applied with a name, so that --prune knows it again.",
)
_prune = click.option(
    "--prune", is_flag=True, help="Delete what was applied under --set and is declared no more."
)


@click.command()
@_files
@_set
@_prune
@click.option("-y", "--yes", is_flag=True, help="Do not ask before anything is deleted.")
@output_option
def apply(*, files: tuple[str, ...], set_name: str, prune: bool, yes: bool, output: str) -> None:
    """Make the workspace as files declare it; doing it again changes nothing.

    The workspace checks all of it first, and nothing is changed where it would refuse something. A
    field that a file leaves out stays as it is. Values of secrets and connectors, and the URLs of
    alerters, are in no file: `valuesFrom` names variables or files that hold them, and is read for
    those that are not there yet: a variable that is needed then has to be set.
    """
    from weft._connection import Connection
    from weft.cli._declared import carry_out, refusals

    connection = Connection.current()
    steps = _steps(connection, files, set_name, prune=prune)
    if refused := refusals(connection, steps):
        for name in refused:
            note(f"the workspace refuses {name}: nothing was changed")
        raise next(iter(refused.values()))
    gone = [step.name for step in steps if step.action == "delete"]
    if gone and not yes:
        click.confirm(f"Delete {', '.join(gone)}?", abort=True, err=True)
    for step in steps:
        carry_out(connection, step)
        if output == "table":
            _say(step)
    _print(steps, output)


@click.command()
@_files
@_set
@_prune
@click.option("--exit-code", is_flag=True, help="Exit with 6 where anything differs.")
@output_option
def diff(
    *, files: tuple[str, ...], set_name: str, prune: bool, exit_code: bool, output: str
) -> int:
    """Say what `weft apply` would change, field by field; nothing is changed.

    The workspace checks all of it as if it were meant; where it would refuse something, the exit
    code is 2.
    """
    from weft._connection import Connection
    from weft.cli._declared import refusals

    connection = Connection.current()
    steps = _steps(connection, files, set_name, prune=prune)
    refused = refusals(connection, steps)
    for step in steps:
        if output == "table":
            _say(step, with_fields=True)
    _print(steps, output)
    for name, error in refused.items():
        report_refusal(name, error)
    if refused:
        return Exit.USAGE
    differs = any(step.action != "unchanged" for step in steps)
    return Exit.CONFLICT if differs and exit_code else Exit.DONE


@click.command()
@click.argument("kind", nargs=-1)
def export(*, kind: tuple[str, ...]) -> None:
    """Print what is there as YAML for `weft apply`: all of it, or of a KIND such as Stack.

    Of the workspace, and of the project in use. Nothing secret is printed.
    """
    import yaml

    from weft._connection import Connection
    from weft.cli._declared import DECLARED, exported

    unknown = [each for each in kind if each not in DECLARED]
    if unknown:
        raise CommandError(f"{unknown[0]!r} is none of {', '.join(DECLARED)}", Exit.USAGE)
    connection = Connection.current()
    for noun, found in DECLARED.items():
        for resource in found.all(connection) if noun in (kind or DECLARED) else ():
            document = exported(found, resource)
            click.echo(
                "---\n" + yaml.safe_dump(document, sort_keys=False, allow_unicode=True), nl=False
            )


def _steps(connection: Any, files: Sequence[str], set_name: str, *, prune: bool) -> list[Step]:
    from weft.cli._declared import plan, read, to_prune

    if prune and not set_name:
        raise CommandError(
            "--prune needs --set NAME: only what was applied as a set is deleted", Exit.USAGE
        )
    declared = read(files, connection.project)
    steps = plan(connection, declared, set_name)
    return [*steps, *to_prune(connection, declared, set_name)] if prune else steps


def _say(step: Step, *, with_fields: bool = False) -> None:
    mark = click.style(_MARKS[step.action], fg=_COLOURS[step.action])
    click.echo(f"{mark} {step.action:<9} {plain(step.name)}")
    for name, before, after in step.changes if with_fields else ():
        click.echo(plain(f"    {name}: {_short(before)} → {_short(after)}"))


def _short(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)


def _print(steps: Sequence[Step], output: str) -> None:
    counts = {action: sum(step.action == action for step in steps) for action in _MARKS}
    note(
        ", ".join(f"{count} {action}" for action, count in counts.items() if count)
        or "nothing declared"
    )
    if output == "name":
        click.echo("\n".join(step.name for step in steps if step.action != "unchanged"))
    elif output != "table":
        print_document([_document(step) for step in steps], output)


def _document(step: Step) -> dict[str, Any]:
    changes = [{"field": f, "before": before, "after": after} for f, before, after in step.changes]
    return {"action": step.action, "kind": step.kind.noun, "name": step.name, "changes": changes}
