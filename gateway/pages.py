"""Hand-written pages beside the API: what they are, and health among them; rule 66."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import grpc
from grpc_health.v1 import health_pb2
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.upstreams import Upstream, Upstreams
from meshkit.errors import NotFound, Unavailable

_CHECK = "/grpc.health.v1.Health/Check"
_READINESS = "readiness"
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NO_STORE = {"cache-control": "no-store"}

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Page:
    """A handler and the methods it takes; it may raise MeshError or Refused.

    Under a path that ends in a slash it serves every path below.
    """

    handler: Handler
    methods: frozenset[str] = frozenset(("GET", "HEAD"))


class Health:
    """Tells probes how the gateway and the services behind it are."""

    PATHS: Final = frozenset(("/healthz", "/readyz"))

    def __init__(
        self, upstreams: Upstreams, *, is_draining: Callable[[], bool], timeout_s: float = 2
    ) -> None:
        self._upstreams = upstreams
        self._is_draining = is_draining
        self._timeout_s = timeout_s

    def pages(self) -> dict[str, Page]:
        """The pages by path."""
        return {"/healthz": Page(self.healthz), "/readyz": Page(self.readyz)}

    async def healthz(self, request: Request) -> Response:
        """Answers the health of one service, or of the gateway itself where none is named."""
        service = request.query_params.get("service", "")
        if service:
            if not self._upstreams.knows(service):
                raise NotFound("SERVICE_NOT_FOUND", "no such service behind this gateway")
            await self._check(self._upstreams.server_of(service), service)
        return JSONResponse({"status": "SERVING"}, headers=_NO_STORE)

    async def readyz(self, _: Request) -> Response:
        """Answers 200 while requests can be served: every server behind us is ready."""
        if self._is_draining():
            raise Unavailable("GATEWAY_STOPPING", "the gateway is stopping")
        for server in self._upstreams.all:
            await self._check(server, _READINESS)
        return JSONResponse({"status": "SERVING"}, headers=_NO_STORE)

    async def _check(self, server: Upstream, service: str) -> None:
        check = server.unary().unary_unary(
            _CHECK,
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        request = health_pb2.HealthCheckRequest(service=service)
        try:
            answer = await check(request, timeout=self._timeout_s)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                raise NotFound("SERVICE_NOT_FOUND", f"{server.name} does not know it") from None
            raise Unavailable("NOT_SERVING", f"{server.name} cannot be reached") from None
        if answer.status != _SERVING:
            raise Unavailable("NOT_SERVING", f"{server.name} is not serving")
