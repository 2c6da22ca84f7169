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
_EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h
_EXIT_FORCED = 130
# Calls free what they make by counting references. At Python's own thresholds the search for
# cycles takes a quarter of a busy server's time; `bench/` shows it.
_COLLECT_AFTER = (50_000, 20, 50)


class Server(Protocol):
    """What runs as a process; `start` answers a dataclass of the bound ports."""

    async def start(self) -> Any: ...

    async def stop(self) -> None: ...


def run_service(
    settings: type[S], build: Callable[[S], Awaitable[Server]], *, service: str
) -> NoReturn:
    """Loads the settings, builds the server and serves until told to stop; exits.

    SIGTERM or SIGINT drains and exits 0; a second one exits at once. Settings that are not
    valid are printed and exit 78.
    """
    if meshkit.GRPC_CAME_FIRST:
        raise RuntimeError("import meshkit before grpc, or TLS 1.2 would be accepted")
    try:
        loaded = settings.load()
    except ConfigError as error:
        sys.stderr.write(f"{service}: {error}\n")
        sys.exit(_EXIT_CONFIG)
    configure_logging(loaded.log_level)
    try:
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
