"""The two scopes around every RPC: one line and one observation, and errors as statuses."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType

import grpc
import structlog

from meshkit import status
from meshkit.access import MethodPolicy
from meshkit.authentication import Context
from meshkit.caller import Call
from meshkit.clock import Clock
from meshkit.errors import (
    Internal,
    MeshError,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
)
from meshkit.streams import OpenStream
from meshkit.telemetry import Metrics

log = structlog.get_logger()

Denied = Callable[[Call, MeshError], None]

# How long an ended stream's status may wait behind messages that its reader does not take.
_FAREWELL_S = 5.0
_UPSTREAM_DOWN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def no_denial_is_audited(_call: Call, _error: MeshError) -> None:
    """For servers without an audit log of their own."""


@dataclass(slots=True, eq=False)
class Rpc:
    """One RPC under way, as its scopes see it."""

    policy: MethodPolicy
    context: Context
    call: Call
    metadata: Mapping[str, list[str]]
    is_stream: bool
    started: float
    stream: OpenStream | None = None
    code: str = "OK"
    # The class of what lay behind a refusal: tells operators an expired token from a forged one.
    cause: str = ""

    def trailers(self) -> tuple[tuple[str, str], ...]:
        request_id = ("x-request-id", self.call.request_id)
        if self.call.revision > 0:
            return (request_id, ("x-weft-revision", str(self.call.revision)))
        return (request_id,)


class Recorder:
    """Records finished calls: metrics, the log, and denials for the audit log."""

    def __init__(
        self, metrics: Metrics, clock: Clock, denied: Denied, *, slow_call_s: float = 0
    ) -> None:
        self.metrics = metrics
        self.clock = clock
        self.denied = denied
        self._slow_call_s = slow_call_s

    def finish(self, rpc: Rpc) -> None:
        elapsed = self.clock.monotonic() - rpc.started
        call = rpc.call
        self.metrics.end(call.method, rpc.code, None if rpc.is_stream else elapsed)
        extra = {"cause": rpc.cause} if rpc.cause else {}
        if call.trace_id:
            extra["trace_id"] = call.trace_id
        write = log.debug if self._is_usual(rpc, elapsed) else log.info
        write(
            "rpc",
            method=call.method,
            caller=call.caller.subject or call.caller.kind.value,
            code=rpc.code,
            ms=round(elapsed * 1000, 2),
            request_id=call.request_id,
            **extra,
        )

    def _is_usual(self, rpc: Rpc, elapsed: float) -> bool:
        """Whether the metrics say enough; a line costs as much as a third of a small call."""
        is_quick = rpc.code == "OK" and not rpc.is_stream and elapsed < self._slow_call_s
        return is_quick or rpc.policy.is_quiet


class recorded:  # noqa: N801 - reads as a verb where it is used
    """Logs and counts the call when the block ends, however it ends."""

    __slots__ = ("_recorder", "_rpc")

    def __init__(self, recorder: Recorder, rpc: Rpc) -> None:
        self._recorder = recorder
        self._rpc = rpc

    def __enter__(self) -> None:
        self._recorder.metrics.begin()

    def __exit__(self, *_: object) -> None:
        self._recorder.finish(self._rpc)


class errors_as_status:  # noqa: N801 - reads as a phrase where it is used
    """Turns whatever the block raises into a gRPC status; the only place that does."""

    __slots__ = ("_recorder", "_rpc")

    def __init__(self, recorder: Recorder, rpc: Rpc) -> None:
        self._recorder = recorder
        self._rpc = rpc

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(
        self,
        _cls: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        rpc = self._rpc
        if error is None:
            rpc.context.set_trailing_metadata(rpc.trailers())
        elif isinstance(error, MeshError):
            await self._refuse(error)
        elif isinstance(error, asyncio.CancelledError):
            await self._cancelled()
        elif isinstance(error, grpc.aio.AbortError):
            rpc.code = "ABORTED_BY_SERVICER"
        elif isinstance(error, Exception):
            await self._fail(error)

    async def _refuse(self, error: MeshError) -> None:
        rpc = self._rpc
        if isinstance(error, PermissionDenied | Unauthenticated):
            rpc.cause = type(error.__cause__).__name__ if error.__cause__ else error.reason
            self._recorder.denied(rpc.call, error)
        shown = status.to_grpc(error)
        rpc.code = shown.code.name
        trailers = (*shown.trailing_metadata, *rpc.trailers())
        await rpc.context.abort(shown.code, shown.details, trailers)

    async def _cancelled(self) -> None:
        rpc = self._rpc
        rpc.code = "CANCELLED"
        verdict = rpc.stream.verdict if rpc.stream else None
        task = asyncio.current_task()
        if verdict is None or task is None:
            return
        # The sweep ended the stream: what looks like a cancellation is its verdict.
        task.uncancel()
        async with asyncio.timeout(_FAREWELL_S):
            await self._refuse(verdict)

    async def _fail(self, error: Exception) -> None:
        rpc = self._rpc
        if isinstance(error, grpc.aio.InternalError):
            # A read or write of this call failed: the caller is gone, nobody waits for an answer.
            rpc.code = "CANCELLED"
            return
        if isinstance(error, grpc.aio.AioRpcError) and error.code() in _UPSTREAM_DOWN:
            await self._refuse(
                Unavailable("UPSTREAM_UNAVAILABLE", "A service this call needs cannot be reached.")
            )
        log.error(
            "rpc_failed",
            method=rpc.call.method,
            request_id=rpc.call.request_id,
            exc_info=error,
        )
        await self._refuse(
            Internal("INTERNAL", "internal error", metadata={"requestId": rpc.call.request_id})
        )
