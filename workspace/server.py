"""The workspace server, wired: every object built and joined here, top to bottom."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

from meshkit.authentication import DeniedSerials
from meshkit.channels import Channels
from meshkit.clock import Clock, SystemClock
from meshkit.credentials import Credentials
from meshkit.database import Database
from meshkit.denials import DenialLog
from meshkit.engines import serve_alone
from meshkit.files import locked, read_or_make_key
from meshkit.jobs import Job, JobRunner
from meshkit.link import Link
from meshkit.membership import Membership, membership_of
from meshkit.paging import KEY_BYTES, PageTokens
from meshkit.server import MeshServer, Ports
from meshkit.telemetry import Metrics
from weftapi.workloads.v1 import capacity_pb2, workloads_pb2
from workspace.access import Policies
from workspace.alerting.alerts import Alerts
from workspace.bells import Bells
from workspace.building.desk import BuildDesk
from workspace.config import WorkspaceSettings
from workspace.connectors.desk import ConnectorDesk
from workspace.contents import Contents
from workspace.courier import AuditCourier
from workspace.database import open_database
from workspace.encoding import EventEncoder
from workspace.extra_checks import extra_checks
from workspace.forwarding.jobs import forwarding
from workspace.health import HealthDesk
from workspace.heartbeats import Heartbeats
from workspace.jobs import jobs_of
from workspace.launching.last_lines import LastLines
from workspace.launching.managers import DirectoryManagers
from workspace.launching.ports import LaunchSettings, WorkloadManagers
from workspace.launching.reconciler import Reconciler
from workspace.logs.archive import Archivist, archivist_of
from workspace.logs.keeper import LogKeeper
from workspace.logs.opening import KeptLogs, open_logs
from workspace.membership import PeoplesKeys, WorkspaceMember, endpoint_of
from workspace.quota_watch import QuotaWatch
from workspace.repositories.desk import RepositoryDesk
from workspace.retention.job import RunArchive
from workspace.secrets.backends import Backends
from workspace.secrets.keeper import SecretKeeper
from workspace.secrets.key_file import KeyFile
from workspace.secrets.masking import Masking
from workspace.secrets.readers import Readers
from workspace.secrets.rotation import KeyRotation
from workspace.secrets.sealer import Sealer
from workspace.servicers.listing import Lists
from workspace.servicers.server import version
from workspace.services import Parts, services
from workspace.shown import SHOWN
from workspace.stacks.trying import Trials
from workspace.trust import Trust, trust_of
from workspace.upgrade import upgrade
from workspace.usage import UsageMeter

_CONFIRM_INTERVAL_S = 60.0


@dataclass(slots=True)
class Workspace:
    """A workspace server with its jobs beside it and its link to the control plane."""

    settings: WorkspaceSettings
    server: MeshServer
    database: Database
    policies: Policies
    keys: PeoplesKeys
    heartbeats: Heartbeats
    health: HealthDesk
    reconciler: Reconciler
    logs: LogKeeper
    alerts: Alerts
    sealer: Sealer
    archivist: Archivist | None
    quotas: QuotaWatch
    member: WorkspaceMember
    link: Link | None
    jobs: Sequence[Job]
    let_others_in: Callable[[], None] = lambda: None
    _closing: AsyncExitStack = field(default_factory=AsyncExitStack)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def start(self) -> Ports:
        """Serves, then takes up the jobs and the link."""
        ports = await self.server.start()
        settings, keep = self.settings, self._keep
        jobs = [replace(job, lease_s=settings.job_lease_s) for job in self.jobs]
        await self._closing.enter_async_context(JobRunner(self.database, jobs))
        keep("signs of life", self.health.keep_beating())
        keep("heartbeats", self.heartbeats.keep_flushing(settings.reaper_interval_s))
        keep("keys of secrets", self.sealer.keep_fresh(settings.secrets_key_interval_s))
        keep("quotas of logs", self.logs.quotas.keep_settling(settings.log_quota_interval_s))
        keep("quotas", self.quotas.keep_looking(settings.quota_interval_s))
        if self.database.is_shared:
            keep("logs of other replicas", self.logs.keep_looking())
        if self.archivist:
            keep("archive logs", self.archivist.keep_archiving(settings.log_archiving_interval_s))
        if self.link:
            keep("link", self.link.run())
            keep("policy", self._stand_by_policy(self.link))
        return ports

    async def stop(self) -> None:
        """Drains, writes down what is in memory only, and closes."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._closing.aclose()
        await self.health.leave()
        await self.server.stop()
        self.let_others_in()

    def _keep(self, name: str, work: Coroutine[None, None, None]) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))

    async def _stand_by_policy(self, link: Link) -> None:
        """While linked the policy stays fresh, also for the next start."""
        while True:
            await asyncio.sleep(_CONFIRM_INTERVAL_S)
            if link.is_connected:
                await asyncio.to_thread(self.policies.confirm)


async def build(settings: WorkspaceSettings) -> Workspace:
    """Joins the mesh, and composes a workspace that is ready to start."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Replicas share the directory, and may start for the first time together.
    with locked(settings.data_dir):
        membership = await membership_of(settings)
    return await compose(settings, membership, is_linked=True)


async def compose(
    settings: WorkspaceSettings,
    membership: Membership,
    *,
    clock: Clock | None = None,
    trust_clock: Clock | None = None,
    managers: WorkloadManagers | None = None,
    is_linked: bool = False,
) -> Workspace:
    """Builds everything; `managers` and clocks (tokens go by `trust_clock`) are for tests."""
    let_others_in = serve_alone(settings.database)
    try:
        built = await _compose(
            settings,
            membership,
            clock=clock or SystemClock(),
            trust_clock=trust_clock,
            managers=managers,
            is_linked=is_linked,
        )
    except BaseException:
        let_others_in()
        raise
    built.let_others_in = let_others_in
    return built


async def _compose(
    settings: WorkspaceSettings,
    membership: Membership,
    *,
    clock: Clock,
    trust_clock: Clock | None,
    managers: WorkloadManagers | None,
    is_linked: bool,
) -> Workspace:
    await upgrade(settings)
    encoder = EventEncoder(SHOWN)
    database = await open_database(settings.database, encoder, clock=clock, quotas=settings.quotas)
    trust = trust_of(settings, membership, database, trust_clock or clock)
    workloads = workloads_pb2.DESCRIPTOR.services_by_name["WorkloadService"]
    capacity = capacity_pb2.DESCRIPTOR.services_by_name["CapacityService"]
    channels = Channels(membership.credentials, services=[workloads, capacity])
    directory = DirectoryManagers(channels)
    log_files = open_logs(settings)
    courier = AuditCourier(database, interval_s=settings.audit_shipping_interval_s)
    parts = _parts(
        settings,
        _Base(database, encoder, membership.credentials, await _sealer(settings, database), clock),
        trust,
        courier=courier,
        log_files=log_files,
        managers=managers or directory,
        server=lambda: server,
    )
    denied_serials = DeniedSerials()
    server = _server(parts, membership, trust, denied_serials, clock)
    _close_with(server, parts, log_files, channels)
    member = WorkspaceMember(
        settings,
        policies=trust.policies,
        keys=trust.keys,
        managers=directory,
        ping=database.ping,
        usage=UsageMeter(database, settings.quotas).read,
        ports=lambda: server.ports,
        wake=parts.reconciler.wake,
    )
    link = None
    if is_linked:
        link = Link(membership, member, denied_serials=denied_serials, clock=clock, courier=courier)
        trust.policies.follow(link)
    jobs = [*jobs_of(parts, clock, courier), *await forwarding(parts, server)]
    return _workspace(parts, trust, server, member, link=link, jobs=jobs)


def _key_file(settings: WorkspaceSettings) -> KeyFile:
    return KeyFile(settings.key_file, is_ours=settings.secrets_key_file is None)


async def _sealer(settings: WorkspaceSettings, database: Database) -> Sealer:
    sealer = Sealer(database, _key_file(settings))
    await sealer.load()
    return sealer


@dataclass(frozen=True, slots=True)
class _Base:
    """What everything stands on."""

    database: Database
    encoder: EventEncoder
    credentials: Credentials
    sealer: Sealer
    clock: Clock


def _parts(
    settings: WorkspaceSettings,
    base: _Base,
    trust: Trust,
    *,
    courier: AuditCourier,
    log_files: KeptLogs,
    managers: WorkloadManagers,
    server: Callable[[], MeshServer],
) -> Parts:
    """What the servicers work on; `server` answers once it is built."""
    database, clock = base.database, base.clock
    launching = LaunchSettings(
        endpoint=lambda: endpoint_of(settings, server().ports),
        trust=lambda: base.credentials.trust,
        interval_s=settings.launch_interval_s,
        stop_grace=settings.stop_grace,
        start_patience=settings.start_patience,
    )
    backends = Backends(database, base.sealer, clock)
    secrets = SecretKeeper(database, backends)
    masking = Masking(database, secrets, clock)
    logs = LogKeeper(database, log_files, settings.log_quota, masking, clock=clock)
    with locked(settings.data_dir):
        pages = PageTokens([read_or_make_key(settings.data_dir / "page-token.key", KEY_BYTES)])
    connectors = ConnectorDesk(database, base.sealer, secrets, settings, clock)
    builds = BuildDesk(database, managers, connectors, secrets, trust.policies, clock=clock)
    return Parts(
        settings=settings,
        clock=clock,
        metrics=Metrics(),
        database=database,
        encoder=base.encoder,
        lists=Lists(database, pages, clock),
        access=trust.access,
        policies=trust.policies,
        tokens=trust.tokens,
        sealer=base.sealer,
        connectors=connectors,
        repositories=RepositoryDesk(database, secrets, settings, clock),
        trials=Trials(database, managers, connectors, secrets, settings, clock=clock),
        backends=backends,
        secrets=secrets,
        readers=Readers(database, trust.policies),
        rotation=KeyRotation(
            database, base.sealer, _key_file(settings), interval=settings.secrets_key_interval
        ),
        contents=Contents(settings.artifact_store, database, base.sealer, clock=clock),
        alerts=Alerts(
            database,
            base.sealer,
            settings,
            clock=clock,
            workspace=str(base.credentials.identity.uid),
        ),
        heartbeats=Heartbeats(database, clock),
        health=HealthDesk(database, courier, settings.data_dir, version=version(), clock=clock),
        bells=Bells(),
        masking=masking,
        logs=logs,
        run_archive=RunArchive(database, settings, clock),
        managers=managers,
        builds=builds,
        reconciler=Reconciler(
            database,
            managers,
            trust.tokens,
            launching,
            builds,
            last_lines=LastLines(database, logs),
            clock=clock,
        ),
        is_draining=lambda: server().draining.is_set(),  # noqa: PLW0108 - it comes later
        trust=launching.trust,
    )


def _workspace(
    parts: Parts,
    trust: Trust,
    server: MeshServer,
    member: WorkspaceMember,
    *,
    link: Link | None,
    jobs: Sequence[Job],
) -> Workspace:
    return Workspace(
        settings=parts.settings,
        server=server,
        database=parts.database,
        policies=trust.policies,
        keys=trust.keys,
        heartbeats=parts.heartbeats,
        health=parts.health,
        reconciler=parts.reconciler,
        logs=parts.logs,
        alerts=parts.alerts,
        sealer=parts.sealer,
        archivist=archivist_of(parts.database, parts.logs.logs.backend, parts.settings),
        quotas=QuotaWatch(parts.database, parts.settings.quotas, parts.metrics),
        member=member,
        link=link,
        jobs=jobs,
    )


def _server(
    parts: Parts, membership: Membership, trust: Trust, denied_serials: DeniedSerials, clock: Clock
) -> MeshServer:
    settings, database = parts.settings, parts.database
    denials = DenialLog(database)
    server = MeshServer(
        settings,
        credentials=membership.credentials,
        services=services(parts),
        verifier=trust.verifier,
        authorizer=trust.access,
        clock=clock,
        extra_checks=extra_checks(parts),
        denied=denials,
        denied_serials=denied_serials,
        readiness={"database": database.ping},
        metrics=parts.metrics,
    )
    # What is registered first closes last: denials are written while the database is open.
    server.on_close(database.close)
    server.on_close(denials.close)
    return server


def _close_with(server: MeshServer, parts: Parts, log_files: KeptLogs, channels: Channels) -> None:
    async def close() -> None:
        await parts.heartbeats.flush()
        await parts.connectors.close()
        parts.trials.close()
        await parts.repositories.close()
        parts.alerts.close()
        await parts.logs.close()
        await parts.backends.close()
        await log_files.close()
        await channels.close()

    server.on_close(close)
