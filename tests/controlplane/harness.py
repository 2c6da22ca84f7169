"""A control plane inside the test's process: real gRPC, real TLS, real database, port 0.

    async with running(tmp_path, database_url) as plane:
        admin = await plane.set_up()
        await admin.access.ListRoles(...)

System tests use it too: `plane.enroll(...)` lets any service join the mesh.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import argon2
import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from controlplane.config import Settings
from controlplane.events import encode_event
from controlplane.identity.passwords import Passwords
from controlplane.server import build
from controlplane.store.schema import Base
from meshkit import certificates
from meshkit.clock import SystemClock
from meshkit.credentials import KeyPair
from meshkit.database import Database
from meshkit.server import MeshServer
from meshkit.spiffe import SpiffeId
from tests.controlplane.client import Bearer, Client
from tests.templates import CONTROL_PLANE
from weftapi.controlplane.v1 import (
    auth_pb2,
    enrollment_pb2,
    enrollments_pb2,
    users_pb2,
    workspace_types_pb2,
    workspaces_pb2,
)
from weftapi.options.v1 import options_pb2

ORGANIZATION = "organizations/default"
ADMIN_EMAIL = "ada@example.com"
PASSWORD = "correct horse battery"
WORKSPACE = options_pb2.PEER_ROLE_WORKSPACE
WORKLOAD_MANAGER = options_pb2.PEER_ROLE_WORKLOAD_MANAGER
GATEWAY = options_pb2.PEER_ROLE_GATEWAY


class ManualClock(SystemClock):
    """The machine's clock, moved by a test."""

    def __init__(self) -> None:
        self.offset = timedelta()
        self._wrong = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset + self._wrong

    def monotonic(self) -> float:
        return super().monotonic() + self.offset.total_seconds()

    def advance(self, **span: float) -> None:
        """Time passes."""
        self.offset += timedelta(**span)

    def step(self, **span: float) -> None:
        """The wall clock is set, forward or back, and no time passes."""
        self._wrong += timedelta(**span)


class LinkCall:
    """An open link, as a service sees it."""

    def __init__(self, call: Any) -> None:
        self.call = call

    async def health(self, **checks: str) -> None:
        """Says how the service is: each check is healthy unless it has a message."""
        health = enrollment_pb2.LinkHealth(
            checks=[
                workspace_types_pb2.HealthCheck(name=name, healthy=not message, message=message)
                for name, message in checks.items()
            ]
        )
        await self.call.write(enrollment_pb2.LinkRequest(health=health))

    async def report(self, **fields: Any) -> None:
        """Says how the service is, healthy, with other fields of LinkHealth."""
        checks = [workspace_types_pb2.HealthCheck(name="database", healthy=True)]
        health = enrollment_pb2.LinkHealth(checks=checks, **fields)
        await self.call.write(enrollment_pb2.LinkRequest(health=health))

    async def hear(self, kind: str) -> Any:
        """The next message of a kind; others are passed over."""
        async with asyncio.timeout(20):
            while True:
                message = await self.call.read()
                if message is grpc.aio.EOF:
                    raise AssertionError(f"the link ended: {await self.call.code()}")
                if message.WhichOneof("message") == kind:
                    return getattr(message, kind)

    async def ended(self) -> tuple[str, str]:
        """Code and reason with which the link ends."""
        async with asyncio.timeout(20):
            try:
                while await self.call.read() is not grpc.aio.EOF:
                    pass
                code = await self.call.code()
            except grpc.aio.AioRpcError as error:
                return error.code().name, reason_of(error)
        return code.name, ""


@dataclass
class Member:
    """A service that joined: its identity, key and certificate."""

    identity: SpiffeId
    pair: KeyPair
    enrollment: enrollments_pb2.Enrollment
    answer: enrollment_pb2.EnrollResponse


@dataclass
class Plane:
    """A running control plane."""

    server: MeshServer
    settings: Settings
    clock: ManualClock
    _stack: AsyncExitStack = field(repr=False)

    @property
    def trust(self) -> bytes:
        return (self.settings.data_dir / "ca.pem").read_bytes()

    @property
    def identity(self) -> SpiffeId:
        chain = (self.settings.credentials_dir / "chain.pem").read_bytes()
        return certificates.read_peer(chain).identity

    @property
    def setup_token(self) -> str:
        return (self.settings.data_dir / "setup-token").read_text()

    async def database(self) -> Database:
        """A second door to the same database: for looking behind, and for what no RPC does."""
        database = await Database.open(
            self.settings.database,
            metadata=Base.metadata,
            encode_event=encode_event,
            clock=self.clock,
        )
        return await self._stack.enter_async_context(database)

    async def edge(self, token: str = "") -> Client:
        """A client on the edge listener; with a token, signed in."""
        bearer = Bearer(token)
        channel = grpc.aio.secure_channel(
            f"localhost:{self.server.ports.edge}",
            grpc.ssl_channel_credentials(self.trust),
            [("grpc.use_local_subchannel_pool", 1)],
            interceptors=[bearer],
        )
        client = Client(await self._stack.enter_async_context(channel))
        client.bearer = bearer
        return client

    async def connected(self) -> Client:
        """A client whose connection stands: for tests that go days ahead.

        By then the server renews its certificate, which our own clock takes to be of the future.
        """
        client = await self.edge()
        await client.channel.channel_ready()
        return client

    async def mesh(self, pair: KeyPair, token: str = "") -> Client:
        """A client on the mesh listener; a gateway may forward a token."""
        channel = grpc.aio.secure_channel(
            f"127.0.0.1:{self.server.ports.mesh}",
            grpc.ssl_channel_credentials(self.trust, pair.key, pair.chain),
            [
                ("grpc.ssl_target_name_override", self.identity.dns_name),
                ("grpc.use_local_subchannel_pool", 1),
            ],
            interceptors=[Bearer(token)] if token else [],
        )
        return Client(await self._stack.enter_async_context(channel))

    async def link(self, member: "Member", port: int = 1) -> LinkCall:
        """Opens a service's link and says hello."""
        client = await self.mesh(member.pair)
        call = client.enrollment.Link()
        hello = enrollment_pb2.LinkHello(
            version="0.1.0", edge_endpoint=f"edge:{port}", mesh_endpoint=f"mesh:{port}"
        )
        await call.write(enrollment_pb2.LinkRequest(hello=hello))
        return LinkCall(call)

    async def as_user(self, tokens: auth_pb2.TokenSet) -> Client:
        client = await self.edge(tokens.access_token)
        client.tokens = tokens
        return client

    async def set_up(self, *, password: str = PASSWORD) -> Client:
        """Makes the first administrator and answers a client signed in as them."""
        anyone = await self.edge()
        return await self.as_user(
            await anyone.auth.CreateFirstAdministrator(
                auth_pb2.CreateFirstAdministratorRequest(
                    setup_token=self.setup_token,
                    email=ADMIN_EMAIL,
                    display_name="Ada",
                    password=password,
                )
            )
        )

    async def sign_in(self, email: str = ADMIN_EMAIL, password: str = PASSWORD) -> Client:
        anyone = await self.edge()
        request = auth_pb2.SignInRequest(email=email, password=password)
        return await self.as_user(await anyone.auth.SignIn(request))

    async def sign_in_over(self, client: Client) -> None:
        """Signs the administrator in over a connection that stands."""
        request = auth_pb2.SignInRequest(email=ADMIN_EMAIL, password=PASSWORD)
        client.tokens = await client.auth.SignIn(request)
        client.bearer.token = client.tokens.access_token

    async def new_user(
        self, admin: Client, email: str, *, role: str = "", resource: str = ORGANIZATION
    ) -> Client:
        """An account with a password, signed in; with a role if one is named."""
        created = await admin.users.CreateUser(
            users_pb2.CreateUserRequest(organization=ORGANIZATION, user=users_pb2.User(email=email))
        )
        await admin.users.SetPassword(
            users_pb2.SetPasswordRequest(
                email=email, password_token=created.password_token, new_password=PASSWORD
            )
        )
        if role:
            await bind(admin, created.user.name, role, resource)
        return await self.sign_in(email)

    async def new_workspace(self, admin: Client, workspace: str) -> workspace_types_pb2.Workspace:
        return await admin.workspaces.RegisterWorkspace(
            workspaces_pb2.RegisterWorkspaceRequest(parent=ORGANIZATION, workspace_id=workspace)
        )

    async def enroll(
        self,
        admin: Client,
        role: int,
        *workspaces: str,
        host_names: tuple[str, ...] = ("localhost", "127.0.0.1"),
    ) -> Member:
        """Lets a service join that is, or serves, the workspaces of these ids; or all of them."""
        created = await admin.workspaces.CreateEnrollment(
            enrollments_pb2.CreateEnrollmentRequest(
                parent=ORGANIZATION,
                enrollment=enrollments_pb2.Enrollment(
                    role=role,
                    workspaces=[f"{ORGANIZATION}/workspaces/{id_}" for id_ in workspaces],
                    all_workspaces=not workspaces,
                    host_names=host_names,
                ),
            )
        )
        key = certificates.new_key()
        anyone = await self.edge()
        answer = await anyone.enrollment.Enroll(
            enrollment_pb2.EnrollRequest(
                token=created.token,
                certificate_request_pem=certificates.make_request(key).decode(),
            )
        )
        chain = answer.certificate.certificate_chain_pem.encode()
        pair = KeyPair(certificates.key_to_pem(key), chain)
        return Member(certificates.read_peer(chain).identity, pair, created.enrollment, answer)


async def bind(
    admin: Client, subject: str, role: str, resource: str, *, parent: str = ORGANIZATION
) -> Any:
    """Grants a role of an organization."""
    from weftapi.controlplane.v1 import access_pb2

    return await admin.access.CreateRoleBinding(
        access_pb2.CreateRoleBindingRequest(
            parent=parent,
            role_binding=access_pb2.RoleBinding(
                subject=subject, role=f"{parent}/roles/{role}", resource=resource
            ),
        )
    )


@asynccontextmanager
async def running(
    directory: Path, database_url: str = "", *, clock: ManualClock | None = None, **settings: Any
) -> AsyncIterator[Plane]:
    """A control plane until the block ends; the same directory and database continue it."""
    clock = clock or ManualClock()
    loaded = Settings(
        data_dir=directory / "controlplane",
        database_url=database_url,
        **{
            "edge_address": "127.0.0.1:0",
            "mesh_address": "127.0.0.1:0",
            "health_address": "127.0.0.1:0",
            "metrics_address": "127.0.0.1:0",
            "sign_in_per_minute": 10_000,
            "stream_sweep_s": 0.05,
            "drain_s": 1.0,
            **settings,
        },
    )
    CONTROL_PLANE.fill(loaded.database)
    # The real algorithm with the least work: tests hash hundreds of passwords.
    hasher = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    server = await build(loaded, clock=clock, passwords=Passwords(hasher=hasher))
    await server.start()
    try:
        async with AsyncExitStack() as stack:
            yield Plane(server, loaded, clock, stack)
    finally:
        await server.stop()


async def refused(call: Any) -> tuple[str, str]:
    """Code and reason with which a call is refused; fails where it is not."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return error.code().name, reason_of(error)
    raise AssertionError(f"the call was answered: {answer}")


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """The reason in an error's details."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type]
    assert status is not None
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    return info.reason
