"""Composition root of the workload manager: every object built and wired, top to bottom."""

import asyncio
import secrets
from contextlib import AsyncExitStack
from pathlib import Path

from meshkit.authentication import DeniedSerials
from meshkit.clock import Clock, SystemClock
from meshkit.credentials import Credentials
from meshkit.files import locked
from meshkit.link import Link
from meshkit.membership import Membership, membership_of
from meshkit.paging import KEY_BYTES, PageTokens
from meshkit.server import MeshServer, Ports, Service
from meshkit.tokens import TokenVerifier
from weftapi.controlplane.v1 import enrollment_pb2
from weftapi.options.v1 import options_pb2  # noqa: F401  # its extensions must be known
from weftapi.workloads.v1 import (
    capacity_pb2,
    capacity_pb2_grpc,
    workloads_pb2,
    workloads_pb2_grpc,
)
from workloads import __version__
from workloads.access import AllowedWorkspaces
from workloads.config import WorkloadsSettings
from workloads.feed import Feed
from workloads.launchers import Engine
from workloads.launchers.process import ProcessLauncher, ProcessSettings
from workloads.operations.workloads import Workloads
from workloads.retention import Retention
from workloads.servicers.capacity import CapacityServicer
from workloads.servicers.workloads import WorkloadServicer

# What killing takes after the grace period.
_KILL_S = 5.0


class WorkloadManager:
    """The server with the engine below it, and the link to the control plane beside it."""

    def __init__(
        self,
        settings: WorkloadsSettings,
        *,
        credentials: Credentials,
        membership: Membership | None,
        launcher: Engine,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._denied_serials = DeniedSerials()
        self._membership = membership
        self._clock = clock
        self._allowed = AllowedWorkspaces(settings.state_dir, settings.allowed_workspaces)
        self._feed = Feed()
        self._launcher = launcher
        self._workloads = workloads = Workloads(launcher, self._feed)
        # Tokens die with the process, as the revisions do that they hold.
        tokens = PageTokens([secrets.token_bytes(KEY_BYTES)])
        services = _services(
            WorkloadServicer(workloads, self._feed, launcher, tokens),
            CapacityServicer(launcher, tokens, clock),
        )
        self._server = MeshServer(
            settings,
            credentials=credentials,
            services=services,
            # Nobody signs in here: people ask their workspace.
            verifier=TokenVerifier([], audience="", clock=clock),
            authorizer=self._allowed,
            clock=clock,
            denied_serials=self._denied_serials,
            readiness={"state_directory": self._check_state_directory},
        )
        self._stack = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> Ports:
        """Takes up the workloads that are there, then serves."""
        await self._stack.enter_async_context(self._launcher)
        self._launcher.observe(self._feed.hear)
        ports = await self._server.start()
        retention = Retention(
            self._feed, self._launcher, default_ttl_s=self._settings.ttl_s, clock=self._clock
        )
        self._tasks.append(asyncio.create_task(retention.run()))
        if self._membership is not None:
            member = _Member(self._settings, self._allowed, ports)
            link = Link(
                self._membership,
                member,
                denied_serials=self._denied_serials,
                clock=self._clock,
            )
            self._tasks.append(asyncio.create_task(link.run()))
        return ports

    async def stop(self) -> None:
        """Drains and closes; workloads go on under their shims, unless they are to end."""
        await self._server.stop()
        if self._settings.end_on_stop:
            grace_s = self._settings.grace_s
            await self._workloads.end_all(grace_s=grace_s, timeout_s=grace_s + _KILL_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()

    async def _check_state_directory(self) -> None:
        await asyncio.to_thread((self._settings.state_dir / "alive").touch)


def _services(workloads: WorkloadServicer, capacity: CapacityServicer) -> list[Service]:
    of_workloads = workloads_pb2.DESCRIPTOR.services_by_name["WorkloadService"]
    of_capacity = capacity_pb2.DESCRIPTOR.services_by_name["CapacityService"]
    add_workloads = workloads_pb2_grpc.add_WorkloadServiceServicer_to_server
    add_capacity = capacity_pb2_grpc.add_CapacityServiceServicer_to_server
    return [
        Service(of_workloads, add_workloads, workloads),
        Service(of_capacity, add_capacity, capacity),
    ]


class _Member:
    """What the manager says on its link (protocol: meshkit.link.Member)."""

    def __init__(
        self, settings: WorkloadsSettings, allowed: AllowedWorkspaces, ports: Ports
    ) -> None:
        host = settings.mesh_address.rpartition(":")[0]
        self._mesh_endpoint = settings.advertised_mesh_address or f"{host}:{ports.mesh}"
        self._allowed = allowed

    def hello(self) -> enrollment_pb2.LinkHello:
        return enrollment_pb2.LinkHello(version=__version__, mesh_endpoint=self._mesh_endpoint)

    async def health(self) -> enrollment_pb2.LinkHealth:
        return enrollment_pb2.LinkHealth()

    async def hear(self, message: enrollment_pb2.LinkResponse) -> None:
        if message.HasField("directory"):
            await asyncio.to_thread(self._allowed.replace, message.directory)


async def build(settings: WorkloadsSettings) -> WorkloadManager:
    """Joins the mesh where that is asked for, and composes the manager."""
    settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    membership = await _join(settings)
    credentials = membership.credentials if membership else Credentials(settings.credentials_dir)
    return await compose(settings, credentials=credentials, membership=membership)


async def compose(
    settings: WorkloadsSettings, *, credentials: Credentials, membership: Membership | None
) -> WorkloadManager:
    """The manager over the engine that its settings name."""
    clock = SystemClock()
    launcher = await _launcher(settings, clock)
    return WorkloadManager(
        settings, credentials=credentials, membership=membership, launcher=launcher, clock=clock
    )


async def _launcher(settings: WorkloadsSettings, clock: Clock) -> Engine:
    if settings.engine == "process":
        return ProcessLauncher(_process_settings(settings), clock)
    # Its client takes a second to import and the memory of a small server.
    from workloads.launchers.kubernetes import build

    return await build(settings)


async def _join(settings: WorkloadsSettings) -> Membership | None:
    """The place in the mesh; None where credentials were laid ready without a control plane."""
    if not settings.control_plane_endpoint:
        return None
    settings.credentials_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Replicas share the directory, and may start for the first time together.
    with locked(settings.credentials_dir):
        return await membership_of(settings)


def _process_settings(settings: WorkloadsSettings) -> ProcessSettings:
    return ProcessSettings(
        state_directory=Path(settings.state_dir).absolute(),
        slots=settings.slots,
        environment={
            "PATH": settings.workload_path,
            "HOME": settings.workload_home,
            "LANG": settings.workload_lang,
        },
        max_queued=settings.max_queued,
        grace_s=settings.grace_s,
        log_limit_bytes=settings.log_limit_bytes,
        cgroup=settings.cgroup_dir,
        project_slots=settings.project_slots,
        gpus=settings.gpus,
    )
