"""`weft ui`: the runs of a project in the whole terminal, live."""

from __future__ import annotations

import sys

import click

from weft.cli._exit import CommandError, Exit

_EXTRA = {"linkify_it", "markdown_it", "mdit_py_plugins", "rich", "textual"}


@click.command()
@click.option("-q", "--query", default="", help="Only these runs, as of `weft runs list`.")
def ui(*, query: str) -> None:
    """Look at the runs of the project in the whole terminal, as they change.

    Enter opens a run and the log of a step, c stops, r retries, ? lists the keys:

    \b
      pip install "weft[ui]"
      weft ui -q 'state = RUNNING'
    """
    try:
        from weft._ui.app import WeftApp
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in _EXTRA:
            raise
        sentence = 'weft ui needs an extra that is not installed: pip install "weft[ui]"'
        raise CommandError(sentence, Exit.ERROR) from None
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CommandError("weft ui needs a terminal; `weft runs list` prints", Exit.USAGE)
    from weft._connection import Connection

    WeftApp(Connection.current(), query).run()
