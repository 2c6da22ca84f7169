"""Runs a server as a process: event loop, signals, the ready line, exit codes."""

import asyncio
import dataclasses
import gc
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NoReturn, Protocol, TypeVar

import structlog
import uvloop

import meshkit
from meshkit.config import ConfigError, ServerSettings
from meshkit.telemetry import configure_logging

log = structlog.get_logger()

S = TypeVar("S", bound=ServerSettings)
_EXIT_USAGE = 64  # EX_USAGE of sysexits.h
_EXIT_CONFIG = 78  # EX_CONFIG
_EXIT_FORCED = 130
# Calls free what they make by counting references. At Python's own thresholds the search for
# cycles takes a quarter of a busy server's time; `bench/` shows it.
_COLLECT_AFTER = (50_000, 20, 50)


class Server(Protocol):
    """What runs as a process; `start` answers a dataclass of the bound ports."""

    async def start(self) -> Any: ...

    async def stop(self) -> None: ...


def run_service(
    settings: type[S],
    build: Callable[[S], Awaitable[Server]],
    *,
    service: str,
    upgrade: Callable[[S], Awaitable[None]] | None = None,
) -> NoReturn:
    """Loads the settings, builds the server and serves until told to stop; exits.

    SIGTERM or SIGINT drains and exits 0; a second one exits at once. Settings that are not
    valid are printed and exit 78. With the argument `migrate` it does what `upgrade` does to the
    database, and no more: the step before a rolling upgrade.
    """
    if meshkit.GRPC_CAME_FIRST:
        raise RuntimeError("import meshkit before grpc, or TLS 1.2 would be accepted")
    arguments = sys.argv[1:]
    if arguments and (arguments != ["migrate"] or upgrade is None):
        known = " [migrate]" if upgrade else ""
        sys.stderr.write(f"usage: python -m {service}{known}\n")
        sys.exit(_EXIT_USAGE)
    try:
        loaded = settings.load()
    except ConfigError as error:
        sys.stderr.write(f"{service}: {error}\n")
        sys.exit(_EXIT_CONFIG)
    configure_logging(loaded.log_level)
    try:
        if arguments and upgrade:
            uvloop.run(_upgrade(loaded, upgrade, service))
        else:
            uvloop.run(_serve(loaded, build, service))
    except ConfigError as error:
        # What only shows when the server starts: somebody else has the database, say.
        sys.stderr.write(f"{service}: {error}\n")
        sys.exit(_EXIT_CONFIG)
    sys.exit(0)


async def _serve(settings: S, build: Callable[[S], Awaitable[Server]], service: str) -> None:
    stopping = asyncio.Event()
    _on_signals(stopping)
    server = await build(settings)
    ports = await server.start()
    spare_the_collector()
    ready = {"pid": os.getpid(), **dataclasses.asdict(ports)}
    if settings.ready_file:
        _write_ready(settings.ready_file, ready)
    log.info("ready", service=service, **ready)
    await stopping.wait()
    log.info("draining", service=service)
    await server.stop()
    log.info("stopped", service=service)


async def _upgrade(settings: S, upgrade: Callable[[S], Awaitable[None]], service: str) -> None:
    await upgrade(settings)
    log.info("migrated", service=service)


def spare_the_collector() -> None:
    """Looks for cycles seldom, and never again among what was imported and built."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


def _on_signals(stopping: asyncio.Event) -> None:
    def stop() -> None:
        if stopping.is_set():
            os._exit(_EXIT_FORCED)
        stopping.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)


def _write_ready(path: Path, ready: dict[str, int]) -> None:
    # Renamed into place, so that whoever waits for the file never reads half of it.
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(ready), encoding="utf-8")
    temporary.replace(path)
