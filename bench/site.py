"""A small mesh to measure: one CA, a signer of tokens, a policy, and servers as processes."""

import json
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any, TypeVar

import grpc

from bench.processes import Process, running
from meshkit import certificates
from meshkit.caller import CallerKind
from meshkit.clock import SystemClock
from meshkit.credentials import Credentials, KeyPair, write_files
from meshkit.spiffe import Role, SpiffeId
from meshkit.tokens import SigningKey, TokenSigner
from tests.postgres import Server as Postgres
from tests.postgres import binaries
from weftapi.common.v1 import types_pb2
from weftapi.controlplane.v1 import enrollment_pb2
from weftapi.options.v1 import options_pb2
from weftapi.workspace.v1 import (
    artifacts_pb2,
    events_pb2,
    logs_pb2,
    pipelines_pb2,
    projects_pb2,
    projects_pb2_grpc,
    reports_pb2,
    runs_pb2,
    server_pb2,
    snapshots_pb2,
    steps_pb2,
)

DOMAIN = "bench.mesh"
USER = f"users/{uuid.UUID(int=1)}"
PROJECT = "projects/bench"
_FILES = (
    artifacts_pb2,
    events_pb2,
    logs_pb2,
    pipelines_pb2,
    projects_pb2,
    reports_pb2,
    runs_pb2,
    server_pb2,
    snapshots_pb2,
    steps_pb2,
)
# Limits that would measure themselves: one principal makes all the load here.
_UNLIMITED = {
    "RATE_PER_SECOND": "1000000",
    "RATE_BURST": "1000000",
    "MAX_STREAMS": "20000",
    "MAX_STREAMS_PER_PRINCIPAL": "20000",
}
_ANY_PORTS = {
    f"{listener}_ADDRESS": "127.0.0.1:0" for listener in ("EDGE", "MESH", "HEALTH", "METRICS")
}

StubT = TypeVar("StubT")


@dataclass(slots=True)
class Server:
    """A running server, and channels to its mesh listener as the gateway has them."""

    process: Process
    identity: SpiffeId
    token: str
    _dialler: Credentials
    _stack: AsyncExitStack = field(repr=False)

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What goes with each call: the person's token; nothing to a bare server."""
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()

    async def channel(self) -> grpc.aio.Channel:
        """A connection of its own, closed with the site."""
        channel = grpc.aio.secure_channel(
            f"127.0.0.1:{self.process.ports['mesh']}",
            self._dialler.for_channel(),
            options=[
                ("grpc.ssl_target_name_override", self.identity.dns_name),
                ("grpc.use_local_subchannel_pool", 1),
            ],
        )
        return await self._stack.enter_async_context(channel)

    async def stub(self, cls: Any) -> Any:
        """A stub over a connection of its own."""
        return cls(await self.channel())


class Site:
    """Everything that belongs to one bench, in a directory that goes with it."""

    def __init__(self, directory: Path, stack: AsyncExitStack) -> None:
        self.directory = directory
        self._count = 0
        self._stack = stack
        self._authority = certificates.make_authority("bench CA", now=datetime.now(UTC))
        self.control_plane = SpiffeId(DOMAIN, Role.CONTROL_PLANE, uuid.uuid4())
        key = SigningKey.generate()
        self._signer = TokenSigner(str(self.control_plane), key, clock=SystemClock())
        self.gateway = SpiffeId(DOMAIN, Role.GATEWAY, uuid.uuid4())
        self._dialler = Credentials(self.credentials(self.gateway))
        self._postgres: Postgres | None = None

    @property
    def ca_pem(self) -> str:
        """What the servers' certificates come from."""
        return self._authority.pem.decode()

    async def workspace(
        self, database: str = "", *, module: str = "workspace", **settings: str
    ) -> Server:
        """A workspace server, with a project; on SQLite unless given the URL of a database."""
        identity = SpiffeId(DOMAIN, Role.WORKSPACE, uuid.uuid4(), uuid.uuid4())
        data = self.new_directory("workspace")
        (data / "policy.binpb").write_bytes(_policy().SerializeToString())
        (data / "keys.binpb").write_bytes(self._keys().SerializeToString())
        chosen = {
            **_UNLIMITED,
            **_ANY_PORTS,
            "DATA_DIR": str(data),
            "CREDENTIALS_DIR": str(self.credentials(identity)),
            "DATABASE_URL": database,
            "READY_FILE": str(data / "ready.json"),
            **settings,
        }
        process = await self._start(["-m", module], data, "WEFT_WORKSPACE_", chosen)
        token = self._signer.sign(
            CallerKind.USER, USER, audience=str(identity.uid), lifetime=timedelta(hours=8)
        )
        server = Server(process, identity, token, self._dialler, self._stack)
        projects = await server.stub(projects_pb2_grpc.ProjectServiceStub)
        request = projects_pb2.CreateProjectRequest(project_id=PROJECT.partition("/")[2])
        try:
            await projects.CreateProject(request, metadata=server.metadata)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
                raise
        return server

    async def bare(self, *, is_durable: bool = False) -> Server:
        """The bare server: the same contract, answered by nothing, or by bare SQL, behind it."""
        identity = SpiffeId(DOMAIN, Role.WORKSPACE, uuid.uuid4(), uuid.uuid4())
        data = self.new_directory("bare")
        arguments = ["-m", "bench.bare", str(self.credentials(identity)), str(data / "ready.json")]
        if is_durable:
            arguments.append(str(data / "bare.db"))
        process = await self._start(arguments, data, "", {"READY_FILE": str(data / "ready.json")})
        return Server(process, identity, "", self._dialler, self._stack)

    async def workload_manager(self, **settings: str) -> Server:
        """A workload manager, called as the one workspace that it serves calls it."""
        identity = SpiffeId(DOMAIN, Role.WORKLOAD_MANAGER, uuid.uuid4())
        workspace = SpiffeId(DOMAIN, Role.WORKSPACE, uuid.uuid4(), uuid.uuid4())
        chosen = {
            "STATE_DIR": str(self.new_directory("workloads")),
            "CREDENTIALS_DIR": str(self.credentials(identity)),
            "ALLOWED_WORKSPACES": json.dumps([str(workspace.uid)]),
            **settings,
        }
        process = await self.python(["-m", "workloads"], "WEFT_WORKLOADS_", **chosen)
        dialler = Credentials(self.credentials(workspace))
        return Server(process, identity, "", dialler, self._stack)

    async def python(self, arguments: Sequence[str], prefix: str, **settings: str) -> Process:
        """Any other server of Weft; `settings` are its own, without their prefix."""
        data = self.new_directory("server")
        chosen = {**_ANY_PORTS, "READY_FILE": str(data / "ready.json"), **settings}
        return await self._start(arguments, data, prefix, chosen)

    def credentials(self, identity: SpiffeId, mesh_endpoint: str = "127.0.0.1:1") -> Path:
        """A directory with the credentials and the membership of a service."""
        directory = self.new_directory("credentials")
        key = certificates.new_key()
        chain = certificates.sign_leaf(
            self._authority,
            key.public_key(),
            identity,
            now=datetime.now(UTC),
            extra_names=["localhost", "127.0.0.1"],
        )
        pair = KeyPair(certificates.key_to_pem(key), chain)
        write_files(directory, pair, self._authority.pem)
        kept = {"controlPlane": str(self.control_plane), "meshEndpoint": mesh_endpoint}
        (directory / "membership.json").write_text(json.dumps(kept))
        return directory

    def postgres_url(self, database: str) -> str | None:
        """A database of a PostgreSQL server of our own; None where none is installed."""
        programs = binaries()
        if programs is None:
            return None
        if self._postgres is None:
            # On the disk, as SQLite's files here: in memory a commit would cost nothing.
            disk = Path(gettempdir())
            self._postgres = Postgres(f"bench-{uuid.uuid4().hex}", programs, parent=disk)
            self._postgres.join()
            self._stack.callback(self._postgres.leave)
        return self._postgres.url(database)

    def new_directory(self, name: str) -> Path:
        self._count += 1
        directory = self.directory / f"{self._count}-{name}"
        directory.mkdir(mode=0o700)
        return directory

    async def _start(
        self, arguments: Sequence[str], data: Path, prefix: str, settings: dict[str, str]
    ) -> Process:
        values = {f"{prefix}{name}": value for name, value in settings.items()}
        server = running(arguments, data / "ready.json", data / "server.log", **values)
        return await self._stack.enter_async_context(server)

    def _keys(self) -> types_pb2.JsonWebKeySet:
        keys = [types_pb2.JsonWebKey(**key) for key in self._signer.jwks["keys"]]
        return types_pb2.JsonWebKeySet(keys=keys)


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    """A site that is gone, with every process of it, when the block ends."""
    with TemporaryDirectory(prefix="weft-bench-") as directory:
        async with AsyncExitStack() as stack:
            yield Site(Path(directory), stack)


def _policy() -> enrollment_pb2.Policy:
    """One user who may do everything."""
    policy = enrollment_pb2.Policy(revision=1, workspace="organizations/bench/workspaces/bench")
    policy.time.FromDatetime(datetime.now(UTC))
    policy.max_age.FromTimedelta(timedelta(hours=24))
    policy.roles.add(role="everything", permissions=sorted(_permissions()))
    policy.grants.add(subject=USER, role="everything")
    return policy


def _permissions() -> set[str]:
    options = [
        method.GetOptions().Extensions[options_pb2.auth]
        for file in _FILES
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    ]
    return {option.permission.verb for option in options if option.permission.verb}
