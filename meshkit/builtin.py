"""Services that every server has: health and reflection."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping

import grpc
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection import aio as reflection

from meshkit.access import Access, Handler, MethodPolicy
from meshkit.authentication import Context
from meshkit.errors import NotFound

READINESS = "readiness"
_HEALTH = "grpc.health.v1.Health"
# The two versions differ in nothing but the package: one servicer answers for both.
_REFLECTIONS = (
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
)
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN

Bound = tuple[MethodPolicy, Handler]


class Health:
    """The health of a server: "" is its liveness, `readiness` its checks, then each service."""

    def __init__(self, services: Iterable[str]) -> None:
        self._is_serving = dict.fromkeys(("", *services), True)
        self._is_serving[READINESS] = False
        self._changed = asyncio.Event()
        self._is_draining = False

    def set_ready(self, *, is_ready: bool) -> None:
        """Says whether the server is ready; once it drains it never is again."""
        if not self._is_draining:
            self._set({READINESS: is_ready})

    def drain(self) -> None:
        """Says NOT_SERVING for everything, for good."""
        self._is_draining = True
        self._set(dict.fromkeys(self._is_serving, False))

    def handlers(self) -> dict[str, Bound]:
        """The handlers by path, for callers without a credential.

        The kubelet has none, and neither has the health check that gRPC clients run for
        themselves below their calls.
        """
        request, response = health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse
        return {
            f"/{_HEALTH}/Check": (
                _policy(f"/{_HEALTH}/Check", Access.PUBLIC),
                grpc.unary_unary_rpc_method_handler(
                    self.Check, request.FromString, response.SerializeToString
                ),
            ),
            f"/{_HEALTH}/Watch": (
                _policy(f"/{_HEALTH}/Watch", Access.PUBLIC),
                grpc.unary_stream_rpc_method_handler(
                    self.Watch, request.FromString, response.SerializeToString
                ),
            ),
        }

    async def Check(
        self, request: health_pb2.HealthCheckRequest, _context: Context
    ) -> health_pb2.HealthCheckResponse:
        status = self._status(request.service)
        if status == _UNKNOWN:
            raise NotFound("RESOURCE_NOT_FOUND", "No such service is served here.")
        return health_pb2.HealthCheckResponse(status=status)

    async def Watch(
        self, request: health_pb2.HealthCheckRequest, _context: Context
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        last = None
        while True:
            # As of this status: a drain that begins while it is being sent has one of its own.
            changed, is_last = self._changed, self._is_draining
            status = self._status(request.service)
            if status != last:
                yield health_pb2.HealthCheckResponse(status=status)
            last = status
            if is_last:
                return  # or every watcher would hold up the drain
            await changed.wait()

    def _status(self, service: str) -> int:
        is_serving = self._is_serving.get(service)
        if is_serving is None:
            return _UNKNOWN
        return _SERVING if is_serving else _NOT_SERVING

    def _set(self, changes: Mapping[str, bool]) -> None:
        if self._is_serving == {**self._is_serving, **changes}:
            return
        self._is_serving.update(changes)
        # Each change has an event of its own, so no watcher can miss one or see it twice.
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


def reflection_handlers(services: Iterable[str], *, is_open: bool) -> dict[str, Bound]:
    """Reflection (v1 and v1alpha) over the named services, for authenticated callers."""
    servicer = reflection.ReflectionServicer([*services, _HEALTH, *_REFLECTIONS])
    handler = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        reflection_pb2.ServerReflectionRequest.FromString,
        reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    access = Access.PUBLIC if is_open else Access.AUTHENTICATED
    paths = [f"/{service}/ServerReflectionInfo" for service in _REFLECTIONS]
    return {path: (_policy(path, access), handler) for path in paths}


def _policy(path: str, access: Access) -> MethodPolicy:
    _, service, method = path.split("/")
    return MethodPolicy(path, f"{service.rpartition('.')[2]}.{method}", access, is_quiet=True)
