"""Errors of calls over HTTP, as gRPC's own look: whoever reads the one reads the other."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from email.message import Message
from typing import Any

import grpc
from google.protobuf import json_format
from google.rpc import (
    error_details_pb2,  # noqa: F401 - what details may be must be known to be read
    status_pb2,
)

from weft._http.wire import CancelledError

_DETAILS = "grpc-status-details-bin"
_REQUEST_ID = "x-request-id"
_CODES = {code.value[0]: code for code in grpc.StatusCode}
_UNKNOWN_CALL = frozenset({404, 405, 501})
_SHOWN = 80


class HttpCallError(grpc.RpcError):
    """A call that failed; has what `grpc.Call` has to say of it."""

    def __init__(
        self, code: grpc.StatusCode, details: str, trailers: Mapping[str, str | bytes] | None = None
    ) -> None:
        super().__init__(f"{code.name}: {details}")
        self._code = code
        self._details = details
        self._trailers = tuple((trailers or {}).items())

    def code(self) -> grpc.StatusCode:
        """The code of gRPC."""
        return self._code

    def details(self) -> str:
        """What was said."""
        return self._details

    def trailing_metadata(self) -> Any:
        """Request id and details, where gRPC has them."""
        return self._trailers


def of_answer(http_status: int, headers: Message, body: bytes) -> HttpCallError:
    """What a response that is no success means."""
    request_id = {_REQUEST_ID: headers.get(_REQUEST_ID, "")}
    try:
        return of_status(json.loads(body), request_id)
    except (ValueError, AttributeError, TypeError):
        pass
    # Nothing of ours answers so: a proxy, a portal, or a server that is no gateway.
    unknown = http_status in _UNKNOWN_CALL
    code = grpc.StatusCode.UNIMPLEMENTED if unknown else grpc.StatusCode.UNAVAILABLE
    said = body[:_SHOWN].decode(errors="replace")
    return HttpCallError(code, f"HTTP {http_status} of no gateway: {said!r}", request_id)


def of_status(said: Any, trailers: Mapping[str, str]) -> HttpCallError:
    """What a `google.rpc.Status` in JSON means; raises ValueError where it is none."""
    code = _CODES.get(said["code"]) if "code" in said else None
    if code is None or code is grpc.StatusCode.OK:
        raise ValueError("no status")
    status = status_pb2.Status(code=said["code"], message=str(said.get("message", "")))
    for detail in said.get("details", ()):
        try:
            json_format.ParseDict(detail, status.details.add(), ignore_unknown_fields=True)
        except (json_format.ParseError, TypeError):
            # Of a kind that only a newer server knows.
            del status.details[-1]
    return HttpCallError(code, status.message, {**trailers, _DETAILS: status.SerializeToString()})


def of_failure(error: Exception) -> HttpCallError:
    """What it means that there was no answer, or not all of it."""
    if isinstance(error, CancelledError):
        return HttpCallError(grpc.StatusCode.CANCELLED, str(error))
    if isinstance(error, TimeoutError):
        return HttpCallError(grpc.StatusCode.DEADLINE_EXCEEDED, "no answer in time")
    if isinstance(error, http.client.HTTPException):
        return HttpCallError(grpc.StatusCode.UNAVAILABLE, f"Socket closed: {error!r}")
    return HttpCallError(grpc.StatusCode.UNAVAILABLE, str(error))
