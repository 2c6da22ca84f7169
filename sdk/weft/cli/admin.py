"""`weft admin`: what is done on the hosts of servers: backups, and the first sign-in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click

from weft.cli._exit import CommandError, Exit

_data = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="The mesh's directory, as of `weft up --data`; else the server's own settings count.",
)
_database = click.option(
    "--database",
    metavar="URL",
    help="sqlite:///path or postgresql://...; else what the server's settings say.",
)


@click.group()
def admin() -> None:
    """Back up, restore and check a workspace, and begin a mesh, on the host of the server.

    The settings are those of the server: WEFT_WORKSPACE_DATA_DIR, WEFT_WORKSPACE_DATABASE_URL,
    and WEFT_CONTROLPLANE_DATA_DIR for the link.
    """


@admin.command()
@click.argument("to", type=click.Path(path_type=Path))
@_data
@_database
def backup(*, to: Path, data: Path | None, database: str | None) -> None:
    """Write a backup into a new directory. The server may run."""
    _run(["backup", str(to.absolute())], data, database)


@admin.command()
@click.argument("source", metavar="FROM", type=click.Path(exists=True, path_type=Path))
@_data
@_database
def restore(*, source: Path, data: Path | None, database: str | None) -> None:
    """Restore a backup into an empty data directory and an empty database.

    Whoever watches begins again: the restored workspace has a history of its own.
    """
    _run(["restore", str(source.absolute())], data, database)


@admin.command()
@click.option("--content", is_flag=True, help="Read the bytes of all artifacts, too.")
@click.option("--repair", is_flag=True, help="Count anew what is counted, first.")
@click.option(
    "-o", "--output", type=click.Choice(("text", "json")), default="text", show_default=True
)
@_data
@_database
def check(
    *, content: bool, repair: bool, output: str, data: Path | None, database: str | None
) -> None:
    """Look for what should never be: in the database, logs and artifacts. The server may run.

    Exit codes: 0 nothing is wrong, 1 it could not be looked at, 9 something is wrong, 78 the
    settings are not valid.
    """
    chosen = {"--content": content, "--repair": repair}
    options = [option for option, is_chosen in chosen.items() if is_chosen]
    _run(["check", "--output", output, *options], data, database)


@admin.command("bootstrap-url")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="The control plane's directory; else its own settings count.",
)
def bootstrap_url(*, data: Path | None) -> None:
    """Print the link that makes the first administrator. It works once.

    Run it where the control plane runs: in its pod, say. A browser opens it, and
    `weft login HOST:PORT --email ADDRESS --setup LINK` takes it without one.

    Exit codes: 0 printed, 6 there is an administrator already, 7 the control plane has not
    come so far yet, 78 its settings are not valid.
    """
    environment = dict(os.environ)
    if data is not None:
        environment["WEFT_CONTROLPLANE_DATA_DIR"] = str(data.absolute())
    _exit_as([sys.executable, "-m", "controlplane.bootstrap"], environment)


def _run(arguments: list[str], data: Path | None, database: str | None) -> None:
    """The server's own program: the command line shares no code with it."""
    environment = dict(os.environ)
    if data is not None:
        environment["WEFT_WORKSPACE_DATA_DIR"] = str(data.absolute() / "workspace")
    if database is not None:
        environment["WEFT_WORKSPACE_DATABASE_URL"] = database
    if "WEFT_WORKSPACE_DATA_DIR" not in environment:
        raise CommandError(
            "say which workspace: --data DIRECTORY, or the server's settings", Exit.USAGE
        )
    _exit_as([sys.executable, "-m", "workspace.backup", *arguments], environment)


def _exit_as(program: list[str], environment: dict[str, str]) -> None:
    code = subprocess.run(program, env=environment, check=False).returncode  # noqa: S603 - our own
    if code:
        raise SystemExit(code)
