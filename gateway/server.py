"""The composition root: every object of the gateway, built and wired."""

import asyncio
import contextlib
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from google.protobuf.descriptor import ServiceDescriptor

import weftapi
from gateway import openapi
from gateway.app import Gateway
from gateway.arriving import Arriving
from gateway.callback import Callback
from gateway.config import GatewaySettings
from gateway.contract import Contract
from gateway.listener import HttpListener, tls_context
from gateway.loopback import ForProbes, OfThisMachine
from gateway.mesh import GatewayMember, connect
from gateway.oauth import OAuth
from gateway.pages import Health
from gateway.routes import RouteTable
from gateway.sessions import Sessions
from gateway.signing_in import SigningIn
from gateway.static import Dashboard
from gateway.upstreams import Upstream, Upstreams
from meshkit.authentication import DeniedSerials
from meshkit.channels import Channels
from meshkit.clock import SystemClock
from meshkit.credentials import CHAIN_FILE, KEY_FILE
from meshkit.files import locked
from meshkit.link import Link
from meshkit.membership import Membership, membership_of
from meshkit.telemetry import Metrics, MetricsServer

log = structlog.get_logger()

CONTROL_PLANE_PACKAGE = "weftapi.controlplane.v1"
WORKSPACE_PACKAGE = "weftapi.workspace.v1"
_REFRESH_S = 1.0


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports that were bound."""

    edge: int
    health: int
    metrics: int


class GatewayServer:
    """The gateway with its listeners, its link to the control plane, and its end."""

    def __init__(self, settings: GatewaySettings, membership: Membership) -> None:
        contract = Contract.load(Path(weftapi.__path__[0]) / "weftapi.protoset")
        control_plane = contract.services(CONTROL_PLANE_PACKAGE)
        workspace = contract.services(WORKSPACE_PACKAGE)
        self._settings = settings
        self._credentials = membership.credentials
        self._metrics = Metrics()
        self._channels = Channels(membership.credentials, services=[*control_plane, *workspace])
        peer = self._channels.to(membership.control_plane, membership.mesh_endpoint)
        server = connect("controlplane", _names(control_plane), peer)
        upstreams = Upstreams(
            [server],
            workspace_services=_names(workspace),
            default_workspace=settings.default_workspace,
        )
        table = RouteTable([*control_plane, *workspace])
        self.app = self._application(contract, table, upstreams, server)
        self._tls = tls_context(*self._tls_files())
        self._tls_stamp = self._stamp()
        drain_s = settings.drain_s
        self._edge = HttpListener(self.app, settings.edge_address, tls=self._tls, drain_s=drain_s)
        probed = ForProbes(self.app, Health.PATHS)
        self._health = HttpListener(probed, settings.health_address, drain_s=1)
        browser = settings.browser_address
        # Browsers treat this machine's own addresses as safe, and keep secure cookies of theirs.
        own = OfThisMachine(self.app)
        self._browser = HttpListener(own, browser, drain_s=drain_s) if browser else None
        member = GatewayMember(
            upstreams,
            self._channels,
            workspace_services=_names(workspace),
            edge_endpoint=urlsplit(settings.public_url).netloc or f"127.0.0.1:{self._edge.port}",
        )
        self._link = Link(membership, member, denied_serials=DeniedSerials(), clock=SystemClock())
        self._tasks: list[asyncio.Task[None]] = []
        self._metrics_server: MetricsServer | None = None

    def _application(
        self, contract: Contract, table: RouteTable, upstreams: Upstreams, server: Upstream
    ) -> Gateway:
        settings = self._settings
        health = Health(upstreams, is_draining=lambda: self.app.is_draining)
        oauth = OAuth(
            server,
            public_url=settings.public_url,
            grpc_endpoint=settings.control_plane_endpoint,
        )
        sessions = Sessions(server)
        signing_in = SigningIn(server, sessions, upstreams)
        document = openapi.build(contract, table, version=version("weft-server"))
        return Gateway(
            contract,
            table,
            upstreams,
            pages={
                **health.pages(),
                **oauth.pages(),
                **Callback(server).pages(),
                **signing_in.pages(),
                **Arriving(
                    server, signing_in, public_url=settings.public_url, base=settings.base
                ).pages(),
                "/openapi.json": openapi.page(document),
            },
            sessions=sessions,
            dashboard=Dashboard(base=settings.base),
            limits=settings.limits(),
            policy=settings.policy(),
            timing=settings.timing(),
            metrics=self._metrics,
        )

    async def start(self) -> Ports:
        """Serves on every listener, and links to the control plane."""
        host, _, port = self._settings.metrics_address.rpartition(":")
        self._metrics_server = MetricsServer(self._metrics, host, int(port))
        await self._edge.start()
        await self._health.start()
        if self._browser is not None:
            await self._browser.start()
        for work in (self._link.run(), self._refresh()):
            task = asyncio.create_task(work)
            task.add_done_callback(_report)
            self._tasks.append(task)
        return Ports(self._edge.port, self._health.port, self._metrics_server.port)

    async def stop(self) -> None:
        """Drains: is no longer ready, ends streams with an event, lets unary calls finish."""
        self.app.drain()
        listeners = (self._edge, self._browser, self._health)
        await asyncio.gather(*(listener.stop() for listener in listeners if listener is not None))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._channels.close()
        if self._metrics_server is not None:
            await asyncio.to_thread(self._metrics_server.close)

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(_REFRESH_S)
            try:
                self._credentials.refresh()
                self._refresh_tls()
            except (OSError, ValueError) as error:
                # Files that are being replaced do not fit together for a moment.
                log.warning("certificates_unusable", error=str(error))

    def _refresh_tls(self) -> None:
        stamp = self._stamp()
        if stamp != self._tls_stamp:
            with contextlib.suppress(ssl.SSLError):
                self._tls.load_cert_chain(*self._tls_files())
                self._tls_stamp = stamp

    def _tls_files(self) -> tuple[Path, Path]:
        settings = self._settings
        if settings.edge_certificate_file and settings.edge_key_file:
            return settings.edge_certificate_file, settings.edge_key_file
        return settings.credentials_dir / CHAIN_FILE, settings.credentials_dir / KEY_FILE

    def _stamp(self) -> tuple[int, ...]:
        return tuple(file.stat().st_mtime_ns for file in self._tls_files())


def _names(services: Iterable[ServiceDescriptor]) -> frozenset[str]:
    return frozenset(service.full_name for service in services)


def _report(task: asyncio.Task[None]) -> None:
    # These run until they are cancelled: an end of another kind must not pass in silence.
    if not task.cancelled():
        log.error("background_work_ended", exc_info=task.exception())


async def build(settings: GatewaySettings) -> GatewayServer:
    """Joins the mesh, or remembers that it has, and builds the server."""
    settings.credentials_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Replicas share the directory, and may start for the first time together.
    with locked(settings.credentials_dir):
        membership = await membership_of(settings)
    return GatewayServer(settings, membership)
