"""What clients read when something fails: google.rpc.Status as JSON, rules 48-52.

The gateway's own refusals are MeshErrors of the domain `gateway.weft.dev`; those of services
pass through with their details, except that faults (INTERNAL, UNKNOWN) tell nothing but the
request's id.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from gateway.printer import Printer, dumps
from meshkit.errors import Internal, MeshError

DOMAIN: Final = "gateway.weft.dev"
HTTP_STATUS: Final = {
    0: 200,
    1: 499,
    2: 500,
    3: 400,
    4: 504,
    5: 404,
    6: 409,
    7: 403,
    8: 429,
    9: 400,
    10: 409,
    11: 400,
    12: 501,
    13: 500,
    14: 503,
    15: 500,
    16: 401,
}
# The trailer in which services send their google.rpc.Status.
DETAILS_TRAILER: Final = "grpc-status-details-bin"
_UNKNOWN, _INTERNAL, _UNAVAILABLE = 2, 13, 14
_TYPE = "type.googleapis.com/google.rpc."


class Refused(Exception):  # noqa: N818 - an answer rather than a fault
    """An error under an HTTP status that its code does not map to, or with headers."""

    def __init__(
        self, error: MeshError, *, http_status: int, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(error.message)
        self.error = error
        self.http_status = http_status
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as it is sent: `body` is google.rpc.Status in plain JSON values."""

    http_status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        return dumps(self.body)


class Problems:
    """Turns exceptions into problems; knows the message types of `pool` for their details."""

    def __init__(self, pool: DescriptorPool) -> None:
        self._printer = Printer(pool, descriptor_pool.Default())

    def describe(self, error: BaseException, request_id: str) -> Problem:
        """Describes any exception; those that nobody expected say only that they happened."""
        if isinstance(error, Refused):
            own = _own(error.error)
            return Problem(error.http_status, own.body, {**own.headers, **error.headers})
        if isinstance(error, MeshError) and not isinstance(error, Internal):
            return _own(error)
        if isinstance(error, grpc.aio.AioRpcError):
            return self._of_service(error, request_id)
        return _fault(_INTERNAL, request_id)

    def _of_service(self, error: grpc.aio.AioRpcError, request_id: str) -> Problem:
        code: int = error.code().value[0]
        if code in (_UNKNOWN, _INTERNAL):
            return _fault(code, request_id)
        status = _sent_status(error.trailing_metadata() or (), code)
        if status is None and code == _UNAVAILABLE:
            # Made by our own channel: its text names internal addresses.
            return _problem(code, "the service cannot be reached; try again", [])
        details = [self._printer.to_json(detail) for detail in status.details] if status else []
        message = (status.message if status else "") or error.details() or ""
        return _problem(code, message, details, retry_after_s=_retry_after(status))


def _own(error: MeshError) -> Problem:
    details: list[dict[str, Any]] = [
        {
            "@type": f"{_TYPE}ErrorInfo",
            "reason": error.reason,
            "domain": DOMAIN,
            "metadata": error.metadata,
        }
    ]
    if error.violations:
        violations = [{"field": v.field, "description": v.description} for v in error.violations]
        details.append({"@type": f"{_TYPE}BadRequest", "fieldViolations": violations})
    if error.retry_after_s is not None:
        details.append({"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{error.retry_after_s:.3f}s"})
    return _problem(error.code, error.message, details, retry_after_s=error.retry_after_s)


def _fault(code: int, request_id: str) -> Problem:
    return _problem(code, f"internal error; request id {request_id}", [])


def _problem(
    code: int, message: str, details: list[Any], *, retry_after_s: float | None = None
) -> Problem:
    http_status = HTTP_STATUS.get(code, 500)
    headers: dict[str, str] = {}
    if http_status == HTTP_STATUS[16]:
        headers["www-authenticate"] = 'Bearer error="invalid_token"'
    if retry_after_s is not None and http_status in (429, 503):
        headers["retry-after"] = str(max(1, math.ceil(retry_after_s)))
    return Problem(http_status, {"code": code, "message": message, "details": details}, headers)


def _sent_status(trailers: Iterable[tuple[str, Any]], code: int) -> status_pb2.Status | None:
    for key, value in trailers:
        if key != DETAILS_TRAILER:
            continue
        try:
            status = status_pb2.Status.FromString(value)
        except DecodeError:
            return None
        return status if status.code == code else None
    return None


def _retry_after(status: status_pb2.Status | None) -> float | None:
    retry = error_details_pb2.RetryInfo()
    for detail in status.details if status else ():
        if detail.Is(retry.DESCRIPTOR) and _unpack(detail, retry):
            return float(retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9)
    return None


def _unpack(detail: Any, message: error_details_pb2.RetryInfo) -> bool:
    try:
        return bool(detail.Unpack(message))
    except DecodeError:
        return False
