"""The gateway as an ASGI application: HTTP/JSON in, gRPC out.

API requests take the short way through `_api`; the few hand-written pages (health, OpenAPI,
OAuth forms) are Starlette handlers beside it, by exact path.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import grpc
import structlog
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from gateway import cookies
from gateway import headers as http_headers
from gateway.bodies import ClientGoneError, read_body, refuse_large_head, refuse_long_url
from gateway.contract import Contract
from gateway.cors import Cors, RawHeaderList
from gateway.errors import HTTP_STATUS, Problem, Problems
from gateway.headers import Network, Peer
from gateway.pages import Page
from gateway.parser import Parser
from gateway.printer import Printer
from gateway.query import parse as parse_query
from gateway.routes import RouteTable, not_allowed
from gateway.sessions import Sessions
from gateway.static import Dashboard
from gateway.streams import Relay, StreamCutError, Timing
from gateway.transcoder import Answer, HttpRequest, Transcoder
from gateway.upstreams import Upstream, Upstreams
from meshkit.errors import Unavailable, Unimplemented
from meshkit.telemetry import Metrics, request_id_of

log = structlog.get_logger()

_SECURITY_HEADERS: Final = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
]
PUBLIC_METADATA: Final = frozenset(("x-weft-revision", "x-weft-epoch"))
# What somebody wrote as a page may look as they meant it, in a frame of the dashboard's: without an
# origin and scripts, and without a way to any host.
_HTML: Final = b"text/html"
_SANDBOX: Final = (
    b"content-security-policy",
    (
        b"default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
        b"form-action 'none'; frame-ancestors 'self'; sandbox"
    ),
)
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may send and how long a call may take."""

    body_bytes: int = 4 << 20
    url_bytes: int = 8 << 10
    head_bytes: int = 14 << 10
    body_s: float = 30
    unary_s: float = 30
    longest_call_s: float = 300
    longest_stream_s: float = 3600


@dataclass(frozen=True, slots=True)
class Policy:
    """What this deployment allows. `is_public` means served to browsers under a public name.

    `base` is the path of the public URL, without a slash at its end: "/weft", or "".
    """

    public_metadata: frozenset[str] = PUBLIC_METADATA
    proxies: tuple[Network, ...] = ()
    cors_origins: frozenset[str] = frozenset()
    is_public: bool = False
    base: str = ""


@dataclass(slots=True)
class _Exchange:
    """One request under way."""

    scope: Scope
    receive: Receive
    send: Send
    headers: Mapping[bytes, bytes]
    request_id: str
    route: str = ""
    is_stream: bool = False
    started: bool = False

    async def watched_send(self, message: Any) -> None:
        """Sends, and remembers that the response has begun."""
        self.started = True
        await self.send(message)


class Gateway:
    """The ASGI application.

    Looks a route up, turns the request into one gRPC call, and the answer into HTTP. It keeps
    nothing between requests but open streams.
    """

    def __init__(
        self,
        contract: Contract,
        table: RouteTable,
        upstreams: Upstreams,
        *,
        pages: Mapping[str, Page] | None = None,
        sessions: Sessions | None = None,
        dashboard: Dashboard | None = None,
        limits: Limits | None = None,
        policy: Policy | None = None,
        timing: Timing | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        parser, printer = Parser(contract.pool), Printer(contract.pool)
        self._transcoders = {
            id(route): Transcoder(route, parser, printer) for route in table.routes
        }
        self._table = table
        self._upstreams = upstreams
        self._sessions = sessions
        self._dashboard = dashboard
        self._pages = dict(pages or {})
        # A page whose path ends in a slash serves all that lies below it.
        self._folders = tuple(path for path in self._pages if path.endswith("/"))
        self._limits = limits or Limits()
        self._policy = policy or Policy()
        self._timing = timing or Timing()
        self._metrics = metrics or Metrics()
        self._problems = Problems(contract.pool)
        self._cors = Cors(self._policy.cors_origins, self._policy.public_metadata)
        self._relays: set[Relay] = set()
        self._metrics.watch_streams(lambda: len(self._relays))
        self.is_draining = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(_below(self._policy.base, scope), receive, send)
        elif scope["type"] == "websocket":
            # Rule 62; a close before the accept is a 403 to the client.
            await send({"type": "websocket.close", "code": 1000})
        else:
            raise RuntimeError(f"the gateway does not serve {scope['type']!r}")

    def drain(self) -> None:
        """Refuses new streams and ends those that are open; unary calls go on."""
        self.is_draining = True
        for relay in list(self._relays):
            relay.stop()

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        request_id = request_id_of(headers.get(b"x-request-id", b"").decode("latin-1"))
        exchange = _Exchange(scope, receive, send, headers, request_id)
        began = time.perf_counter()
        self._metrics.begin()
        status = 500
        try:
            status = await self._answer(exchange)
        except ClientGoneError:
            status = 499
        except StreamCutError:
            raise
        except Exception as error:  # noqa: BLE001 - the last line: every failure gets an answer
            status = await self._fail(exchange, error)
        finally:
            seconds = None if exchange.is_stream else time.perf_counter() - began
            self._metrics.end(exchange.route, str(status), seconds)

    async def _answer(self, exchange: _Exchange) -> int:
        scope = exchange.scope
        raw_path, query_string = scope["raw_path"], scope["query_string"]
        refuse_long_url(raw_path, query_string, self._limits.url_bytes)
        refuse_large_head(scope["headers"], self._limits.head_bytes)
        path = raw_path.decode("latin-1")
        if scope["method"] == "OPTIONS":
            preflight = self._cors.preflight(exchange.headers)
            if preflight:
                return await self._send(exchange, 204, preflight, b"")
        if b"upgrade" in exchange.headers:
            raise Unimplemented("UPGRADE_NOT_SUPPORTED", "there are no WebSockets; use SSE")
        place = path if path in self._pages else self._folder_of(path)
        if place:
            return await self._page(exchange, place, self._pages[place])
        is_read = scope["method"] in ("GET", "HEAD")
        if is_read and self._dashboard and self._dashboard.serves(path, exchange.headers):
            return await self._file(exchange, self._dashboard, path)
        return await self._api(exchange, path)

    async def _file(self, exchange: _Exchange, dashboard: Dashboard, path: str) -> int:
        exchange.route = "/"
        parse_query(exchange.scope["query_string"])
        answer = dashboard.answer(path, exchange.headers)
        return await self._send(exchange, answer.status, answer.headers, answer.body)

    def _folder_of(self, path: str) -> str:
        if path.startswith(self._folders):
            return next(folder for folder in self._folders if path.startswith(folder))
        return ""

    async def _api(self, exchange: _Exchange, path: str) -> int:
        place = self._upstreams.place(path)
        match = self._table.find(exchange.scope["method"], place.path)
        route = match.route
        exchange.route = route.rpc_path
        service = route.rpc.containing_service
        assert service is not None
        server = self._upstreams.server_of(service.full_name, place.workspace)
        metadata = await self._credited(exchange, server)
        if route.takes_raw:
            metadata += http_headers.describing(exchange.scope["headers"])
        body = await self._body(exchange)
        request = HttpRequest(
            exchange.scope["method"],
            match.segments,
            exchange.scope["query_string"],
            exchange.headers,
            body,
        )
        call = _Call(self._transcoders[id(route)], request, metadata, server)
        return await (self._stream if route.is_stream else self._unary)(exchange, call)

    async def _credited(self, exchange: _Exchange, server: Upstream) -> http_headers.Metadata:
        """The call's metadata; a session's cookie counts where no header names a credential."""
        metadata = self._metadata(exchange)
        cookie = cookies.read(exchange.headers, cookies.SESSION)
        if self._sessions is None or not cookie or b"authorization" in exchange.headers:
            return metadata
        cookies.require_own_page(exchange.scope["method"], exchange.headers)
        token = await self._sessions.bearer(cookie, metadata, server)
        return [*metadata, ("authorization", f"Bearer {token}")] if token else metadata

    async def _body(self, exchange: _Exchange) -> bytes:
        return await read_body(
            exchange.headers,
            exchange.receive,
            limit=self._limits.body_bytes,
            timeout_s=self._limits.body_s,
        )

    async def _unary(self, exchange: _Exchange, call: "_Call") -> int:
        timeout_s = http_headers.timeout_of(
            exchange.headers, default=self._limits.unary_s, cap=self._limits.longest_call_s
        )
        data = call.transcoder.read(call.request)
        rpc: Any = call.server.unary().unary_unary(call.transcoder.route.rpc_path)
        under_way = rpc(data, metadata=call.metadata, timeout=timeout_s)
        answer = call.transcoder.write(await under_way, call.request)
        public = self._public(await under_way.initial_metadata())
        public += self._public(await under_way.trailing_metadata())
        return await self._send_answer(exchange, answer, public)

    async def _stream(self, exchange: _Exchange, call: "_Call") -> int:
        if self.is_draining:
            raise Unavailable("GATEWAY_STOPPING", "the gateway is restarting", retry_after_s=1)
        timeout_s = http_headers.timeout_of(
            exchange.headers, default=None, cap=self._limits.longest_stream_s
        )
        data = call.transcoder.read(call.request)
        rpc: Any = call.server.streams().unary_stream(call.transcoder.route.rpc_path)
        relay = Relay(
            rpc(data, metadata=call.metadata, timeout=timeout_s),
            call.transcoder,
            call.request,
            timing=self._timing,
            describe=lambda error: self._describe(exchange, error),
            headers=lambda metadata: [*self._common(exchange), *self._public(metadata)],
        )
        exchange.is_stream = True
        self._relays.add(relay)
        try:
            return await relay.run(exchange.receive, exchange.watched_send)
        finally:
            self._relays.discard(relay)

    async def _page(self, exchange: _Exchange, path: str, page: Page) -> int:
        exchange.route = path
        method = exchange.scope["method"]
        if method not in page.methods:
            raise not_allowed(page.methods)
        parse_query(exchange.scope["query_string"])
        body = await self._body(exchange)
        request = Request(exchange.scope, _replay(body))
        request.state.metadata = self._metadata(exchange)
        response = await page.handler(request)
        headers = [header for header in response.raw_headers if header[0] != b"content-length"]
        return await self._send(exchange, response.status_code, headers, bytes(response.body))

    async def _fail(self, exchange: _Exchange, error: Exception) -> int:
        problem = self._describe(exchange, error)
        if exchange.started:
            # Too late for a status: the server cuts the connection.
            raise error
        headers = [
            (key.encode(), value.encode("latin-1")) for key, value in problem.headers.items()
        ]
        headers += [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
        return await self._send(exchange, problem.http_status, headers, problem.encoded())

    def _describe(self, exchange: _Exchange, error: BaseException) -> Problem:
        problem = self._problems.describe(error, exchange.request_id)
        if problem.http_status == HTTP_STATUS[16] and self._sessions is not None:
            # Keys may have changed: a session that still stands gets new tokens for the next call.
            self._sessions.forget(cookies.read(exchange.headers, cookies.SESSION))
        if problem.http_status == HTTP_STATUS[13] and not isinstance(error, grpc.aio.AioRpcError):
            log.error("unexpected", request_id=exchange.request_id, exc_info=error)
        return problem

    def _metadata(self, exchange: _Exchange) -> http_headers.Metadata:
        client = exchange.scope.get("client")
        address = client[0] if client else ""
        peer = Peer(address, self._policy.proxies)
        return http_headers.to_metadata(
            exchange.scope["headers"], request_id=exchange.request_id, peer=peer
        )

    def _public(self, metadata: Iterable[tuple[str, str | bytes]] | None) -> RawHeaderList:
        return http_headers.to_headers(metadata or (), self._policy.public_metadata)

    def _common(self, exchange: _Exchange) -> RawHeaderList:
        headers = [
            (b"x-request-id", exchange.request_id.encode()),
            *_SECURITY_HEADERS,
            *self._cors.headers(exchange.headers),
        ]
        return [*headers, _HSTS] if self._policy.is_public else headers

    async def _send_answer(self, exchange: _Exchange, answer: Answer, public: RawHeaderList) -> int:
        headers = [(b"cache-control", b"private, no-cache"), *public]
        if answer.content_type:
            headers.append((b"content-type", answer.content_type))
        if answer.content_type.lower().startswith(_HTML):
            headers.append(_SANDBOX)
        if answer.etag:
            headers.append((b"etag", f'"{answer.etag}"'.encode()))
        return await self._send(exchange, answer.status, headers, answer.body)

    async def _send(
        self, exchange: _Exchange, status: int, headers: RawHeaderList, body: bytes
    ) -> int:
        if status not in (204, 304):
            headers = [*headers, (b"content-length", str(len(body)).encode())]
        if exchange.scope["method"] == "HEAD":
            body = b""
        own = {name for name, _ in headers}
        headers = [*headers, *(one for one in self._common(exchange) if one[0] not in own)]
        exchange.started = True
        await exchange.send({"type": "http.response.start", "status": status, "headers": headers})
        await exchange.send({"type": "http.response.body", "body": body})
        return status


def _below(base: str, scope: Scope) -> Scope:
    """The request as it is below the base; probes, and proxies that cut it off, send none."""
    raw = scope["raw_path"]
    if not base or not raw.startswith(base.encode()):
        return scope
    rest = raw[len(base) :]
    if rest and not rest.startswith(b"/"):
        return scope
    return {**scope, "raw_path": rest or b"/", "path": scope["path"][len(base) :] or "/"}


def _replay(body: bytes) -> Receive:
    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


@dataclass(frozen=True, slots=True)
class _Call:
    """An RPC that is about to start."""

    transcoder: Transcoder
    request: HttpRequest
    metadata: http_headers.Metadata
    server: Upstream
