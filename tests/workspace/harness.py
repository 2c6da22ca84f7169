"""A workspace server on real ports, with people's tokens and a policy that tests make.

    async with workspace(tmp_path, database_url) as ws:
        await ws.create_project("demo")
        run = await ws.runs().CreateRun(...)

`ws.<service>(token=...)` makes stubs on the edge listener; without a token it is that of an
administrator. What the world would give (cluster, clock, control plane) is given here.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import grpc

from controlplane.permissions import ROLES
from meshkit import certificates
from meshkit.caller import CallerKind
from meshkit.certificates import Authority
from meshkit.credentials import Credentials, KeyPair, write_files
from meshkit.errors import MeshError
from meshkit.jobs import Job
from meshkit.membership import Membership
from meshkit.server import Ports
from meshkit.spiffe import Role, SpiffeId
from meshkit.status import from_rpc_error
from meshkit.tokens import SigningKey, TokenSigner
from tests.templates import WORKSPACE
from tests.workspace.stubs import Stubs
from weftapi.common.v1 import types_pb2
from weftapi.controlplane.v1 import enrollment_pb2
from weftapi.workspace.v1 import (
    projects_pb2,
    reports_pb2,
    run_types_pb2,
    runs_pb2,
    snapshot_types_pb2,
    snapshots_pb2,
)
from workspace.config import WorkspaceSettings
from workspace.launching.ports import WorkloadManagers
from workspace.server import Workspace, compose

DOMAIN = "test.mesh"
ADMIN = f"users/{uuid.UUID(int=1)}"
EDITOR = f"users/{uuid.UUID(int=2)}"
VIEWER = f"users/{uuid.UUID(int=3)}"
STRANGER = f"users/{uuid.UUID(int=4)}"
# An editor of the project "demo" alone.
DEMO_EDITOR = f"users/{uuid.UUID(int=5)}"
# What tests make a job do step by step, the server's own would do in between.
BY_HAND = frozenset({"retention", "old_logs", "secrets", "secret_keys"})


class FakeClock:
    """The real time, moved by the test."""

    def __init__(self) -> None:
        self.offset = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time() + self.offset.total_seconds()

    def move(self, **by: float) -> None:
        self.offset += timedelta(**by)


def policy(*, revision: int = 1, **changes: Any) -> enrollment_pb2.Policy:
    """Admin, editor and viewer of the workspace, and an editor of "demo"; a day old at most.

    The roles are the very ones that the control plane pushes.
    """
    pushed = enrollment_pb2.Policy(revision=revision, workspace="workspaces/lab", **changes)
    pushed.time.FromDatetime(datetime.now(UTC))
    pushed.max_age.FromTimedelta(timedelta(hours=24))
    for role in ROLES.values():
        pushed.roles.add(role=role.id, permissions=sorted(role.permissions))
    for subject, held, project in (
        (ADMIN, "admin", ""),
        (EDITOR, "editor", ""),
        (VIEWER, "viewer", ""),
        (DEMO_EDITOR, "editor", "projects/demo"),
    ):
        pushed.grants.add(subject=subject, role=held, resource=project)
    return pushed


@dataclass
class TestMesh:
    """A certificate authority and a signer of people's tokens: the control plane's part."""

    __test__ = False

    directory: Path
    authority: Authority
    control_plane: SpiffeId
    signer: TokenSigner
    clock: FakeClock

    @classmethod
    def make(cls, directory: Path, clock: FakeClock) -> "TestMesh":
        authority = certificates.make_authority("test CA", now=datetime.now(UTC))
        control_plane = SpiffeId(DOMAIN, Role.CONTROL_PLANE, uuid.uuid4())
        key = SigningKey.generate()
        signer = TokenSigner(str(control_plane), key, clock=clock)
        return cls(directory, authority, control_plane, signer, clock)

    def membership(self, identity: SpiffeId) -> Membership:
        """Credentials of a service, on disk."""
        key = certificates.new_key()
        leaf = certificates.sign_leaf(
            self.authority,
            key.public_key(),
            identity,
            now=datetime.now(UTC),
            extra_names=["localhost", "127.0.0.1"],
        )
        home = self.directory / f"credentials-{identity.role.value}-{identity.uid}"
        write_files(home, KeyPair(certificates.key_to_pem(key), leaf), self.authority.pem)
        return Membership(Credentials(home), self.control_plane, "127.0.0.1:1")

    def token(self, subject: str, audience: str, *, lifetime: timedelta, **claims: Any) -> str:
        return self.signer.sign(
            CallerKind.USER, subject, audience=audience, lifetime=lifetime, claims=claims
        )

    def key_set(self) -> types_pb2.JsonWebKeySet:
        return types_pb2.JsonWebKeySet(
            keys=[types_pb2.JsonWebKey(**key) for key in self.signer.jwks["keys"]]
        )


@dataclass
class Harness(Stubs):
    """A started workspace server, and clients of it."""

    workspace: Workspace
    mesh: TestMesh
    uid: str
    ports: Ports
    clock: FakeClock
    # Also those that the server does not run.
    jobs: dict[str, Job]
    _channels: dict[str, grpc.aio.Channel] = field(default_factory=dict)

    def token(
        self, subject: str = ADMIN, *, lifetime: timedelta = timedelta(hours=8), **claims: Any
    ) -> str:
        """A token as the control plane mints it for this workspace."""
        return self.mesh.token(subject, self.uid, lifetime=lifetime, **claims)

    async def run_token(self, name: str) -> str:
        """The token that the runner of a run would get."""
        from workspace.store import runs as run_store

        _, project, _, run = name.split("/")
        row = await self.workspace.database.read(run_store.get, project, run)
        assert row
        return self.run_tokens.issue(row)

    @property
    def run_tokens(self) -> Any:
        return self.workspace.reconciler._tokens

    def apply_policy(self, pushed: enrollment_pb2.Policy) -> None:
        self.workspace.policies.apply(pushed)

    def apply_keys(self, keys: types_pb2.JsonWebKeySet) -> None:
        self.workspace.keys.apply(keys)

    # Things that many tests need first.
    async def create_project(self, project: str = "demo") -> projects_pb2.Project:
        return await self.projects().CreateProject(
            projects_pb2.CreateProjectRequest(project_id=project)
        )

    async def create_snapshot(
        self,
        *steps: snapshot_types_pb2.StepSpec,
        project: str = "demo",
        code: bool = True,
        **fields: Any,
    ) -> snapshot_types_pb2.Snapshot:
        """A snapshot of pipeline "train"; by default of the chain load -> fit -> test."""
        graph = steps or (spec_step("load"), spec_step("fit", "load"), spec_step("test", "fit"))
        snapshot = snapshot_types_pb2.Snapshot(
            pipeline=f"projects/{project}/pipelines/train",
            spec=snapshot_types_pb2.PipelineSpec(steps=graph, **fields.pop("spec", {})),
            **fields,
        )
        if code:
            snapshot.code.uri, snapshot.code.sha256 = "file:///code.tar.gz", "a" * 64
            snapshot.code.size_bytes, snapshot.code.entrypoint = 1, "train:train"
        return await self.snapshots().CreateSnapshot(
            snapshots_pb2.CreateSnapshotRequest(parent=f"projects/{project}", snapshot=snapshot)
        )

    async def create_run(
        self,
        *,
        project: str = "demo",
        snapshot: str = "",
        run_id: str = "",
        token: str | None = None,
        **fields: Any,
    ) -> run_types_pb2.Run:
        """A run; of pipeline "train" without a snapshot, unless told otherwise."""
        pipeline = "" if snapshot else f"projects/{project}/pipelines/train"
        run = run_types_pb2.Run(pipeline=pipeline, snapshot=snapshot, **fields)
        request = runs_pb2.CreateRunRequest(parent=f"projects/{project}", run_id=run_id, run=run)
        return await self.runs(token).CreateRun(request)

    async def add_steps(self, run: str, *steps: str) -> None:
        new = [reports_pb2.NewStep(step_id=step) for step in steps]
        await self.reports().BatchCreateSteps(
            reports_pb2.BatchCreateStepsRequest(parent=run, steps=new)
        )

    async def report(
        self, run: str, reporter: str, *reports: reports_pb2.Report, token: str | None = None
    ) -> reports_pb2.BatchReportResponse:
        return await self.reports(token).BatchReport(
            reports_pb2.BatchReportRequest(run=run, reporter=reporter, reports=reports)
        )

    async def close(self) -> None:
        await asyncio.gather(*(channel.close() for channel in self._channels.values()))

    def _stub(self, cls: Any, token: str | None) -> Any:
        token = self.token() if token is None else token
        channel = self._channels.get(token)
        if channel is None:
            roots = grpc.ssl_channel_credentials(self.mesh.authority.pem)
            if token:
                roots = grpc.composite_channel_credentials(
                    roots, grpc.access_token_call_credentials(token)
                )
            channel = grpc.aio.secure_channel(f"localhost:{self.ports.edge}", roots)
            self._channels[token] = channel
        return cls(channel)


@asynccontextmanager
async def workspace(
    directory: Path,
    database_url: str,
    *,
    managers: WorkloadManagers | None = None,
    clock: FakeClock | None = None,
    mesh: TestMesh | None = None,
    identity: SpiffeId | None = None,
    without: Collection[str] = (),
    **settings: Any,
) -> AsyncIterator[Harness]:
    """Serves a workspace until the block ends; `settings` are those of WorkspaceSettings.

    It is served `without` the jobs of these names, and those that are run by hand.
    """
    clock = clock or FakeClock()
    mesh = mesh or TestMesh.make(directory, clock)
    identity = identity or SpiffeId(DOMAIN, Role.WORKSPACE, uuid.uuid4(), uuid.uuid4())
    data = directory / "data"
    data.mkdir(exist_ok=True)
    chosen = {
        "edge_address": "127.0.0.1:0",
        "mesh_address": "127.0.0.1:0",
        "health_address": "127.0.0.1:0",
        "metrics_address": "127.0.0.1:0",
        "rate_per_second": 1e6,
        "rate_burst": 1e6,
        "drain_s": 5.0,
        **settings,
    }
    loaded = WorkspaceSettings(data_dir=data, database_url=database_url, **chosen)
    WORKSPACE.fill(loaded.database)
    built = await compose(
        loaded,
        mesh.membership(identity),
        clock=clock,
        managers=managers,
    )
    jobs = {job.name: job for job in built.jobs}
    built.jobs = [job for job in built.jobs if job.name not in BY_HAND.union(without)]
    built.keys.apply(mesh.key_set())
    if not (data / "policy.binpb").exists() or built.policies.revision == 0:
        built.policies.apply(policy())
    ports = await built.start()
    harness = Harness(built, mesh, str(identity.uid), ports, clock, jobs)
    try:
        yield harness
    finally:
        await harness.close()
        await built.stop()


def spec_step(step: str, *upstream: str) -> snapshot_types_pb2.StepSpec:
    return snapshot_types_pb2.StepSpec(id=step, upstream=upstream, entrypoint=f"train:{step}")


def run_report(sequence: int, state: str, **fields: Any) -> reports_pb2.Report:
    number = run_types_pb2.RunState.Value(f"RUN_STATE_{state}")
    said = reports_pb2.RunReport(state=number, **fields)
    return reports_pb2.Report(sequence=sequence, run=said)


def step_report(
    sequence: int, step: str, state: str, *, attempt: int = 1, **fields: Any
) -> reports_pb2.Report:
    number = run_types_pb2.StepState.Value(f"STEP_STATE_{state}")
    said = reports_pb2.StepReport(step_id=step, attempt=attempt, state=number, **fields)
    return reports_pb2.Report(sequence=sequence, step=said)


def outcomes(response: Any) -> list[str]:
    """What became of each report: "APPLIED", "STALE" ..."""
    name = reports_pb2.ReportOutcome.Name
    return [name(result.outcome).removeprefix("REPORT_OUTCOME_") for result in response.results]


class Refused:
    """`async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):` expects this refusal."""

    def __init__(self, code: str, reason: str) -> None:
        self.code, self.reason = code, reason
        self.error: MeshError | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, _cls: object, error: object, _traceback: object) -> bool:
        assert isinstance(error, grpc.aio.AioRpcError), f"not refused: {error!r}"
        self.error = from_rpc_error(error)
        assert (error.code().name, self.error.reason) == (self.code, self.reason), error
        return True


def refused(code: str, reason: str) -> Refused:
    return Refused(code, reason)
