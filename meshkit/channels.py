"""Channels to other services of the mesh: mutual TLS, deadlines, retries, rotation.

A peer is known by its SPIFFE id: the channel accepts no certificate but one with the DNS name
derived from that id, whatever the address. When our own certificate rotates, the next stub is
made on a new channel and the old one drains while its streams finish.
"""

import asyncio
import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions

from meshkit import deadlines
from meshkit.caller import current_call
from meshkit.credentials import Credentials
from meshkit.errors import DeadlineExceeded
from meshkit.spiffe import SpiffeId
from weftapi.options.v1 import options_pb2

UNARY_TIMEOUT_S = 10.0
# Longer than any stream lives (server settings: stream age and its tenth).
_DRAIN_S = 2_100.0
_MESSAGE_BYTES = 4 << 20
_RETRY = {
    # The first try and four more; gRPC knows no jitter but its own.
    "maxAttempts": 5,
    "initialBackoff": "0.1s",
    "maxBackoff": "1s",
    "backoffMultiplier": 2,
    # CANCELLED: a server that drains says it to calls that arrive before they hear of its end.
    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
}

StubT = TypeVar("StubT")
Metadata = Sequence[tuple[str, str]]


class Channels:
    """Every channel of this process to its peers; closes them all."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        services: Iterable[ServiceDescriptor] = (),
        timeout_s: float = UNARY_TIMEOUT_S,
    ) -> None:
        self._credentials = credentials
        self._service_config = service_config(services)
        self._timeout_s = timeout_s
        self._peers: dict[tuple[SpiffeId, str], PeerChannel] = {}

    def to(self, peer: SpiffeId, address: str) -> "PeerChannel":
        """The channel to a peer at an address ("host:port"), made when first asked for."""
        key = (peer, address)
        channel = self._peers.get(key)
        if channel is None:
            channel = self._peers[key] = PeerChannel(
                self._credentials,
                peer,
                address,
                service_config=self._service_config,
                timeout_s=self._timeout_s,
            )
        return channel

    async def close(self, grace_s: float | None = None) -> None:
        """Closes every channel; streams and calls may take `grace_s` seconds to finish."""
        await asyncio.gather(*(channel.close(grace_s) for channel in self._peers.values()))
        self._peers.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _cls: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        await self.close()


class PeerChannel:
    """The connections to one peer: one for calls, one for streams.

    Ask for the stub each time it is used: it is cached, and made anew after a rotation.
    """

    def __init__(
        self,
        credentials: Credentials,
        peer: SpiffeId,
        address: str,
        *,
        service_config: str,
        timeout_s: float,
    ) -> None:
        self._credentials = credentials
        self._address = address
        self._timeout_s = timeout_s
        self._options: list[tuple[str, Any]] = [
            ("grpc.ssl_target_name_override", peer.dns_name),
            ("grpc.service_config", service_config),
            ("grpc.enable_retries", 1),
            ("grpc.max_receive_message_length", _MESSAGE_BYTES),
            ("grpc.keepalive_time_ms", 30_000),
            ("grpc.keepalive_timeout_ms", 10_000),
            ("grpc.http2.max_pings_without_data", 0),
            # A channel must not find the connection of one that has other credentials.
            ("grpc.use_local_subchannel_pool", 1),
        ]
        self._version = 0
        self._open: dict[bool, grpc.aio.Channel] = {}
        self._stubs: dict[tuple[Any, bool], Any] = {}
        self._draining: set[asyncio.Task[None]] = set()
        # gRPC cannot hurry a channel whose close is already waiting; cancelling its calls does.
        self._calls: set[Any] = set()

    def stub(self, cls: Callable[[Any], StubT]) -> StubT:
        """A stub for unary calls, each with a deadline and our trace and request ids."""
        return self._stub(cls, for_streams=False)

    def stream_stub(self, cls: Callable[[Any], StubT]) -> StubT:
        """A stub for streams, on a connection of its own.

        Its flow-control window stays small (S25), so that a slow reader is felt by the writer
        after 95 KiB instead of megabytes, and never delays the unary calls.
        """
        return self._stub(cls, for_streams=True)

    async def close(self, grace_s: float | None = None) -> None:
        """Closes both connections, and cancels what still drains on old ones."""
        await asyncio.gather(*(channel.close(grace_s) for channel in self._open.values()))
        self._open.clear()
        self._stubs.clear()
        for call in tuple(self._calls):
            call.cancel()
        await asyncio.gather(*self._draining)

    def _stub(self, cls: Callable[[Any], StubT], *, for_streams: bool) -> StubT:
        self._follow_rotation()
        stub = self._stubs.get((cls, for_streams))
        if stub is None:
            channel = self._channel(for_streams=for_streams)
            stub = cls(_Timed(channel, self._timeout_s, self._calls))
            self._stubs[cls, for_streams] = stub
        return cast("StubT", stub)

    def _follow_rotation(self) -> None:
        version = self._credentials.version
        if version == self._version:
            return
        self._version = version
        for channel in self._open.values():
            task = asyncio.create_task(channel.close(_DRAIN_S))
            self._draining.add(task)
            task.add_done_callback(self._draining.discard)
        self._open.clear()
        self._stubs.clear()

    def _channel(self, *, for_streams: bool) -> grpc.aio.Channel:
        channel = self._open.get(for_streams)
        if channel is None:
            probe = [("grpc.http2.bdp_probe", 0)] if for_streams else []
            channel = self._open[for_streams] = grpc.aio.secure_channel(
                self._address, self._credentials.for_channel(), [*self._options, *probe]
            )
        return channel


class _Timed:
    """What stubs take for a channel: adds deadlines and ids without gRPC's interceptors.

    An aio interceptor costs a task for each call; a closure costs nothing.
    """

    def __init__(self, channel: grpc.aio.Channel, timeout_s: float, calls: set[Any]) -> None:
        self._channel = channel
        self._timeout_s = timeout_s
        self._calls = calls

    def unary_unary(self, *args: Any, **kwargs: Any) -> Callable[..., Any]:
        traced = self._traced(self._channel.unary_unary(*args, **kwargs))

        def timed(request: Any, *, timeout: float | None = None, **more: Any) -> Any:
            limit = deadlines.limit(self._timeout_s if timeout is None else timeout)
            if limit <= 0:
                # gRPC still sends a call whose deadline has passed, and may even succeed.
                raise DeadlineExceeded("DEADLINE", "No time is left to ask another service.")
            return traced(request, timeout=limit, **more)

        return timed

    def unary_stream(self, *args: Any, **kwargs: Any) -> Callable[..., Any]:
        return self._traced(self._channel.unary_stream(*args, **kwargs))

    def stream_unary(self, *args: Any, **kwargs: Any) -> Callable[..., Any]:
        return self._traced(self._channel.stream_unary(*args, **kwargs))

    def stream_stream(self, *args: Any, **kwargs: Any) -> Callable[..., Any]:
        return self._traced(self._channel.stream_stream(*args, **kwargs))

    def _traced(self, begin: Callable[..., Any]) -> Callable[..., Any]:
        calls = self._calls

        def traced(request: Any = None, *, metadata: Metadata = (), **more: Any) -> Any:
            call = begin(request, metadata=_with_ids(metadata), **more)
            calls.add(call)
            call.add_done_callback(calls.discard)
            return call

        return traced


def _with_ids(metadata: Metadata) -> list[tuple[str, str]]:
    """Adds the ids of the call being served, so that logs and traces join across services."""
    call = current_call.get(None)
    joined = list(metadata)
    if call is None:
        return joined
    joined.append(("x-request-id", call.request_id))
    if call.trace_id:
        joined.append(("traceparent", f"00-{call.trace_id}-{secrets.token_hex(8)}-01"))
    return joined


def service_config(services: Iterable[ServiceDescriptor]) -> str:
    """The gRPC service config (JSON) that retries what is safe to repeat while UNAVAILABLE.

    Safe are reads, and changes that carry a `request_id`. Retries happen only before the first
    bytes of an answer: resuming a stream is its reader's own business.
    """
    names = [
        {"service": service.full_name, "method": method.name}
        for service in services
        for method in service.methods
        if _is_safe_to_repeat(method)
    ]
    methods: list[Mapping[str, Any]] = [{"name": names, "retryPolicy": _RETRY}] if names else []
    return json.dumps({"loadBalancingConfig": [{"round_robin": {}}], "methodConfig": methods})


def _is_safe_to_repeat(method: MethodDescriptor) -> bool:
    options = method.GetOptions()
    audit = options.Extensions[options_pb2.audit].mode
    return (
        options.idempotency_level == MethodOptions.NO_SIDE_EFFECTS
        or audit == options_pb2.AuditPolicy.MODE_NONE
        or "request_id" in method.input_type.fields_by_name
    )
