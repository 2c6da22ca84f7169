"""`weft config`: which settings count, and why these and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from weft.cli._exit import CommandError, Exit
from weft.cli._origins import SETTINGS, Given, Origin, origin, origins
from weft.cli._output import output_option, print_document, print_table

if TYPE_CHECKING:
    from weft._contexts import Context


@click.group()
def config() -> None:
    """Say which settings count: a flag, a variable, weft.toml, the context, a default."""


@config.command()
@click.argument("key", required=False, default="", shell_complete=lambda *_: list(SETTINGS))
@output_option
@click.pass_obj
def explain(obj: dict[str, object], /, *, key: str, output: str) -> None:
    """Say where KEY has a value, the one that counts first; all settings without a KEY.

    What a command is given wins over the environment, that over [defaults] of the nearest
    weft.toml, that over what was chosen for the context.
    """
    if key and key not in SETTINGS:
        raise CommandError(
            f"there is no setting {key!r}; there are {', '.join(SETTINGS)}", Exit.USAGE
        )
    given = obj["given"]
    assert isinstance(given, Given)
    context = _current()
    if key:
        _print_one(list(origins(key, context, given)), output)
        return
    _print_all({name: origin(name, context, given) for name in SETTINGS}, output)


def _current() -> Context | None:
    """The context in use; None where there is none."""
    from weft._contexts import ContextStore
    from weft.errors import ContextError

    try:
        return ContextStore().current()
    except ContextError:
        return None


def _print_one(found: list[Origin], output: str) -> None:
    if output == "name":
        click.echo(found[0].value if found else "")
    elif output == "table":
        marks = ["*", *[""] * len(found)]
        rows = [(m, each.value, each.source) for m, each in zip(marks, found, strict=False)]
        print_table(("", "VALUE", "FROM"), rows)
    else:
        print_document([{"value": each.value, "from": each.source} for each in found], output)


def _print_all(found: dict[str, Origin], output: str) -> None:
    if output == "name":
        click.echo("\n".join(found))
    elif output == "table":
        rows = [
            (name, each.value, each.source, SETTINGS[name].meaning) for name, each in found.items()
        ]
        print_table(("SETTING", "VALUE", "FROM", "WHAT IT IS"), rows)
    else:
        documents = [
            {"setting": name, "value": each.value, "from": each.source}
            for name, each in found.items()
        ]
        print_document(documents, output)
