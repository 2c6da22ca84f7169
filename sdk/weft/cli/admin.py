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
_control_plane = click.option(
    "--control-plane", is_flag=True, help="The control plane instead of the workspace."
)


@click.group()
def admin() -> None:
    """Back up, restore and check servers, and begin a mesh, on the host of the server.

    The settings are those of the server: WEFT_WORKSPACE_DATA_DIR, WEFT_WORKSPACE_DATABASE_URL,
    and WEFT_CONTROLPLANE_DATA_DIR, WEFT_CONTROLPLANE_DATABASE_URL.
    """


@admin.command()
@click.argument("to")
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    metavar="N",
    help="Then remove this server's older backups beside it, but for the newest N.",
)
@_control_plane
@_data
@_database
def backup(
    *, to: str, keep: int | None, control_plane: bool, data: Path | None, database: str | None
) -> None:
    """Write a backup into a new directory, or to s3://, gs:// or az://. The server may run.

    Keep it as you keep the server's keys: they are in it.
    """
    arguments = ["backup", to, *(["--keep", str(keep)] if keep else [])]
    _run(arguments, data, database, service=_service(control_plane=control_plane))


@admin.command()
@click.argument("folder")
@click.option(
    "-o", "--output", type=click.Choice(("text", "json")), default="text", show_default=True
)
@_control_plane
@_data
def backups(*, folder: str, output: str, control_plane: bool, data: Path | None) -> None:
    """List the backups in a directory, or below s3://, gs:// or az://, and what is not whole."""
    arguments = ["list", folder, "--output", output]
    _run(arguments, data, None, service=_service(control_plane=control_plane))


@admin.command()
@click.argument("source", metavar="FROM")
@_control_plane
@_data
@_database
def restore(*, source: str, control_plane: bool, data: Path | None, database: str | None) -> None:
    """Restore a backup into an empty data directory and an empty database.

    Whoever watches begins again: the restored server has a history of its own.
    """
    arguments = ["restore", source]
    _run(arguments, data, database, service=_service(control_plane=control_plane))


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


def _service(*, control_plane: bool) -> str:
    return "controlplane" if control_plane else "workspace"


def _run(
    arguments: list[str], data: Path | None, database: str | None, *, service: str = "workspace"
) -> None:
    """The server's own program: the command line shares no code with it."""
    environment, prefix = dict(os.environ), f"WEFT_{service.upper()}_"
    if data is not None:
        environment[f"{prefix}DATA_DIR"] = str(data.absolute() / service)
    if database is not None:
        environment[f"{prefix}DATABASE_URL"] = database
    if f"{prefix}DATA_DIR" not in environment:
        raise CommandError(
            f"say which {service}: --data DIRECTORY, or the server's settings", Exit.USAGE
        )
    _exit_as([sys.executable, "-m", f"{service}.backup", *arguments], environment)


def _exit_as(program: list[str], environment: dict[str, str]) -> None:
    code = subprocess.run(program, env=environment, check=False).returncode  # noqa: S603 - our own
    if code:
        raise SystemExit(code)
