"""A server of the mesh: three listeners, health, metrics, and an orderly end.

Three server objects, because all ports of one gRPC server serve the same services, and Python
gRPC cannot ask for an *optional* client certificate: **edge** (TLS, bearer tokens), **mesh**
(mutual TLS) and **health** (plaintext, for the kubelet, which speaks no TLS).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import structlog
from google.protobuf.descriptor import ServiceDescriptor

from meshkit import rules
from meshkit.access import AccessError, Handler, Listener, compile_policies, handler_problems
from meshkit.authentication import Authenticator, DeniedSerials, PeerCheck, Verifier
from meshkit.builtin import Bound, Health, reflection_handlers
from meshkit.clock import Clock, SystemClock
from meshkit.config import ServerSettings
from meshkit.credentials import Credentials, PublicPair
from meshkit.limits import Limits, Rate, RateLimiter, StreamSlots
from meshkit.recording import Denied, Recorder, no_denial_is_audited
from meshkit.scopes import ExtraCheck, Gate, compose
from meshkit.spiffe import SpiffeId
from meshkit.streams import Authorizer, OpenStreams, StreamTimes
from meshkit.telemetry import Metrics, MetricsServer

log = structlog.get_logger()

ReadinessCheck = Callable[[], Awaitable[None]]
_CHECK_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Service:
    """A service to serve: its descriptor, the generated function that adds it, the servicer."""

    descriptor: ServiceDescriptor
    add_to_server: Callable[[Any, Any], None]
    servicer: Any


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports that were bound."""

    edge: int
    mesh: int
    health: int
    metrics: int


class MeshServer:
    """Serves services to people and to the mesh.

    Raises AccessError at once, with every problem, where a method is unmarked or unsound.
    `readiness` checks raise whatever they like when the server cannot do its work.
    """

    def __init__(
        self,
        settings: ServerSettings,
        *,
        credentials: Credentials,
        services: Sequence[Service],
        verifier: Verifier,
        authorizer: Authorizer,
        clock: Clock | None = None,
        extra_checks: Mapping[str, ExtraCheck] | None = None,
        denied: Denied = no_denial_is_audited,
        denied_serials: DeniedSerials | None = None,
        allows_peer: PeerCheck | None = None,
        readiness: Mapping[str, ReadinessCheck] | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._settings = settings
        self._credentials = credentials
        self._public = _public_pair(settings)
        self._readiness = dict(readiness or {})
        self.metrics = metrics or Metrics()
        self.draining = asyncio.Event()
        self._on_close: list[Callable[[], Awaitable[None]]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._closing: asyncio.Task[None] | None = None
        self._ports: Ports | None = None
        self._metrics_server: MetricsServer | None = None
        self.health = Health(service.descriptor.full_name for service in services)
        clock = clock or SystemClock()
        shared = _Shared(
            settings=settings,
            verifier=verifier,
            authorizer=authorizer,
            clock=clock,
            recorder=Recorder(self.metrics, clock, denied, slow_call_s=settings.slow_call_s),
            limits=_limits(settings, clock),
            denied_serials=denied_serials or DeniedSerials(),
            allows_peer=allows_peer or _same_trust_domain(credentials.identity),
            extra_checks=dict(extra_checks or {}),
        )
        self._listen(services, shared)

    def _listen(self, services: Sequence[Service], shared: "_Shared") -> None:
        """Gives each listener its methods."""
        names = [service.descriptor.full_name for service in services]
        health = self.health.handlers()
        reflection = reflection_handlers(names, is_open=shared.settings.open_reflection)
        bound = {**_bind(services, shared.extra_checks), **health, **reflection}
        edge, mesh = shared.gate(Listener.EDGE), shared.gate(Listener.MESH)
        # Nobody shows a certificate to the health listener either.
        probe = shared.gate(Listener.EDGE)
        self._open_streams = [edge.streams, mesh.streams, probe.streams]
        self._edge = _listener(shared.settings, _Dispatch(edge, _on(Listener.EDGE, bound)))
        self._mesh = _listener(shared.settings, _Dispatch(mesh, _on(Listener.MESH, bound)))
        self._health = _listener(shared.settings, _Dispatch(probe, health))
        self.metrics.watch_streams(lambda: shared.limits.streams.count)
        self.metrics.counter(
            "weft_rpc_slow_consumers",
            "Streams ended because their reader took nothing for too long.",
            lambda: sum(streams.slow_consumers for streams in self._open_streams),
        )

    @property
    def ports(self) -> Ports:
        """The bound ports; raises RuntimeError before `start`."""
        if self._ports is None:
            raise RuntimeError("the server has not started")
        return self._ports

    def on_close(self, hook: Callable[[], Awaitable[None]]) -> None:
        """Runs the hook after the last call has ended; the last one registered runs first."""
        self._on_close.append(hook)

    async def start(self) -> Ports:
        """Binds every listener and serves."""
        settings, credentials = self._settings, self._credentials
        edge_credentials = credentials.for_edge(self._public)
        host, _, port = settings.metrics_address.rpartition(":")
        edge = self._edge.add_secure_port(settings.edge_address, edge_credentials)
        mesh = self._mesh.add_secure_port(settings.mesh_address, credentials.for_server())
        health = self._health.add_insecure_port(settings.health_address)
        self._metrics_server = MetricsServer(self.metrics, host, int(port))
        self._ports = Ports(edge, mesh, health, self._metrics_server.port)
        await self._check_readiness()
        await asyncio.gather(*(server.start() for server in self._listeners))
        for work, interval_s in (
            (self._sweep, settings.stream_sweep_s),
            (self._check_readiness, settings.readiness_interval_s),
        ):
            self._tasks.append(asyncio.create_task(self._every(work, interval_s)))
        return self._ports

    async def stop(self) -> None:
        """Drains: says NOT_SERVING, asks streams to end, waits for calls, closes everything."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        self.health.drain()
        self.draining.set()
        for streams in self._open_streams:
            streams.drain()
        await asyncio.gather(*(s.stop(self._settings.drain_s) for s in (self._edge, self._mesh)))
        # Last, so that probes see NOT_SERVING to the end instead of a closed port.
        await self._health.stop(0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._metrics_server:
            await asyncio.to_thread(self._metrics_server.close)
        for hook in reversed(self._on_close):
            await hook()

    @property
    def _listeners(self) -> tuple[grpc.aio.Server, ...]:
        return (self._edge, self._mesh, self._health)

    async def _every(self, work: Callable[[], Awaitable[None]], interval_s: float) -> None:
        while True:
            await asyncio.sleep(interval_s)
            try:
                await work()
            except Exception:
                log.exception("background_work_failed", work=work.__name__)

    async def _sweep(self) -> None:
        self._refresh_certificates()
        for streams in self._open_streams:
            await streams.sweep()

    def _refresh_certificates(self) -> None:
        # Files that are being replaced do not fit together for a moment; the next sweep
        # finds them whole, and until then the old ones serve.
        sources = (self._credentials, self._public) if self._public else (self._credentials,)
        for source in sources:
            try:
                if source.refresh():
                    log.info("certificates_reloaded", version=source.version)
            except (OSError, ValueError) as error:
                log.warning("certificates_unusable", error=str(error))

    async def _check_readiness(self) -> None:
        is_ready = True
        for name, check in self._readiness.items():
            try:
                async with asyncio.timeout(_CHECK_TIMEOUT_S):
                    await check()
            except Exception as error:  # noqa: BLE001 - whatever a check raises means no
                is_ready = False
                log.warning("not_ready", check=name, error=repr(error))
        self.health.set_ready(is_ready=is_ready)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    """What the listeners of a server have in common."""

    settings: ServerSettings
    verifier: Verifier
    authorizer: Authorizer
    clock: Clock
    recorder: Recorder
    limits: Limits
    denied_serials: DeniedSerials
    allows_peer: PeerCheck
    extra_checks: Mapping[str, ExtraCheck]

    def gate(self, listener: Listener) -> Gate:
        """What the scopes of one listener need."""
        authenticator = Authenticator(
            listener,
            verifier=self.verifier,
            clock=self.clock,
            denied=self.denied_serials,
            allows_peer=self.allows_peer,
            charge_address=self.limits.take_address,
        )
        streams = OpenStreams(
            _stream_times(self.settings),
            authenticator=authenticator,
            authorizer=self.authorizer,
            limits=self.limits,
            clock=self.clock,
        )
        return Gate(
            authenticator=authenticator,
            authorizer=self.authorizer,
            limits=self.limits,
            streams=streams,
            recorder=self.recorder,
            extra_checks=self.extra_checks,
            unary_deadline_s=self.settings.unary_deadline_s,
            first_message_s=self.settings.first_message_s,
        )


class _Dispatch(grpc.GenericRpcHandler):
    """Finds handlers by the exact path: no other spelling of it reaches anything.

    A method is composed when it is first called: few servers are asked for all they have.
    """

    def __init__(self, gate: Gate, bound: Mapping[str, Bound]) -> None:
        self._gate = gate
        self._bound = bound
        self._composed: dict[str, Handler] = {}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        path = handler_call_details.method
        handler = self._composed.get(path)
        if handler is None and path in self._bound:
            policy, behaviour = self._bound[path]
            handler = self._composed[path] = compose(self._gate, policy, behaviour)
        return handler


class _Collector:
    """Takes the place of a server in generated code, to get at the handlers."""

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}

    def add_generic_rpc_handlers(self, _handlers: object) -> None:
        """The registered handlers are the same ones by name."""

    def add_registered_method_handlers(self, _service: str, handlers: dict[str, Handler]) -> None:
        self.handlers.update(handlers)


def _bind(services: Sequence[Service], extra_checks: Mapping[str, ExtraCheck]) -> dict[str, Bound]:
    """Joins each method's policy and handler; raises AccessError listing all problems."""
    bound: dict[str, Bound] = {}
    problems = list(_rule_problems(services))
    for service in services:
        collector = _Collector()
        service.add_to_server(service.servicer, collector)
        problems += handler_problems(service.descriptor, collector.handlers)
        try:
            policies = compile_policies(service.descriptor, extra_checks=extra_checks)
        except AccessError as error:
            problems += error.problems
            continue
        for path, policy in policies.items():
            handler = collector.handlers.get(path.rpartition("/")[2])
            if handler is not None:
                bound[path] = (policy, handler)
    if problems:
        raise AccessError(problems)
    return bound


def _rule_problems(services: Sequence[Service]) -> Iterator[str]:
    try:
        rules.compile_all({service.descriptor.file for service in services})
    except rules.BadRuleError as error:
        yield str(error)


def _on(listener: Listener, bound: Mapping[str, Bound]) -> dict[str, Bound]:
    return {path: entry for path, entry in bound.items() if listener in entry[0].listeners}


def _listener(settings: ServerSettings, dispatch: _Dispatch) -> grpc.aio.Server:
    options = [
        # A second process that binds our port must fail, not share our traffic.
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", settings.max_message_bytes),
        ("grpc.max_send_message_length", settings.max_message_bytes),
        # The soft and the hard limit: between them refusals would be random.
        ("grpc.max_metadata_size", settings.max_metadata_bytes),
        ("grpc.absolute_max_metadata_size", settings.max_metadata_bytes),
        # gRPC spreads the age by a tenth itself.
        ("grpc.max_connection_age_ms", int(settings.connection_age_s * 1000)),
        ("grpc.max_connection_age_grace_ms", int(settings.connection_grace_s * 1000)),
        # Clients ping every 30 s; faster ones are sent away.
        ("grpc.http2.min_ping_interval_without_data_ms", 20_000),
        # And we ping them, so that a stream whose client vanished without a word is freed.
        ("grpc.keepalive_time_ms", 20_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.http2.max_pings_without_data", 0),
    ]
    return grpc.aio.server(
        handlers=[dispatch],
        options=options,
        maximum_concurrent_rpcs=settings.max_concurrent_calls,
    )


def _limits(settings: ServerSettings, clock: Clock) -> Limits:
    principals = Rate(settings.rate_per_second, settings.rate_burst)
    peers = Rate(settings.peer_rate_per_second, settings.peer_rate_burst)
    return Limits(
        RateLimiter(principals, clock.monotonic),
        RateLimiter(peers, clock.monotonic),
        StreamSlots(settings.max_streams),
        settings.max_streams_per_principal,
        settings.max_streams_per_run,
    )


def _stream_times(settings: ServerSettings) -> StreamTimes:
    return StreamTimes(settings.stream_age_s, settings.stream_recheck_s, settings.slow_consumer_s)


def _public_pair(settings: ServerSettings) -> PublicPair | None:
    if settings.edge_key_file is None or settings.edge_certificate_file is None:
        return None
    return PublicPair(settings.edge_key_file, settings.edge_certificate_file)


def _same_trust_domain(own: SpiffeId) -> PeerCheck:
    return lambda peer: peer.trust_domain == own.trust_domain
