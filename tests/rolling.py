"""Replicas behind Services, replaced one after the other as Kubernetes does it."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests import rpc_coverage

ROOT = Path(__file__).parents[1]
_STARTED_S = 60.0
_ENDED_S = 40.0


@dataclass(eq=False)
class Listed:
    """A replica that a Service lists, or has listed; another may get its port later."""

    port: int
    # How many connections it was given.
    given: int = 0


class Service:
    """A Service of Kubernetes: each new connection goes to the next replica that it lists.

    Connections that are open stay where they are, also when their replica is taken off the list.
    """

    def __init__(self) -> None:
        # All that ever were, in their order.
        self.replicas: list[Listed] = []
        self._listed: list[Listed] = []
        self._turn = 0
        self._server: asyncio.Server | None = None
        self._pipes: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    def add(self, port: int) -> None:
        """Lists a replica, which is given the next connection."""
        self.replicas.append(Listed(port))
        self._listed.append(self.replicas[-1])
        self._turn = len(self._listed) - 1

    def remove(self, port: int) -> None:
        self._listed = [replica for replica in self._listed if replica.port != port]

    async def open(self) -> int:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        assert self._server
        self._server.close()
        for pipe in self._pipes:
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
        # Sockets are closed in the loop's next turn, which may be none.
        await asyncio.sleep(0)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        replica = self._listed[self._turn % len(self._listed)]
        self._turn += 1
        replica.given += 1
        task = asyncio.current_task()
        assert task
        self._pipes.add(task)
        self._writers.add(writer)
        try:
            back, forth = await asyncio.open_connection("127.0.0.1", replica.port)
            self._writers.add(forth)
            await asyncio.gather(_pipe(reader, forth), _pipe(back, writer))
        except OSError:
            writer.close()
        finally:
            self._pipes.discard(task)


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carries what one side says to the other, until one of them hangs up."""
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


@dataclass(frozen=True)
class Program:
    """A server as its container starts it, on free ports; `ports` names its listeners."""

    process: Process
    ports: Mapping[str, int]
    log: Path

    @classmethod
    async def start(cls, module: str, directory: Path, **settings: object) -> Self:
        """`python -m MODULE`, once it is ready; what it says is kept in the directory."""
        await asyncio.to_thread(directory.mkdir)
        ready, log = directory / "ready.json", directory / "log"
        addresses = dict.fromkeys(("edge", "mesh", "health", "metrics"), "127.0.0.1:0")
        settings = {f"{name}_address": it for name, it in addresses.items()} | settings
        prefix = f"WEFT_{module.upper()}_"
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("WEFT_")},
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "generated"))),
            **{f"{prefix}{name.upper()}": str(value) for name, value in settings.items()},
            f"{prefix}READY_FILE": str(ready),
        }
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", module),
                env=environment,
                stdin=DEVNULL,
                stdout=output,
                stderr=STDOUT,
                cwd=ROOT,
            )
        async with asyncio.timeout(_STARTED_S):
            while not ready.exists():
                assert process.returncode is None, log.read_text()
                await asyncio.sleep(0.02)
        return cls(process, json.loads(ready.read_text()), log)

    async def end(self) -> None:
        """SIGTERM, and an orderly end."""
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(_ENDED_S):
            assert await self.process.wait() == 0, self.log.read_text()

    async def kill(self) -> None:
        """Leaves nothing behind, however the test went."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        rpc_coverage.note_log(self.log)


class Rollout:
    """The replicas of a server, and a Service for each of its listeners that are dialled."""

    def __init__(self, start: Callable[[], Awaitable[Program]], *listeners: str) -> None:
        self._start = start
        self.services = {listener: Service() for listener in listeners}
        self.ports: dict[str, int] = {}
        self._replicas: list[Program] = []
        self._ended: list[Program] = []

    async def __aenter__(self) -> Self:
        self.ports = {name: await service.open() for name, service in self.services.items()}
        return self

    async def __aexit__(self, *_: object) -> None:
        for service in self.services.values():
            await service.close()
        for program in (*self._replicas, *self._ended):
            await program.kill()

    async def add(self) -> None:
        """One more replica."""
        self._replicas.append(await self._start())
        self._list(self._replicas[-1])

    async def replace(self, number: int) -> None:
        """What Kubernetes does with a pod: off the list, SIGTERM, its end, a new one, on it."""
        old = self._replicas[number]
        for listener, service in self.services.items():
            service.remove(old.ports[listener])
        await old.end()
        self._ended.append(old)
        self._replicas[number] = await self._start()
        self._list(self._replicas[number])

    def _list(self, program: Program) -> None:
        for listener, service in self.services.items():
            service.add(program.ports[listener])
