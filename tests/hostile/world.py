"""Real servers of all three kinds in one thread, and every way to knock at their doors.

The servers run on an event loop of their own; the tests are plain functions with synchronous
clients, so that a server that blocks or hangs is seen as its clients would see it.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import grpc
from google.api import resource_pb2

from meshkit.access import Access
from meshkit.caller import CallerKind
from meshkit.credentials import CHAIN_FILE, KEY_FILE, KeyPair
from meshkit.spiffe import Role, SpiffeId
from tests.contracts.descriptors import file_protos
from tests.controlplane import harness as planes
from tests.controlplane.programs import new_account, new_key
from tests.hostile.calls import Metadata, Method, Outcome, call
from tests.hostile.loop import Loop
from tests.workloads.observed import end_everything
from tests.workspace import harness as workspaces
from tests.workspace.fakes import FakeManager
from weftapi.workspace.v1 import service_connectors_pb2
from workloads.config import WorkloadsSettings
from workloads.server import compose

CONTROL_PLANE, WORKSPACE, WORKLOADS = (
    f"weftapi.{name}.v1" for name in ("controlplane", "workspace", "workloads")
)
# Tables that a refused call may add to: the audit log alone.
# Calls are recorded, and jobs of the server take their leases, whatever is asked of it.
_OWN = frozenset({"audit_events", "leases"})


@dataclass
class Door:
    """One listener of one server, as one kind of client finds it."""

    channel: grpc.Channel

    def call(self, method: Method, *raws: bytes, token: str = "", **options: Any) -> Outcome:
        """Calls with a bearer token, if there is one; see `calls.call`."""
        metadata: Metadata = options.pop("metadata", ())
        if token:
            metadata = [("authorization", f"Bearer {token}"), *metadata]
        return call(self.channel, method, *(raws or (b"",)), metadata=metadata, **options)


@dataclass
class Site:
    """One server: its doors, who may enter, and where it keeps things."""

    package: str
    edge: Door
    # Doors on the mesh listener, by the role of the certificate shown there.
    mesh: dict[Role, Door]
    directory: Path
    database: Path | None
    audience: str = ""
    admin: str = ""
    stranger: str = ""
    # Tokens by what they prove: "run" for a run token.
    tokens: dict[str, str] = field(default_factory=dict)
    # Existing names by resource type.
    names: dict[str, str] = field(default_factory=dict)
    # A member in good standing, whom no grant or directory names.
    outsider: Door | None = None

    @property
    def root(self) -> str:
        """The type of what names without a type of their own are names of."""
        is_workspace = "weft.dev/Project" in self.names
        return "weft.dev/Project" if is_workspace else "weft.dev/Organization"

    def as_admin(self, method: Method, *raws: bytes, **options: Any) -> Outcome:
        """Calls as whoever may: an administrator, or the service or run that it is for."""
        if method.policy.access is Access.PEER:
            role = Role.WORKSPACE if Role.WORKSPACE in method.policy.peers else Role.GATEWAY
            return self.mesh[role].call(method, *raws, **options)
        is_for_runs = method.policy.principals == {CallerKind.RUN}
        options["token"] = self.tokens["run"] if is_for_runs else self.admin
        return self.edge.call(method, *raws, **options)

    def as_nobody(self, method: Method, *raws: bytes, **options: Any) -> Outcome:
        """Calls as somebody who proved who they are, and may do nothing."""
        if method.policy.access is Access.PEER:
            assert self.outsider
            return self.outsider.call(method, *raws, **options)
        return self.edge.call(method, *raws, token=self.stranger, **options)

    def rows(self) -> dict[str, int]:
        """How many rows each table has, but for those that the server fills on its own."""
        if self.database is None:
            return {}
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            query = "SELECT name FROM sqlite_master WHERE type = 'table'"
            tables = [name for (name,) in connection.execute(query)]
            return {
                name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
                for name in tables
                if name not in _OWN
            }

    def audit(self, query: str = "1 = 1", *values: Any) -> list[sqlite3.Row]:
        """Audit rows, in order."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            text = f"SELECT * FROM audit_events WHERE {query} ORDER BY sequence"
            return connection.execute(text, values).fetchall()


@dataclass
class World:
    """All servers, and the loop that they run on."""

    loop: Loop
    sites: dict[str, Site]
    plane: planes.Plane
    workspace: workspaces.Harness
    # The workspace's.
    identity: SpiffeId
    directory: Path
    # Closes on the loop, before the servers do.
    stack: AsyncExitStack

    def of(self, method: Method) -> Site:
        return self.sites[method.package]


@contextmanager
def world(directory: Path, **settings: Any) -> Iterator[World]:
    """Serves all three until the block ends; `settings` are common, `urls` those of databases."""
    with Loop() as loop:
        stack = AsyncExitStack()
        try:
            yield loop.run(_open(loop, stack, directory, settings))
        finally:
            loop.run(stack.aclose())
            end_everything(directory / "workloads")


async def _open(
    loop: Loop, stack: AsyncExitStack, directory: Path, settings: dict[str, Any]
) -> World:
    urls: dict[str, str] = settings.pop("urls", {})
    settings = {"rate_per_second": 1e6, "rate_burst": 1e6, **settings}
    plane_url = urls.get("controlplane", f"sqlite:///{directory / 'plane.db'}")
    plane = await stack.enter_async_context(planes.running(directory, plane_url, **settings))
    identity = SpiffeId(workspaces.DOMAIN, Role.WORKSPACE, uuid4(), uuid4())
    harness = await stack.enter_async_context(
        workspaces.workspace(
            directory,
            urls.get("workspace", f"sqlite:///{directory / 'workspace.db'}"),
            identity=identity,
            managers=FakeManager(),
            bookmark_s=0.2,
            **settings,
        )
    )
    sites = [
        await _control_plane(plane, directory),
        await _workspace(harness, identity, directory),
        await _workloads(stack, harness.mesh, directory, settings),
    ]
    by_package = {site.package: site for site in sites}
    return World(loop, by_package, plane, harness, identity, directory, stack)


async def _control_plane(plane: planes.Plane, directory: Path) -> Site:
    admin = await plane.set_up()
    stranger = await plane.new_user(admin, "eve@example.com")
    await plane.new_workspace(admin, "lab")
    enrolled = {
        Role.WORKSPACE: await plane.enroll(admin, planes.WORKSPACE, "lab"),
        Role.WORKLOAD_MANAGER: await plane.enroll(admin, planes.WORKLOAD_MANAGER, "lab"),
        Role.GATEWAY: await plane.enroll(admin, planes.GATEWAY, "lab"),
    }
    ports, organization = plane.server.ports, planes.ORGANIZATION
    account = (await new_account(admin)).name
    key = (await new_key(admin, account)).api_key.name
    pairs = {role: member.pair for role, member in enrolled.items()}
    pairs[Role.CONTROL_PLANE] = _pair(plane.settings.credentials_dir)
    return Site(
        CONTROL_PLANE,
        _edge(ports.edge, plane.trust),
        {
            role: _mesh(ports.mesh, plane.trust, plane.identity, pair)
            for role, pair in pairs.items()
        },
        directory / "controlplane",
        directory / "plane.db",
        audience=str(plane.identity),
        admin=admin.tokens.access_token,
        stranger=stranger.tokens.access_token,
        names=_complete(
            {
                "weft.dev/Organization": organization,
                "weft.dev/Workspace": f"{organization}/workspaces/lab",
                "weft.dev/User": admin.subject,
                "weft.dev/Role": f"{organization}/roles/viewer",
                "weft.dev/RoleBinding": f"{organization}/roleBindings/{uuid4()}",
                "weft.dev/Team": f"{organization}/teams/first",
                "weft.dev/Enrollment": enrolled[Role.WORKLOAD_MANAGER].enrollment.name,
                "weft.dev/ServiceAccount": account,
                "weft.dev/ApiKey": key,
                "weft.dev/PersonalAccessToken": f"{admin.subject}/personalAccessTokens/{uuid4()}",
            }
        ),
    )


def _complete(names: dict[str, str]) -> dict[str, str]:
    """The names, and for each other type of the control plane one that nothing has.

    What exists is in few tests worth the making; a stranger is to be told the same anyhow.
    """
    known = {"organization": "default", "user": names["weft.dev/User"].removeprefix("users/")}
    found = dict(names)
    for file in file_protos():
        for message in file.message_type if file.package == CONTROL_PLANE else ():
            resource = message.options.Extensions[resource_pb2.resource]
            for pattern in resource.pattern[:1]:
                ids = defaultdict(lambda: str(uuid4()), known)
                found.setdefault(resource.type, pattern.format_map(ids))
    return found


async def _workspace(harness: workspaces.Harness, server: SpiffeId, directory: Path) -> Site:
    await harness.create_project()
    await harness.create_snapshot()
    run = await harness.create_run(run_id="first")
    await harness.add_steps(run.name, "fit")
    connector = await _connector(harness)
    mesh = harness.mesh
    return Site(
        WORKSPACE,
        _edge(harness.ports.edge, mesh.authority.pem),
        _peers(mesh, server, harness.ports.mesh),
        directory / "data",
        directory / "workspace.db",
        audience=harness.uid,
        admin=harness.token(),
        stranger=harness.token(workspaces.STRANGER),
        tokens={"run": await harness.run_token(run.name)},
        names={
            "weft.dev/Project": "projects/demo",
            "weft.dev/Pipeline": "projects/demo/pipelines/train",
            "weft.dev/Run": run.name,
            "weft.dev/Step": f"{run.name}/steps/fit",
            "weft.dev/StepAttempt": f"{run.name}/steps/fit/attempts/1",
            "weft.dev/LogStream": "projects/demo/logStreams/first",
            "weft.dev/Artifact": "projects/demo/artifacts/model",
            "weft.dev/ArtifactVersion": "projects/demo/artifacts/model/versions/1",
            "weft.dev/Snapshot": "projects/demo/snapshots/first",
            "weft.dev/Build": "projects/demo/builds/first",
            "weft.dev/RunCondition": f"{run.name}/conditions/first",
            "weft.dev/Secret": "secrets/first",
            "weft.dev/Schedule": "projects/demo/schedules/nightly",
            "weft.dev/Model": "projects/demo/models/fraud",
            "weft.dev/ModelVersion": "projects/demo/models/fraud/versions/1",
            "weft.dev/StageRequest": f"projects/demo/models/fraud/stageRequests/{uuid4()}",
            "weft.dev/ServiceConnector": connector.name,
            "weft.dev/ConnectorType": connector.type,
            "weft.dev/Stack": "stacks/first",
            "weft.dev/Component": "components/first",
            "weft.dev/Flavor": "flavors/first",
            "weft.dev/CodeRepository": "projects/demo/codeRepositories/first",
            "weft.dev/SavedView": "projects/demo/savedViews/first",
            "weft.dev/Trigger": "projects/demo/triggers/first",
            "weft.dev/Webhook": "projects/demo/webhooks/first",
            "weft.dev/WebhookDelivery": f"projects/demo/webhooks/first/deliveries/{uuid4()}",
            "weft.dev/Alerter": "projects/demo/alerters/first",
            "weft.dev/Pool": f"workloadManagers/{uuid4()}/pools/processes",
            "weft.dev/ArchivedRun": f"projects/demo/archivedRuns/{uuid4()}",
            "weft.dev/AlertDelivery": f"projects/demo/alerters/first/deliveries/{uuid4()}",
        },
    )


async def _connector(harness: workspaces.Harness) -> service_connectors_pb2.ServiceConnector:
    """One that leads into our own network, and so nowhere."""
    wanted = service_connectors_pb2.ServiceConnector(
        type="connectorTypes/aws",
        auth_method="access-key",
        secret_config={"secret_access_key": "x" * 40},
    )
    wanted.config.update(
        {
            "access_key_id": "AKIAIOSFODNN7EXAMPLE",
            "region": "eu-central-1",
            "endpoint_url": "https://127.0.0.1:1",
        }
    )
    request = service_connectors_pb2.CreateServiceConnectorRequest(
        service_connector_id="first", service_connector=wanted
    )
    made: service_connectors_pb2.ServiceConnector
    made = await harness.connectors().CreateServiceConnector(request)
    return made


async def _workloads(
    stack: AsyncExitStack, mesh: workspaces.TestMesh, directory: Path, settings: dict[str, Any]
) -> Site:
    identity = SpiffeId(workspaces.DOMAIN, Role.WORKLOAD_MANAGER, uuid4())
    allowed = SpiffeId(workspaces.DOMAIN, Role.WORKSPACE, uuid4(), UUID(int=7))
    credentials = mesh.membership(identity).credentials
    chosen = WorkloadsSettings(
        credentials_dir=directory / f"credentials-{identity.role.value}-{identity.uid}",
        state_dir=directory / "workloads",
        slots=2,
        grace_s=0.1,
        end_on_stop=True,
        health_address="127.0.0.1:0",
        allowed_workspaces=(allowed.uid,),
        **{**settings, "peer_rate_per_second": 1e6, "peer_rate_burst": 1e6},
    )
    chosen.state_dir.mkdir(mode=0o700)
    manager = await compose(chosen, credentials=credentials, membership=None)
    ports = await manager.start()
    stack.push_async_callback(manager.stop)
    doors = _peers(mesh, identity, ports.mesh)
    return Site(
        WORKLOADS,
        _edge(ports.edge, mesh.authority.pem),
        {**doors, Role.WORKSPACE: _peer(mesh, allowed, identity, ports.mesh)},
        chosen.state_dir,
        None,
        names={"weft.dev/Workload": "workloads/first", "weft.dev/WorkloadPool": "pools/processes"},
        outsider=doors[Role.WORKSPACE],
    )


def _peers(mesh: workspaces.TestMesh, server: SpiffeId, port: int) -> dict[Role, Door]:
    return {
        role: _peer(
            mesh,
            SpiffeId(workspaces.DOMAIN, role, uuid4(), uuid4() if role is Role.WORKSPACE else None),
            server,
            port,
        )
        for role in Role
    }


def _peer(mesh: workspaces.TestMesh, who: SpiffeId, server: SpiffeId, port: int) -> Door:
    mesh.membership(who)
    home = mesh.directory / f"credentials-{who.role.value}-{who.uid}"
    return _mesh(port, mesh.authority.pem, server, _pair(home))


def _pair(home: Path) -> KeyPair:
    return KeyPair((home / KEY_FILE).read_bytes(), (home / CHAIN_FILE).read_bytes())


def _edge(port: int, trust: bytes) -> Door:
    return _door(f"localhost:{port}", grpc.ssl_channel_credentials(trust))


def _mesh(port: int, trust: bytes, server: SpiffeId, pair: KeyPair) -> Door:
    proof = grpc.ssl_channel_credentials(trust, pair.key, pair.chain)
    return _door(f"127.0.0.1:{port}", proof, ("grpc.ssl_target_name_override", server.dns_name))


def _door(address: str, proof: grpc.ChannelCredentials, *options: tuple[str, Any]) -> Door:
    common = [
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_metadata_size", 1 << 20),
        ("grpc.absolute_max_metadata_size", 1 << 20),
    ]
    return Door(grpc.secure_channel(address, proof, [*common, *options]))
