"""(l) Many workspaces come back after their control plane was killed and started again.

Three hundred; a thousand with `--large`, whose joining alone takes some minutes.

The links are those that services use, with their own certificates and their own jitter, all in
this process. Ours: from the start of the new process until every workspace is ACTIVE again. The
limit: as many mutual TLS connections to it, opened all at once by clients without any patience.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import grpc
import structlog

from bench.control_plane import ORGANIZATION, ControlPlane
from bench.figures import Figure, stay_below
from bench.load import Options
from bench.run import main
from bench.site import Site
from meshkit import membership
from meshkit.authentication import DeniedSerials
from meshkit.clock import SystemClock
from meshkit.link import Link
from meshkit.membership import Membership
from weftapi.controlplane.v1 import (
    enrollment_pb2,
    enrollments_pb2,
    workspace_types_pb2,
    workspaces_pb2,
    workspaces_pb2_grpc,
)
from weftapi.options.v1 import options_pb2

_AT_ONCE = 16
_LOOK_S = 0.2
_PATIENCE_S = 300.0


class _Workspace:
    """What a workspace would say on its link, and would do with what it hears: nothing."""

    def __init__(self, number: int) -> None:
        self._number = number

    def hello(self) -> enrollment_pb2.LinkHello:
        endpoint = f"workspace-{self._number}:7790"
        return enrollment_pb2.LinkHello(version="0.1.0", edge_endpoint=endpoint)

    async def health(self) -> enrollment_pb2.LinkHealth:
        check = workspace_types_pb2.HealthCheck(name="database", healthy=True)
        usage = workspace_types_pb2.WorkspaceUsage(run_count=self._number)
        return enrollment_pb2.LinkHealth(checks=[check], usage=usage)

    async def hear(self, message: enrollment_pb2.LinkResponse) -> None:
        """Policies and keys are for those who decide on them."""


class _Fleet:
    """A control plane's directory, and the workspaces that joined it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.control_plane = ControlPlane(directory)
        self.members: list[Membership] = []

    @asynccontextmanager
    async def registry(self) -> AsyncIterator[workspaces_pb2_grpc.WorkspaceServiceStub]:
        """The registry as the administrator calls it."""
        async with self.control_plane.channel() as channel:
            yield workspaces_pb2_grpc.WorkspaceServiceStub(channel)

    async def grow(self, registry: workspaces_pb2_grpc.WorkspaceServiceStub, count: int) -> None:
        """Registers workspaces and has them join, some at a time."""
        gate = asyncio.Semaphore(_AT_ONCE)

        async def add(number: int) -> Membership:
            async with gate:
                return await self._add(registry, number)

        self.members = await asyncio.gather(*(add(number) for number in range(count)))

    async def _add(
        self, registry: workspaces_pb2_grpc.WorkspaceServiceStub, number: int
    ) -> Membership:
        id_ = f"w{number}"
        register = workspaces_pb2.RegisterWorkspaceRequest(parent=ORGANIZATION, workspace_id=id_)
        made = await registry.RegisterWorkspace(register, metadata=self.control_plane.metadata)
        request = enrollments_pb2.CreateEnrollmentRequest(parent=ORGANIZATION)
        request.enrollment.role = options_pb2.PEER_ROLE_WORKSPACE
        request.enrollment.workspaces.append(made.name)
        created = await registry.CreateEnrollment(request, metadata=self.control_plane.metadata)
        endpoint = f"localhost:{self.control_plane.ports['edge']}"
        directory = self._directory / "members" / id_
        return await membership.join(directory, endpoint=endpoint, token=created.token)

    async def all_active(self, registry: workspaces_pb2_grpc.WorkspaceServiceStub) -> None:
        """Waits until every workspace is linked and healthy."""
        deadline = time.monotonic() + _PATIENCE_S
        while (active := await self._active(registry)) < len(self.members):
            if time.monotonic() > deadline:
                raise RuntimeError(f"only {active} of {len(self.members)} came back")
            await asyncio.sleep(_LOOK_S)

    async def _active(self, registry: workspaces_pb2_grpc.WorkspaceServiceStub) -> int:
        request = workspaces_pb2.ListWorkspacesRequest(parent=ORGANIZATION, page_size=500)
        active = 0
        while True:
            page = await registry.ListWorkspaces(request, metadata=self.control_plane.metadata)
            states = [workspace.state for workspace in page.workspaces]
            active += states.count(workspace_types_pb2.WORKSPACE_STATE_ACTIVE)
            request.page_token = page.next_page_token
            if not request.page_token:
                return active

    async def handshakes(self) -> float:
        """Seconds for as many connections as there are members, all at once."""
        start = time.monotonic()
        await asyncio.gather(*(self._connect(member) for member in self.members))
        return time.monotonic() - start

    async def _connect(self, member: Membership) -> None:
        options = [
            ("grpc.ssl_target_name_override", member.control_plane.dns_name),
            ("grpc.use_local_subchannel_pool", 1),
        ]
        credentials = member.credentials.for_channel()
        target = f"127.0.0.1:{self.control_plane.ports['mesh']}"
        async with grpc.aio.secure_channel(target, credentials, options) as channel:
            await channel.channel_ready()


async def measure(site: Site, options: Options) -> list[Figure]:
    # Hundreds of links that say that they were lost would be all that one sees.
    quiet = structlog.make_filtering_bound_logger(logging.ERROR)
    structlog.configure(wrapper_class=quiet)
    count = 20 if options.quick else 1_000 if options.large else 300
    fleet = _Fleet(site.new_directory("fleet"))
    async with AsyncExitStack() as stack:
        async with fleet.control_plane.serving(), fleet.registry() as registry:
            await fleet.grow(registry, count)
            await stack.enter_async_context(_linked(fleet))
            await fleet.all_active(registry)
        start = time.monotonic()
        async with fleet.control_plane.serving(), fleet.registry() as registry:
            await fleet.all_active(registry)
            ours = time.monotonic() - start
            bare = await fleet.handshakes()
    name = f"{count} workspaces healthy again after a kill"
    return [Figure("l", name, "s", ours, bare, stay_below(60.0))]


@asynccontextmanager
async def _linked(fleet: _Fleet) -> AsyncIterator[None]:
    """Keeps the links of all members open, as services do."""
    links = [
        Link(member, _Workspace(number), denied_serials=DeniedSerials(), clock=SystemClock())
        for number, member in enumerate(fleet.members)
    ]
    tasks = [asyncio.create_task(link.run()) for link in links]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    main(measure)
