"""`weft up`: a mesh on this machine."""

from __future__ import annotations

import signal
import tempfile
import threading
import time
from pathlib import Path
from types import FrameType

import click

from weft.cli._exit import CommandError

_SUPERVISE_S = 0.5
_PREFIXES = tuple(f"WEFT_{name}_" for name in ("CONTROLPLANE", "WORKSPACE", "WORKLOADS", "GATEWAY"))


@click.command()
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where everything is kept; in the user's data directory by default.",
)
@click.option("--ephemeral", is_flag=True, help="Keep nothing: use a new directory and delete it.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="VARIABLE=VALUE",
    help="A setting of one of the servers: WEFT_CONTROLPLANE_...=VALUE. Repeat it.",
)
def up(*, data: Path | None, ephemeral: bool, settings: tuple[str, ...]) -> None:
    """Start a mesh on this machine, and keep it running until Ctrl-C.

    Control plane, workspace server, workload manager and gateway run as processes of their own
    and talk mTLS over loopback. Data stays where it is; the next `weft up` goes on with it.
    """
    given = dict(map(_setting, settings))
    try:
        import meshkit as _meshkit  # noqa: F401 - only to see whether the servers are installed
    except ImportError:
        raise CommandError(
            "the servers are not installed here: run `pip install weft-server`"
        ) from None
    if not ephemeral:
        _run(data, given)
        return
    with tempfile.TemporaryDirectory(prefix="weft-") as directory:
        _run(Path(directory), given, ephemeral=True)


def _setting(text: str) -> tuple[str, str]:
    """The variable and its value; raises UsageError where no server would read it."""
    variable, equals, value = text.partition("=")
    if not equals or not variable.startswith(_PREFIXES):
        raise click.UsageError(
            f"{text!r} is no setting of a server: write WEFT_CONTROLPLANE_NAME=VALUE, or "
            "WEFT_WORKSPACE_, WEFT_WORKLOADS_, WEFT_GATEWAY_"
        )
    return variable, value


def _run(data: Path | None, settings: dict[str, str], *, ephemeral: bool = False) -> None:
    from weft._embedded import EmbeddedMesh, data_directory

    directory = data or data_directory()
    started = time.monotonic()
    click.echo(f"  weft  data {directory}", err=True)
    stopping = _on_signals()
    mesh = EmbeddedMesh(directory, settings=settings, ephemeral=ephemeral)
    context = mesh.start(_tick)
    try:
        click.echo(
            f"  ready in {time.monotonic() - started:.1f} s · signed in as the administrator of "
            f"context {context.name!r} · Ctrl-C stops, data stays\n"
            f"  API: curl --cacert {mesh.ca_file} {context.gateway}/openapi.json\n"
            f"  dashboard: {mesh.sign_in_link()}\n"
            "             (works once, for two minutes; `weft dashboard` makes another)",
            err=True,
        )
        while True:
            mesh.supervise(_tick, _SUPERVISE_S)
    except KeyboardInterrupt:
        click.echo("  stopping ...", err=True)
    finally:
        stopping.set()
        mesh.stop()


def _tick(line: str) -> None:
    click.echo(f"  {click.style('✓', fg='green')} {line}", err=True)


def _on_signals() -> threading.Event:
    """Makes every way to end this process a Ctrl-C; once it is ending, none cuts that short."""
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        if not stopping.is_set():
            stopping.set()
            raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    return stopping
