"""The workspace server, wired: every object built and joined here, top to bottom."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from weftapi.workspace.v1 import (
    artifacts_pb2,
    artifacts_pb2_grpc,
    events_pb2,
    events_pb2_grpc,
    logs_pb2,
    logs_pb2_grpc,
    pipelines_pb2,
    pipelines_pb2_grpc,
    projects_pb2,
    projects_pb2_grpc,
    reports_pb2,
    reports_pb2_grpc,
    runs_pb2,
    runs_pb2_grpc,
    server_pb2,
    server_pb2_grpc,
    snapshots_pb2,
    snapshots_pb2_grpc,
    steps_pb2,
    steps_pb2_grpc,
)
from weftapi.workloads.v1 import workloads_pb2

from meshkit.authentication import DeniedSerials
from meshkit.caller import CallerKind
from meshkit.channels import Channels
from meshkit.clock import Clock, SystemClock
from meshkit.database import Database
from meshkit.jobs import Job, JobRunner
from meshkit.link import Link
from meshkit.membership import Membership, join
from meshkit.migrations import migrate
from meshkit.paging import KEY_BYTES, PageTokens
from meshkit.server import MeshServer, Ports, Service
from meshkit.tokens import TokenSigner, TokenVerifier, TrustedIssuer
from workspace.access import Access, Policies, own_run_only
from workspace.config import WorkspaceSettings
from workspace.denials import DenialLog
from workspace.encoding import EventEncoder, Shown
from workspace.files import read_or_make_key
from workspace.heartbeats import Heartbeats
from workspace.launching.managers import DirectoryManagers
from workspace.launching.ports import WorkloadManagers
from workspace.launching.reconciler import LaunchSettings, Reconciler
from workspace.logs.files import FileBackend
from workspace.logs.keeper import LogKeeper
from workspace.logs.live import LiveLogs
from workspace.membership import PeoplesKeys, WorkspaceMember, endpoint_of
from workspace.reaper import Reaper
from workspace.run_tokens import RunStandings, RunTokens, load_key
from workspace.servicers.artifacts import (
    ArtifactServicer,
    artifact_to_proto,
    producers_of,
    version_to_proto,
)
from workspace.servicers.events import EventServicer
from workspace.servicers.listing import Lists
from workspace.servicers.logs import LogServicer, log_stream_of_own_run, log_stream_to_proto
from workspace.servicers.pipelines import PipelineServicer, pipeline_to_proto
from workspace.servicers.projects import ProjectServicer, project_to_proto
from workspace.servicers.reports import ReportServicer
from workspace.servicers.runs import RunServicer, run_to_proto
from workspace.servicers.server import ServerServicer
from workspace.servicers.snapshots import SnapshotServicer, snapshot_to_proto
from workspace.servicers.steps import StepServicer, step_to_proto
from workspace.servicers.watches import Watches
from workspace.store import schema, schema_logs
from workspace.store.base import metadata

MIGRATIONS = Path(__file__).parent / "migrations"
_PEOPLE = frozenset({CallerKind.USER, CallerKind.SERVICE_ACCOUNT})
_CONFIRM_INTERVAL_S = 60.0

log = structlog.get_logger()

SHOWN = {
    schema.Project: Shown("project_resource", project_to_proto),
    schema.Pipeline: Shown("pipeline", pipeline_to_proto),
    schema.Snapshot: Shown("snapshot", snapshot_to_proto),
    schema.Run: Shown("run", run_to_proto),
    schema.Step: Shown("step", step_to_proto),
    schema.Artifact: Shown("artifact", artifact_to_proto),
    schema.ArtifactVersion: Shown("artifact_version", version_to_proto),
    schema_logs.LogStream: Shown("log_stream", log_stream_to_proto),
}


@dataclass(slots=True)
class Workspace:
    """A workspace server with its jobs beside it and its link to the control plane."""

    settings: WorkspaceSettings
    server: MeshServer
    database: Database
    policies: Policies
    keys: PeoplesKeys
    access: Access
    heartbeats: Heartbeats
    reconciler: Reconciler
    logs: LogKeeper
    member: WorkspaceMember
    link: Link | None
    jobs: Sequence[Job]
    _closing: AsyncExitStack = field(default_factory=AsyncExitStack)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def start(self) -> Ports:
        """Serves, then takes up the jobs and the link."""
        ports = await self.server.start()
        await self._closing.enter_async_context(JobRunner(self.database, list(self.jobs)))
        if self.link:
            self._tasks.append(asyncio.create_task(self.link.run(), name="link"))
            self._tasks.append(asyncio.create_task(self._stand_by_policy(self.link)))
        return ports

    async def stop(self) -> None:
        """Drains, writes down what is in memory only, and closes."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._closing.aclose()
        await self.server.stop()

    async def _stand_by_policy(self, link: Link) -> None:
        """While linked the policy stays fresh, also for the next start."""
        while True:
            await asyncio.sleep(_CONFIRM_INTERVAL_S)
            if link.is_connected:
                await asyncio.to_thread(self.policies.confirm)


async def build(settings: WorkspaceSettings) -> Workspace:
    """Joins the mesh, and composes a workspace that is ready to start."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    token_file = settings.enrollment_token_file
    membership = await join(
        settings.credentials_directory,
        endpoint=settings.control_plane_endpoint,
        token=token_file.read_text(encoding="utf-8").strip() if token_file else "",
    )
    return await compose(settings, membership, is_linked=True)


async def compose(
    settings: WorkspaceSettings,
    membership: Membership,
    *,
    clock: Clock | None = None,
    managers: WorkloadManagers | None = None,
    is_linked: bool = False,
) -> Workspace:
    """Builds everything; `managers` and `clock` are where tests put a world of their own."""
    clock = clock or SystemClock()
    credentials = membership.credentials
    uid = str(credentials.identity.uid)
    data = settings.data_dir

    await migrate(settings.database, MIGRATIONS, metadata)
    encoder = EventEncoder(SHOWN)
    database = await Database.open(
        settings.database, metadata=metadata, encode_event=encoder.encode, clock=clock
    )
    denials = DenialLog(database)

    # Who speaks: people by the control plane's keys, runs by ours.
    people = TrustedIssuer(str(membership.control_plane), _PEOPLE)
    own_issuer = str(credentials.identity)
    signer = TokenSigner(own_issuer, load_key(data), clock=clock)
    runs = TrustedIssuer(own_issuer, frozenset({CallerKind.RUN}))
    runs.replace_keys(signer.jwks)
    verifier = TokenVerifier([people, runs], audience=uid, clock=clock)
    tokens = RunTokens(signer, audience=uid, clock=clock)
    keys = PeoplesKeys(data / "keys.binpb", people)
    policies = Policies(data / "policy.binpb", clock=clock)
    access = Access(policies, RunStandings(database, clock))

    channels = Channels(
        credentials, services=[workloads_pb2.DESCRIPTOR.services_by_name["WorkloadService"]]
    )
    directory = None if managers else DirectoryManagers(channels)
    managers = managers or directory
    assert managers
    heartbeats = Heartbeats(database, clock)
    launching = LaunchSettings(
        endpoint=lambda: endpoint_of(settings, server.ports),
        trust=lambda: credentials.trust,
        interval_s=settings.launch_interval_s,
        stop_grace=settings.stop_grace,
    )
    reconciler = Reconciler(database, managers, tokens, launching, clock=clock)

    pages = PageTokens([read_or_make_key(data / "page-token.key", KEY_BYTES)])
    lists = Lists(database, pages, clock)
    watches = Watches(
        database,
        encoder,
        access,
        bookmark_s=settings.bookmark_s,
        is_draining=lambda: server.draining.is_set(),
    )
    log_files = FileBackend.open(settings.log_directory)
    keeper = LogKeeper(database, LiveLogs(log_files, clock=clock), clock=clock)
    store_uri = settings.artifact_store
    services = [
        Service(
            projects_pb2.DESCRIPTOR.services_by_name["ProjectService"],
            projects_pb2_grpc.add_ProjectServiceServicer_to_server,
            ProjectServicer(database, lists, access),
        ),
        Service(
            pipelines_pb2.DESCRIPTOR.services_by_name["PipelineService"],
            pipelines_pb2_grpc.add_PipelineServiceServicer_to_server,
            PipelineServicer(database, lists),
        ),
        Service(
            snapshots_pb2.DESCRIPTOR.services_by_name["SnapshotService"],
            snapshots_pb2_grpc.add_SnapshotServiceServicer_to_server,
            SnapshotServicer(database, lists, managers, reconciler),
        ),
        Service(
            runs_pb2.DESCRIPTOR.services_by_name["RunService"],
            runs_pb2_grpc.add_RunServiceServicer_to_server,
            RunServicer(database, lists, access, watches, managers, reconciler),
        ),
        Service(
            steps_pb2.DESCRIPTOR.services_by_name["StepService"],
            steps_pb2_grpc.add_StepServiceServicer_to_server,
            StepServicer(database, lists),
        ),
        Service(
            reports_pb2.DESCRIPTOR.services_by_name["ReportService"],
            reports_pb2_grpc.add_ReportServiceServicer_to_server,
            ReportServicer(database, heartbeats, tokens, artifact_store_uri=store_uri),
        ),
        Service(
            artifacts_pb2.DESCRIPTOR.services_by_name["ArtifactService"],
            artifacts_pb2_grpc.add_ArtifactServiceServicer_to_server,
            ArtifactServicer(database, lists),
        ),
        Service(
            events_pb2.DESCRIPTOR.services_by_name["EventService"],
            events_pb2_grpc.add_EventServiceServicer_to_server,
            EventServicer(database, watches),
        ),
        Service(
            logs_pb2.DESCRIPTOR.services_by_name["LogService"],
            logs_pb2_grpc.add_LogServiceServicer_to_server,
            LogServicer(
                database,
                lists,
                keeper,
                alive_s=settings.bookmark_s,
                is_draining=lambda: server.draining.is_set(),
            ),
        ),
        Service(
            server_pb2.DESCRIPTOR.services_by_name["ServerService"],
            server_pb2_grpc.add_ServerServiceServicer_to_server,
            ServerServicer(policies, managers, artifact_store_uri=store_uri),
        ),
    ]
    denied_serials = DeniedSerials()
    server = MeshServer(
        settings.model_copy(update={"credentials_dir": settings.credentials_directory}),
        credentials=credentials,
        services=services,
        verifier=verifier,
        authorizer=access,
        clock=clock,
        extra_checks={
            "producers_of_own_run": own_run_only(producers_of),
            "log_stream_of_own_run": log_stream_of_own_run(keeper),
        },
        denied=denials,
        denied_serials=denied_serials,
        readiness={"database": database.ping},
    )

    async def close() -> None:
        await heartbeats.flush()
        await keeper.close()
        await log_files.close()
        await denials.close()
        await channels.close()
        await database.close()

    server.on_close(close)
    member = WorkspaceMember(
        settings,
        policies=policies,
        keys=keys,
        managers=directory,
        ping=database.ping,
        ports=lambda: server.ports,
        wake=reconciler.wake,
    )
    link = (
        Link(membership, member, denied_serials=denied_serials, clock=clock) if is_linked else None
    )
    if link:
        policies.follow(lambda: link.is_connected)
    reaper = Reaper(
        database,
        heartbeats,
        clock=clock,
        silence=settings.silence,
        lease=settings.heartbeat_lease,
    )
    return Workspace(
        settings=settings,
        server=server,
        database=database,
        policies=policies,
        keys=keys,
        access=access,
        heartbeats=heartbeats,
        reconciler=reconciler,
        logs=keeper,
        member=member,
        link=link,
        jobs=[
            Job("reaper", reaper.run, settings.reaper_interval_s),
            Job("launches", reconciler.run, settings.launch_interval_s),
            Job("seal_logs", keeper.seal_ended, settings.log_sealing_interval_s),
        ],
    )
