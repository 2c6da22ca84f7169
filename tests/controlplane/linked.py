"""A control plane and a workspace with clocks of their own, and a cable between them to cut.

async with together(tmp_path, database_url) as world:
    token = await world.token_for(person)
    await world.cut()
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import grpc

from meshkit.membership import join
from tests.controlplane.client import Bearer
from tests.controlplane.harness import (
    ORGANIZATION,
    WORKSPACE,
    Client,
    ManualClock,
    Plane,
    reason_of,
    running,
)
from tests.workspace.fakes import FakeManager
from weftapi.controlplane.v1 import auth_pb2, enrollments_pb2
from weftapi.workspace.v1 import projects_pb2, projects_pb2_grpc
from workspace.config import WorkspaceSettings
from workspace.server import Workspace, compose

W1 = f"{ORGANIZATION}/workspaces/w1"
PATIENCE_S = 60.0
OK = ""
# The clocks move by hours: nothing else is to notice.
_CALM = {"reaper_interval_s": 3600.0, "upkeep_interval_s": 3600.0}


class Cable:
    """Carries connections to a port, until it is cut."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._open: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Ends what is open, and takes no more."""
        if self._server:
            self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._open.add(task)
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        # Cancelled by the cut: an end like any other for the streams.
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await asyncio.wait(
                [
                    asyncio.create_task(_pump(reader, back)),
                    asyncio.create_task(_pump(there, writer)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )
        for each in (writer, back):
            each.transport.abort()
        self._open.discard(task)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while some := await reader.read(1 << 16):
            writer.write(some)
            await writer.drain()


@dataclass
class World:
    """Both servers, what lies between them, and people at the workspace."""

    plane: Plane
    admin: Client
    workspace: Workspace
    clock: ManualClock
    cable: Cable
    edge: int
    _stack: AsyncExitStack = field(repr=False)

    def advance(self, **span: float) -> None:
        """Time passes for both."""
        self.clock.advance(**span)
        self.plane.clock.advance(**span)

    async def cut(self) -> None:
        await self.cable.cut()
        await until(lambda: not self.is_linked)

    @property
    def is_linked(self) -> bool:
        assert self.workspace.link
        return self.workspace.link.is_connected

    async def visitor(self, person: Client) -> "Visitor":
        """Somebody with a fresh token for the workspace."""
        request = auth_pb2.MintWorkspaceTokenRequest(workspace=W1)
        return await self.visitor_with((await person.auth.MintWorkspaceToken(request)).access_token)

    async def visitor_with(self, token: str) -> "Visitor":
        channel = grpc.aio.secure_channel(
            f"localhost:{self.edge}",
            grpc.ssl_channel_credentials(self.plane.trust),
            [("grpc.use_local_subchannel_pool", 1)],
            interceptors=[Bearer(token)],
        )
        return Visitor(await self._stack.enter_async_context(channel))


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody at the workspace."""

    channel: grpc.aio.Channel

    async def hears(self) -> str:
        """The reason why they may not list projects; empty where they may."""
        stub = projects_pb2_grpc.ProjectServiceStub(self.channel)
        try:
            await stub.ListProjects(projects_pb2.ListProjectsRequest())
        except grpc.aio.AioRpcError as error:
            return reason_of(error)
        return OK

    async def let_in(self) -> Self:
        """Waits until the workspace has heard of them."""
        async with asyncio.timeout(PATIENCE_S):
            while await self.hears() != OK:  # noqa: ASYNC110 - as a client would
                await asyncio.sleep(0.01)
        return self


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - servers tell nobody of their links
            await asyncio.sleep(0.01)


@asynccontextmanager
async def together(directory: Path, database_url: str, **settings: Any) -> AsyncIterator[World]:
    """Both until the block ends; `settings` are the control plane's."""
    async with AsyncExitStack() as stack:
        plane = await stack.enter_async_context(
            running(directory / "plane", database_url, workspace_token_s=24 * 3600, **settings)
        )
        admin = await plane.set_up()
        await plane.new_workspace(admin, "w1")
        cable, clock = Cable(plane.server.ports.mesh), ManualClock()
        await cable.mend()
        _call(stack, cable.cut)
        workspace = await linked_workspace(
            admin, plane.server.ports.edge, cable.port, clock, directory / "workspace"
        )
        edge = (await workspace.start()).edge
        _call(stack, workspace.stop)
        world = World(plane, admin, workspace, clock, cable, edge, stack)
        await until(lambda: world.is_linked)
        yield world


def _call(stack: AsyncExitStack, close: Callable[[], Awaitable[None]]) -> None:
    stack.push_async_callback(close)


async def linked_workspace(
    admin: Client, edge: int, mesh: int, clock: ManualClock, directory: Path
) -> Workspace:
    """A server of w1 that joins, and links, at these ports once it is started."""
    enrollment = enrollments_pb2.Enrollment(
        role=WORKSPACE, workspaces=[W1], host_names=["localhost"]
    )
    request = enrollments_pb2.CreateEnrollmentRequest(parent=ORGANIZATION, enrollment=enrollment)
    token = (await admin.workspaces.CreateEnrollment(request)).token
    membership = await join(directory / "credentials", endpoint=f"localhost:{edge}", token=token)
    addresses = ("edge_address", "mesh_address", "health_address", "metrics_address")
    settings = WorkspaceSettings(
        data_dir=directory,
        database_url=f"sqlite:///{directory / 'workspace.db'}",
        **dict.fromkeys(addresses, "127.0.0.1:0"),
        **_CALM,
        drain_s=1.0,
    )
    return await compose(
        settings,
        replace(membership, mesh_endpoint=f"127.0.0.1:{mesh}"),
        clock=clock,
        managers=FakeManager(),
        is_linked=True,
    )
