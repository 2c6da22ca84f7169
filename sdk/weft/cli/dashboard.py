"""`weft dashboard`: the dashboard in a browser, signed in as you."""

from __future__ import annotations

import webbrowser

import click

from weft.cli._browser import has_browser
from weft.cli._output import note


@click.command()
@click.argument("path", default="")
@click.option("--print", "only_print", is_flag=True, help="Print the link, and open nothing.")
def dashboard(*, path: str, only_print: bool) -> None:
    """Open the dashboard in your browser, signed in as you; at the page PATH, if given.

    The link signs in whoever opens it: once, and within two minutes.
    """
    from weft._connection import Connection
    from weft._sign_in_link import sign_in_link

    link = sign_in_link(Connection.current(), path)
    if only_print or not has_browser():
        click.echo(link)
        return
    note("opening your browser; if it stays away, open this address yourself, soon:")
    note(link)
    webbrowser.open(link)
