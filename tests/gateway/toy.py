"""The toy library of toy.proto, over real gRPC, and what tests need to talk through a gateway."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote

import grpc
from google.api import httpbody_pb2
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from gateway.app import Gateway
from gateway.contract import Contract, message_class
from gateway.pages import Health
from gateway.routes import RouteTable
from gateway.upstreams import Upstream, Upstreams

HERE = Path(__file__).resolve().parent
CONTRACT = Contract.load(HERE / "toy.protoset")
SERVICES = CONTRACT.services("toy.v1")
NAMES = frozenset(service.full_name for service in SERVICES)
LIBRARY, ECHO = "/toy.v1.LibraryService", "/toy.v1.EchoService"
NO_BDP = [("grpc.http2.bdp_probe", 0)]


def new(name: str, /, **fields: Any) -> Any:
    """A message of the toy's package."""
    return message_class(CONTRACT.pool.FindMessageTypeByName(f"toy.v1.{name}"))(**fields)


@dataclass
class Seen:
    """One call as the service saw it."""

    method: str
    request: Any
    metadata: dict[str, Any]
    pairs: list[tuple[str, Any]]
    time_remaining: float | None


@dataclass
class Toy:
    """The service. Tests read `seen`, and script what it does next."""

    address: str = ""
    health: Any = None
    peers: list[Any] | None = None
    seen: list[Seen] = field(default_factory=list)
    # Answers to come, by method; the default answers with what was asked.
    answers: dict[str, Any] = field(default_factory=dict)
    # Streams: what WatchBook plays.
    watch: Callable[[Any, Any], AsyncIterator[Any]] | None = None
    called: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    initial: list[tuple[str, Any]] = field(default_factory=list)
    trailing: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def last(self) -> Seen:
        return self.seen[-1]

    async def unary(self, method: str, request: Any, context: Any) -> Any:
        self._note(method, request, context)
        if self.initial:
            await context.send_initial_metadata(self.initial)
        if self.trailing:
            context.set_trailing_metadata(self.trailing)
        if method in self.answers:
            return self.answers[method]
        return await getattr(self, f"_{method.lower()}")(request, context)

    async def stream(self, method: str, request: Any, context: Any) -> AsyncIterator[Any]:
        self._note(method, request, context)
        if self.initial:
            await context.send_initial_metadata(self.initial)
        try:
            if method == "DownloadParts":
                yield httpbody_pb2.HttpBody(content_type="text/csv", data=b"a,b\n")
                if request.broken:
                    await context.abort(grpc.StatusCode.DATA_LOSS, "lost")
                yield httpbody_pb2.HttpBody(data=b"1,2\n")
                return
            assert self.watch is not None
            async for message in self.watch(request, context):
                yield message
        finally:
            self.cancelled.set()

    def _note(self, method: str, request: Any, context: Any) -> None:
        self.called.set()
        if self.peers is not None:
            self.peers.append(context.auth_context()["peer_spiffe_id"][0].decode())
        pairs = list(context.invocation_metadata())
        self.seen.append(Seen(method, request, dict(pairs), pairs, context.time_remaining()))

    async def _getbook(self, request: Any, _: Any) -> Any:
        return new("Book", name=request.name or f"isbn/{request.isbn}", title="Dune", etag="v1")

    async def _listbooks(self, request: Any, _: Any) -> Any:
        return new("ListBooksResponse", books=[new("Book", name=f"{request.parent}/books/1")])

    async def _createbook(self, request: Any, _: Any) -> Any:
        return request.book

    async def _updatebook(self, request: Any, _: Any) -> Any:
        return request

    _amendbook = _updatebook

    async def _deletebook(self, *_: Any) -> Any:
        return empty()

    async def _lendbook(self, request: Any, _: Any) -> Any:
        return new("LendBookResponse", book=new("Book", name=request.name, title=request.borrower))

    async def _echo(self, request: Any, _: Any) -> Any:
        return request

    async def _headers(self, *_: Any) -> Any:
        return new("HeadersResponse")

    async def _download(self, *_: Any) -> Any:
        return httpbody_pb2.HttpBody(content_type="application/pdf", data=b"%PDF\x00\xff")

    async def _upload(self, request: Any, _: Any) -> Any:
        return new("UploadRequest", name=request.name)

    async def _wait(self, *_: Any) -> Any:
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()

    async def _fail(self, request: Any, context: Any) -> Any:
        code = next(c for c in grpc.StatusCode if c.value[0] == request.code)
        trailer = _failure(request.code, request.details)
        if trailer:
            context.set_trailing_metadata((("grpc-status-details-bin", trailer),))
        await context.abort(code, "it failed")


def empty() -> Any:
    pool = CONTRACT.pool
    return message_class(pool.FindMessageTypeByName("google.protobuf.Empty"))()


def _failure(code: int, kind: str) -> bytes:
    if kind == "":
        return b""
    if kind == "broken":
        return b"\xff\xff\xff"
    status = status_pb2.Status(code=code, message="it failed well")
    if kind == "other-code":
        status.code = 5 if code != 5 else 6
    packed = any_pb2.Any()
    if kind == "unknown-type":
        packed.type_url, packed.value = "type.googleapis.com/nobody.Knows", b"\x08\x01"
    elif kind == "retry":
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(2500)
        packed.Pack(retry)
    else:
        packed.Pack(error_details_pb2.ErrorInfo(reason=kind.upper(), domain="weft.dev"))
    status.details.append(packed)
    return status.SerializeToString()


def _handlers(toy: Toy) -> Iterable[grpc.GenericRpcHandler]:
    for service in SERVICES:
        methods = {}
        for rpc in service.methods:
            if not rpc.client_streaming:
                methods[rpc.name] = _handler(toy, rpc)
        yield grpc.method_handlers_generic_handler(service.full_name, methods)


def _handler(toy: Toy, rpc: Any) -> grpc.RpcMethodHandler:
    kind = "stream" if rpc.server_streaming else "unary"
    make = getattr(grpc, f"unary_{kind}_rpc_method_handler")
    play = getattr(toy, kind)
    if kind == "stream":

        async def behaviour(request: Any, context: Any) -> AsyncIterator[Any]:
            async for message in play(rpc.name, request, context):
                yield message
    else:

        async def behaviour(request: Any, context: Any) -> Any:
            return await play(rpc.name, request, context)

    return make(
        behaviour,
        request_deserializer=message_class(rpc.input_type).FromString,
        response_serializer=lambda message: message.SerializeToString(),
    )


@contextlib.asynccontextmanager
async def serve(
    credentials: grpc.ServerCredentials | None = None, peers: list[Any] | None = None
) -> AsyncIterator[Toy]:
    """Runs the toy on a free port; `peers` gets the SPIFFE id of each caller."""
    toy = Toy(health=health.aio.HealthServicer(), peers=peers)
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers(tuple(_handlers(toy)))
    health_pb2_grpc.add_HealthServicer_to_server(toy.health, server)
    for name in ("readiness", *NAMES):
        await toy.health.set(name, health_pb2.HealthCheckResponse.SERVING)
    free = "127.0.0.1:0"
    port = (
        server.add_secure_port(free, credentials) if credentials else server.add_insecure_port(free)
    )
    toy.address = f"127.0.0.1:{port}"
    await server.start()
    try:
        yield toy
    finally:
        await server.stop(0)


@contextlib.asynccontextmanager
async def upstream(address: str, name: str = "toy") -> AsyncIterator[Upstream]:
    """Channels to a toy."""
    async with (
        grpc.aio.insecure_channel(address) as unary,
        grpc.aio.insecure_channel(address, options=NO_BDP) as streams,
    ):
        yield Upstream(name, NAMES, lambda: unary, lambda: streams)


def gateway(server: Upstream, **settings: Any) -> Gateway:
    """A gateway in front of one toy."""
    upstreams = Upstreams([server])
    app: Gateway
    health_pages = Health(upstreams, is_draining=lambda: app.is_draining)
    pages = health_pages.pages() | settings.pop("pages", {})
    app = Gateway(CONTRACT, RouteTable(SERVICES), upstreams, pages=pages, **settings)
    return app


@dataclass(frozen=True)
class Reply:
    """An HTTP response."""

    status: int
    raw_headers: list[tuple[bytes, bytes]]
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode().lower(): value.decode("latin-1") for name, value in self.raw_headers}

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def reason(self) -> str:
        """The reason of the error's ErrorInfo."""
        return str(self.json["details"][0]["reason"])


class Client:
    """Speaks ASGI as uvicorn does, with control over every byte of the request."""

    def __init__(self, app: Gateway, *, address: str = "192.0.2.7") -> None:
        self.app = app
        self.address = address

    async def __call__(
        self,
        method: str,
        target: str,
        *,
        json_body: Any = None,
        body: bytes = b"",
        headers: dict[str, str] | list[tuple[str, str]] | None = None,
    ) -> Reply:
        pairs = list(headers.items()) if isinstance(headers, dict) else list(headers or [])
        if json_body is not None:
            body = json.dumps(json_body).encode()
            pairs.append(("content-type", "application/json"))
        raw = [(k.lower().encode(), v.encode("latin-1")) for k, v in pairs]
        if body and not any(name in (b"content-length", b"transfer-encoding") for name, _ in raw):
            raw.append((b"content-length", str(len(body)).encode()))
        sent: list[dict[str, Any]] = []
        await self.app(self.scope(method, target, raw), _once(body), _collect(sent))
        start = sent[0]
        content = b"".join(part.get("body", b"") for part in sent[1:])
        return Reply(start["status"], list(start["headers"]), content)

    def scope(self, method: str, target: str, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
        path, _, query = target.partition("?")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "https",
            "path": unquote(path),
            "raw_path": path.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "root_path": "",
            "headers": [(b"host", b"weft.example"), *headers],
            "client": (self.address, 4711),
            "server": ("127.0.0.1", 443),
        }

    def open(self, target: str, headers: dict[str, str] | None = None) -> "OpenStream":
        """Starts a GET whose response is read piece by piece."""
        raw = [(k.lower().encode(), v.encode("latin-1")) for k, v in (headers or {}).items()]
        return OpenStream(self.app, self.scope("GET", target, raw))


class OpenStream:
    """A request under way; leaving the block disconnects."""

    def __init__(self, app: Gateway, scope: dict[str, Any]) -> None:
        self._app = app
        self._scope = scope
        self._sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._disconnected = asyncio.Event()
        self.may_send = asyncio.Event()
        self.may_send.set()
        self.parts_taken = 0

    async def __aenter__(self) -> Self:
        self.task = asyncio.ensure_future(self._app(self._scope, self._receive, self._send))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.disconnect()
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self.task, 10)

    def disconnect(self) -> None:
        """Closes the connection; as in uvicorn, a send that waits is let go."""
        self._disconnected.set()
        self.may_send.set()

    async def head(self) -> Reply:
        start = await asyncio.wait_for(self._sent.get(), 10)
        assert start["type"] == "http.response.start"
        return Reply(start["status"], list(start["headers"]), b"")

    async def part(self) -> bytes:
        message = await asyncio.wait_for(self._sent.get(), 10)
        assert message["type"] == "http.response.body"
        return bytes(message.get("body", b""))

    async def rest(self) -> bytes:
        """Everything until the end of the response."""
        await asyncio.wait_for(self.task, 10)
        parts = []
        while not self._sent.empty():
            parts.append(self._sent.get_nowait().get("body", b""))
        return b"".join(parts)

    async def _receive(self) -> dict[str, Any]:
        await self._disconnected.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        await self.may_send.wait()
        self.parts_taken += 1
        await self._sent.put(message)


def _once(body: bytes) -> Callable[[], Awaitable[dict[str, Any]]]:
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        return await asyncio.get_running_loop().create_future()

    return receive


def _collect(sent: list[dict[str, Any]]) -> Callable[[dict[str, Any]], Awaitable[None]]:
    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    return send


def b64(data: bytes) -> str:
    """Standard base64, as ProtoJSON prints bytes."""
    return base64.b64encode(data).decode()
