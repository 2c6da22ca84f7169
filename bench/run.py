"""Runs one script, or all of them."""

import argparse
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from importlib import import_module

import uvloop

from bench.figures import Figure, as_json, summary, table
from bench.load import Options
from bench.reached import REACHED
from bench.site import Site, site

Measure = Callable[[Site, Options], Awaitable[list[Figure]]]

SCRIPTS = (
    "create_run",
    "report_status",
    "report_stream",
    "log_append",
    "watch_fan_out",
    "list_runs",
    "big_dag",
    "gateway_get",
    "unit_of_work",
    "memory",
    "cold_start",
    "command_line",
    "decide",
    "exchange_token",
    "reconnect",
    "kubernetes",
    "dashboard",
)


def main(measure: Measure) -> None:
    """For a script that runs alone."""
    options = _options(_parser().parse_args())
    uvloop.run(_print(lambda: _alone(measure, options)))


def main_of_all(arguments: Sequence[str] | None = None) -> int:
    """For `python -m bench`; answers the exit code: 1 where a script broke."""
    parser = _parser()
    parser.add_argument("--json", action="store_true", help="print figures for programs")
    parser.add_argument("scripts", nargs="*", metavar="SCRIPT", help="all by default")
    parsed = parser.parse_args(arguments)
    unknown = set(parsed.scripts) - set(SCRIPTS)
    if unknown:
        parser.error(
            f"no such script: {', '.join(sorted(unknown))}; there are {', '.join(SCRIPTS)}"
        )
    running = _all(parsed.scripts or SCRIPTS, _options(parsed), is_json=parsed.json)
    return uvloop.run(running)


async def _all(scripts: Sequence[str], options: Options, *, is_json: bool) -> int:
    figures: list[Figure] = []
    broken = 0
    began = time.monotonic()
    for script in scripts:
        start = time.monotonic()
        try:
            found = await _alone(import_module(f"bench.{script}").measure, options)
            # As they come, for whoever watches; once more in one table at the end.
            print(table(found), file=sys.stderr)
            figures += found
        except Exception as error:  # noqa: BLE001 - the other figures are still worth having
            broken += 1
            print(f"{script} broke: {error!r}", file=sys.stderr)
        print(f"{script}: {time.monotonic() - start:.0f} s", file=sys.stderr)
    print(as_json(figures) if is_json else table(figures))
    print(f"{summary(figures)}; {time.monotonic() - began:.0f} s in all", file=sys.stderr)
    return 1 if broken else 0


async def _alone(measure: Measure, options: Options) -> list[Figure]:
    # A mesh for each script: no figure inherits what another one left behind.
    async with site() as mesh:
        found = await measure(mesh, options)
    return [replace(figure, reached=REACHED.get(figure.name)) for figure in found]


async def _print(measure: Callable[[], Awaitable[list[Figure]]]) -> None:
    print(table(await measure()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description="Ours beside the bare limit.")
    parser.add_argument("--quick", action="store_true", help="only show that everything runs")
    parser.add_argument(
        "--large", action="store_true", help="also a million runs and a thousand workspaces"
    )
    parser.add_argument("--no-postgres", action="store_true", help="measure SQLite alone")
    return parser


def _options(parsed: argparse.Namespace) -> Options:
    return Options(quick=parsed.quick, large=parsed.large, postgres=not parsed.no_postgres)
