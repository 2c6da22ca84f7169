"""`weft sync`: runs that were recorded on this machine, handed over to the workspace."""

from __future__ import annotations

import click

from weft.cli._output import note


@click.command()
def sync() -> None:
    """Hand over runs that were recorded on this machine while no workspace was reachable."""
    from weft._connection import Connection
    from weft._settings import settings
    from weft._sync import sync as hand_over

    connection = Connection.current()
    count = 0
    for name in hand_over(connection.workspace, settings().data):
        click.echo(name)
        count += 1
    note(f"{count} runs handed over to {connection.context.workspace}")
