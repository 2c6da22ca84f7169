"""`weft sync`: runs that were recorded on this machine, handed over to the workspace."""

from __future__ import annotations

import click

from weft.cli._exit import Exit
from weft.cli._output import note


@click.command()
def sync() -> int:
    """Hand over runs that were recorded on this machine while no workspace was reachable."""
    from weft._connection import Connection
    from weft._settings import settings
    from weft._sync import sync as hand_over

    connection = Connection.current()
    handed = failed = 0
    for synced in hand_over(connection.workspace, settings().data):
        if synced.error is None:
            handed += 1
            click.echo(synced.run)
        else:
            failed += 1
            note(f"{synced.run} stays here: {synced.error}")
    note(f"{handed} runs handed over to {connection.context.workspace}")
    return Exit.ERROR if failed else Exit.DONE
