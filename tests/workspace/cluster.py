"""Three whole workspace servers on one PostgreSQL, and clients that go on at another one."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Self, TypeVar
from uuid import uuid4

import grpc

from meshkit.spiffe import Role, SpiffeId
from tests.forks import forks
from tests.workspace import killed_replicas
from tests.workspace.harness import ADMIN, DOMAIN, TestMesh
from tests.workspace.killed_replicas import Place
from weftapi.workspace.v1 import events_pb2, events_pb2_grpc

T = TypeVar("T")

# Ends the connections on which replicas listen: that is what they last did there, or announce.
CUT_LISTENERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND query ~* '^(LISTEN|SELECT pg_notify)'
"""

_STARTED_S = 30.0
# Longer than anything takes that has not broken: who hears nothing goes elsewhere.
_SILENCE_S = 8.0
# What a client hears of a server that dies, hangs, drains, or has lost its database.
_BROKEN = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
}


def is_broken(error: BaseException) -> bool:
    """Whether a client should go elsewhere."""
    if isinstance(error, grpc.aio.AioRpcError):
        return error.code() in _BROKEN
    return isinstance(error, TimeoutError | EOFError | asyncio.InvalidStateError)


def shared_place(directory: Path, url: str, mesh: TestMesh, **settings: Any) -> tuple[Place, str]:
    """What replicas of one workspace share, and a token of its administrator."""
    identity = SpiffeId(DOMAIN, Role.WORKSPACE, uuid4(), uuid4())
    place = Place(
        directory,
        url,
        mesh.membership(identity).credentials.directory,
        str(mesh.control_plane),
        mesh.key_set().SerializeToString(),
        {"rate_per_second": 1e6, "rate_burst": 1e6, "launch_interval_s": 1.0, **settings},
    )
    (directory / "data").mkdir()
    place.workloads.mkdir()
    place.clock.write_text("0")
    return place, mesh.token(ADMIN, str(identity.uid), lifetime=timedelta(days=2))


@dataclass
class Replica:
    """One server process."""

    process: Any
    port: int
    channel: grpc.aio.Channel

    def signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    async def end(self) -> None:
        """SIGKILL; the channel stays, for those who do not know yet."""
        self.process.kill()
        await asyncio.to_thread(self.process.join)


class Cluster:
    """The replicas; `async with` ends what is left of them."""

    def __init__(self, place: Place, *, ca_pem: bytes, token: str, count: int = 3) -> None:
        self.place = place
        self._credentials = grpc.composite_channel_credentials(
            grpc.ssl_channel_credentials(ca_pem), grpc.access_token_call_credentials(token)
        )
        self.replicas: list[Replica] = []
        self._channels: list[grpc.aio.Channel] = []
        self._count = count
        # How many calls ended without an answer.
        self.unknown = 0

    async def __aenter__(self) -> Self:
        self.replicas = list(await asyncio.gather(*(self._start() for _ in range(self._count))))
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(replica.end() for replica in self.replicas))
        await asyncio.gather(*(channel.close() for channel in self._channels))

    async def kill(self, number: int) -> None:
        """SIGKILL; another process takes its place, on another port."""
        await self.replicas[number].end()
        await self.start(number)

    async def start(self, number: int) -> None:
        """Puts a new process in the place of one that has ended."""
        self.replicas[number] = await self._start()

    async def pause(self, number: int, seconds: float) -> None:
        """SIGSTOP and, once everybody believes it dead, SIGCONT."""
        self.replicas[number].signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        self.replicas[number].signal(signal.SIGCONT)

    async def anywhere(self, first: int, work: Callable[[grpc.aio.Channel], Awaitable[T]]) -> T:
        """Does something at one replica after another until one answers."""
        turn = first
        while True:
            replica = self.replicas[turn % self._count]
            turn += 1
            try:
                async with asyncio.timeout(_SILENCE_S):
                    return await work(replica.channel)
            except Exception as error:
                if not is_broken(error):
                    raise
                self.unknown += 1
            await asyncio.sleep(0.05)

    async def call(self, first: int, stub: Any, method: str, request: Any) -> Any:
        """A unary call that is safe to repeat."""
        return await self.anywhere(
            first, lambda channel: getattr(stub(channel), method)(request, timeout=_SILENCE_S)
        )

    async def _start(self) -> Replica:
        hearing, telling = forks.Pipe(duplex=False)
        process = forks.Process(target=killed_replicas.serve, args=(self.place, telling))
        process.start()
        telling.close()
        with hearing:
            is_there = await asyncio.to_thread(hearing.poll, _STARTED_S)
            assert is_there, "a replica does not start"
            try:
                _, port = hearing.recv()
            except EOFError:
                log = self.place.log(process.pid)
                words = log.read_text() if log.exists() else "not a word"
                raise AssertionError(f"a replica ended early, and said:\n{words}") from None
        options = [("grpc.use_local_subchannel_pool", 1)]
        channel = grpc.aio.secure_channel(f"localhost:{port}", self._credentials, options)
        self._channels.append(channel)
        return Replica(process, port, channel)


class Watcher:
    """Watches a project, at one replica after another, as S11, S12, S18 and S30 say it is done."""

    def __init__(self, cluster: Cluster, number: int, revision: int) -> None:
        self._cluster = cluster
        self._number = number
        self._changed = asyncio.Event()
        self.revision = revision
        self.openings = 0
        self.events: list[events_pb2.Event] = []
        self._task = asyncio.create_task(self._work())

    async def reach(self, revision: int) -> None:
        while self.revision < revision:
            if self._task.done():
                self._task.result()
            self._changed.clear()
            waiting = asyncio.create_task(self._changed.wait())
            await asyncio.wait({waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            replica = self._cluster.replicas[self._number % 3]
            self._number += 1
            try:
                await self._watch(replica.channel)
            except Exception as error:
                if not is_broken(error):
                    raise
            await asyncio.sleep(0.05)

    async def _watch(self, channel: grpc.aio.Channel) -> None:
        request = events_pb2.WatchEventsRequest(
            parent="projects/demo", after_revision=self.revision
        )
        call = events_pb2_grpc.EventServiceStub(channel).WatchEvents(request)
        self.openings += 1
        try:
            while True:
                async with asyncio.timeout(_SILENCE_S):
                    message = await call.read()
                if message is grpc.aio.EOF:
                    if await call.code() is not grpc.StatusCode.OK:
                        raise grpc.aio.AioRpcError(
                            await call.code(),
                            await call.initial_metadata(),
                            await call.trailing_metadata(),
                            await call.details(),
                        )
                    return
                self._take(message)
        finally:
            call.cancel()

    def _take(self, message: events_pb2.WatchResponse) -> None:
        seen = (self.events[-1].revision, self.events[-1].index) if self.events else (0, -1)
        self.events += [e for e in message.events if (e.revision, e.index) > seen]
        if not message.more_in_revision:
            self.revision = max(self.revision, message.revision)
        self._changed.set()
