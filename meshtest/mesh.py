"""A control plane and a workspace in this process: real gRPC, real TLS, SQLite files, port 0."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import argon2
import grpc

import controlplane.server
from controlplane.config import Settings
from controlplane.identity.passwords import Passwords
from meshkit.clock import SystemClock
from meshkit.credentials import Credentials
from meshkit.membership import Membership, join
from meshtest.clock import MovedClock
from meshtest.managers import Managers
from weftapi.controlplane.v1 import (
    auth_pb2,
    auth_pb2_grpc,
    enrollments_pb2,
    users_pb2,
    users_pb2_grpc,
    workspaces_pb2,
    workspaces_pb2_grpc,
)
from weftapi.options.v1 import options_pb2
from workspace.config import WorkspaceSettings
from workspace.server import Workspace, compose

ORGANIZATION = "organizations/default"
WORKSPACE = f"{ORGANIZATION}/workspaces/test"
# Time is moved by hand, and what would follow from it beside the schedules is not meant.
_NOT_BY_ITSELF = frozenset({"schedules", "reaper", "retention", "old_logs"})
_CALL_S = 60.0
_LINK_S = 60.0
_ACCOUNT = {"email": "test@example.com", "password": "only a test knows it"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a client finds the mesh, and a token of its administrator."""

    control_plane: str
    workspace: str
    ca_pem: str
    personal_access_token: str
    organization: str = ORGANIZATION
    workspace_name: str = WORKSPACE


class Mesh:
    """Both servers; `async with` serves them.

    Its workload manager is a fake one, which takes workloads and runs none, until a cluster comes.

    Attributes:
        manager_token: With it, one more workload manager may join the mesh.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._closing = AsyncExitStack()
        self.clock = MovedClock()
        self.managers = Managers()
        self.manager_token: str
        self.credentials: Credentials
        self.workspace: Workspace
        self.place: Place

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await self._start(stack)
            self._closing = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._closing.aclose()

    async def _start(self, stack: AsyncExitStack) -> None:
        plane = await self._control_plane(stack)
        edge = f"localhost:{plane.ports.edge}"
        data = self._directory / "controlplane"
        trust = (data / "ca.pem").read_bytes()
        channel = grpc.aio.secure_channel(edge, grpc.ssl_channel_credentials(trust))
        async with channel:
            token = await _administrator(channel, (data / "setup-token").read_text().strip())
            await _register(channel, token)
            enrollment = await _enrollment(channel, token, options_pb2.PEER_ROLE_WORKSPACE)
            self.manager_token = await _enrollment(
                channel, token, options_pb2.PEER_ROLE_WORKLOAD_MANAGER
            )
            key = await _personal_token(channel, token)
        home = self._directory / "workspace" / "credentials"
        member = await join(home, endpoint=edge, token=enrollment)
        self.credentials = member.credentials
        port = await self._serve(stack, member)
        self.place = Place(edge, f"localhost:{port}", trust.decode(), key)

    async def _control_plane(self, stack: AsyncExitStack) -> Any:
        settings = Settings(
            data_dir=self._directory / "controlplane",
            database_url=f"sqlite:///{self._directory / 'controlplane.db'}",
            sign_in_per_minute=10_000,
            drain_s=1.0,
            **addresses(),
        )
        # The real algorithm with the least work: there is nothing here to be kept secret.
        hasher = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        server = await controlplane.server.build(settings, passwords=Passwords(hasher=hasher))
        await server.start()
        stack.push_async_callback(server.stop)
        return server

    async def _serve(self, stack: AsyncExitStack, membership: Membership) -> int:
        data = self._directory / "workspace"
        settings = WorkspaceSettings(
            data_dir=data,
            database_url=f"sqlite:///{data / 'workspace.db'}",
            rate_per_second=1e6,
            rate_burst=10**6,
            drain_s=1.0,
            **addresses(),
        )
        built = await compose(
            settings,
            membership,
            clock=self.clock,
            trust_clock=SystemClock(),
            managers=self.managers,
            is_linked=True,
        )
        built.jobs = [job for job in built.jobs if job.name not in _NOT_BY_ITSELF]
        self.workspace = built
        ports = await built.start()
        stack.push_async_callback(built.stop)
        link = built.link
        await _until(lambda: link is not None and link.is_connected)
        return ports.edge


def addresses() -> dict[str, Any]:
    """Settings with which a server listens on free ports."""
    kinds = ("edge", "mesh", "health", "metrics")
    return {f"{kind}_address": "127.0.0.1:0" for kind in kinds}


async def _administrator(channel: grpc.aio.Channel, setup_token: str) -> str:
    stub = auth_pb2_grpc.AuthServiceStub(channel)
    request = auth_pb2.CreateFirstAdministratorRequest(
        setup_token=setup_token,
        display_name="Test",
        email=_ACCOUNT["email"],
        password=_ACCOUNT["password"],
    )
    tokens = await stub.CreateFirstAdministrator(request, timeout=_CALL_S)
    return str(tokens.access_token)


async def _register(channel: grpc.aio.Channel, token: str) -> None:
    stub = workspaces_pb2_grpc.WorkspaceServiceStub(channel)
    request = workspaces_pb2.RegisterWorkspaceRequest(
        parent=ORGANIZATION, workspace_id=WORKSPACE.rpartition("/")[2]
    )
    await _call(stub.RegisterWorkspace, request, token)


async def _enrollment(channel: grpc.aio.Channel, token: str, role: Any) -> str:
    """A one-time token with which a service may join."""
    stub = workspaces_pb2_grpc.WorkspaceServiceStub(channel)
    request = enrollments_pb2.CreateEnrollmentRequest(parent=ORGANIZATION)
    request.enrollment.role = role
    request.enrollment.workspaces.append(WORKSPACE)
    request.enrollment.host_names.extend(["localhost", "127.0.0.1"])
    return str((await _call(stub.CreateEnrollment, request, token)).token)


async def _personal_token(channel: grpc.aio.Channel, token: str) -> str:
    stub = users_pb2_grpc.UserServiceStub(channel)
    request = users_pb2.CreatePersonalAccessTokenRequest(parent="users/me")
    request.personal_access_token.display_name = "tests"
    created = await _call(stub.CreatePersonalAccessToken, request, token)
    return str(created.secret)


async def _call(method: Callable[..., Any], request: Any, token: str) -> Any:
    metadata = (("authorization", f"Bearer {token}"),)
    return await method(request, metadata=metadata, timeout=_CALL_S)


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(_LINK_S):
        while not holds():  # noqa: ASYNC110 - a link tells nobody that it stands
            await asyncio.sleep(0.005)
