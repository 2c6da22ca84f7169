"""The service's side of the link: what it hears, keeps, and still knows when it restarts alone."""

import asyncio
import gc
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from meshkit.authentication import DeniedSerials
from meshkit.clock import SystemClock
from meshkit.link import Link
from meshkit.membership import Membership, join, load
from tests.controlplane.harness import ORGANIZATION, Plane, running
from weftapi.controlplane.v1 import enrollment_pb2, enrollments_pb2
from weftapi.options.v1 import options_pb2

PATIENCE_S = 20.0


class Listener:
    """A member that remembers what it hears."""

    def __init__(self) -> None:
        self.heard: dict[str, enrollment_pb2.LinkResponse] = {}
        self._changed = asyncio.Event()

    def hello(self) -> enrollment_pb2.LinkHello:
        return enrollment_pb2.LinkHello(version="1", mesh_endpoint="mesh:1")

    async def health(self) -> enrollment_pb2.LinkHealth:
        return enrollment_pb2.LinkHealth()

    async def hear(self, message: enrollment_pb2.LinkResponse) -> None:
        self.heard[message.WhichOneof("message")] = message
        self._changed.set()

    async def has(self, holds) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def linked(membership: Membership, member: Listener, denied: DeniedSerials):
    link = Link(membership, member, denied_serials=denied, clock=SystemClock())
    task = asyncio.create_task(link.run())
    try:
        yield link
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def enrollment_token(plane: Plane, admin, role: int) -> str:
    enrollment = enrollments_pb2.Enrollment(
        role=role, workspaces=[f"{ORGANIZATION}/workspaces/w"], host_names=["localhost"]
    )
    request = enrollments_pb2.CreateEnrollmentRequest(parent=ORGANIZATION, enrollment=enrollment)
    return (await admin.workspaces.CreateEnrollment(request)).token


async def test_who_restarts_while_the_control_plane_is_away_still_knows_its_peers(
    tmp_path: Path, sqlite_url: str
) -> None:
    directory = tmp_path / "member"
    async with running(tmp_path / "plane", sqlite_url) as plane:
        admin = await plane.set_up()
        await plane.new_workspace(admin, "w")
        manager = await plane.enroll(admin, options_pb2.PEER_ROLE_WORKLOAD_MANAGER, "w")
        await plane.link(manager)
        token = await enrollment_token(plane, admin, options_pb2.PEER_ROLE_WORKSPACE)
        endpoint = f"localhost:{plane.server.ports.edge}"
        membership = await join(directory, endpoint=endpoint, token=token)
        first = Listener()
        async with linked(membership, first, DeniedSerials()):
            await first.has(lambda: _peers(first) == [str(manager.identity)])
    alone, denied = Listener(), DeniedSerials()
    async with linked(load(directory), alone, denied) as link:
        await alone.has(lambda: _peers(alone) == [str(manager.identity)])
        assert not link.is_connected


async def test_a_link_that_was_lost_leaves_nothing_behind(tmp_path: Path, sqlite_url: str) -> None:
    said: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: said.append(context["message"]))
    async with AsyncExitStack() as stack:
        async with running(tmp_path / "plane", sqlite_url) as plane:
            admin = await plane.set_up()
            await plane.new_workspace(admin, "w")
            token = await enrollment_token(plane, admin, options_pb2.PEER_ROLE_WORKSPACE)
            endpoint = f"localhost:{plane.server.ports.edge}"
            membership = await join(tmp_path / "member", endpoint=endpoint, token=token)
            member = Listener()
            link = await stack.enter_async_context(linked(membership, member, DeniedSerials()))
            await member.has(lambda: "directory" in member.heard)
        async with asyncio.timeout(PATIENCE_S):
            while link.is_connected:  # noqa: ASYNC110  # there is no event
                await asyncio.sleep(0.01)
    gc.collect()  # a task that waits for nobody says so when it is collected
    assert said == []


def _peers(listener: Listener) -> list[str]:
    message = listener.heard.get("directory")
    return [peer.spiffe_id for peer in message.directory.peers] if message else []
