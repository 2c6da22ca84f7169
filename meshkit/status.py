"""Errors on the wire: MeshError -> google.rpc.Status and back.

Details stay within 4 KiB: C-core's soft limit of metadata is 8 KiB, and a status beyond it
reaches the client as RESOURCE_EXHAUSTED instead.
"""

from typing import Any, cast

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from meshkit import errors
from meshkit.errors import DOMAIN, FieldViolation, MeshError

MAX_DETAILS_BYTES = 4096
# Bytes; the message travels percent-encoded, which may triple it, beside the details.
_MAX_TEXT = 512
_MAX_VIOLATIONS = 20
_CLASSES: dict[int, type[MeshError]] = {
    cls.code: cls
    for cls in vars(errors).values()
    if isinstance(cls, type) and issubclass(cls, MeshError)
}


def to_proto(error: MeshError) -> status_pb2.Status:
    """Converts an error; drops violations, then metadata, where they would be too long."""
    status = _build(error, _MAX_VIOLATIONS)
    if status.ByteSize() > MAX_DETAILS_BYTES:
        status = _build(error, 3)
    if status.ByteSize() > MAX_DETAILS_BYTES:
        status = _bare(error)
    return status


def to_grpc(error: MeshError) -> grpc.Status:
    """Converts an error to what `context.abort_with_status` takes."""
    return rpc_status.to_status(to_proto(error))


def from_rpc_error(error: grpc.aio.AioRpcError) -> MeshError:
    """Reads the error that a service answered, for callers that branch on its reason."""
    cls = _CLASSES.get(error.code().value[0], MeshError)
    message = error.details() or ""
    status = rpc_status.from_call(cast("Any", error))
    if status is None:
        return cls("", message)
    info, violations, retry = _read_details(status)
    return cls(
        info.reason,
        message,
        metadata=dict(info.metadata),
        violations=violations,
        retry_after_s=retry,
    )


def _read_details(
    status: status_pb2.Status,
) -> tuple[error_details_pb2.ErrorInfo, list[FieldViolation], float | None]:
    info = error_details_pb2.ErrorInfo()
    bad = error_details_pb2.BadRequest()
    retry = error_details_pb2.RetryInfo()
    retry_after_s: float | None = None
    for detail in status.details:
        if detail.Unpack(retry):
            retry_after_s = retry.retry_delay.ToTimedelta().total_seconds()
        elif not detail.Unpack(info):
            detail.Unpack(bad)
    violations = [FieldViolation(v.field, v.description) for v in bad.field_violations]
    return info, violations, retry_after_s


def _build(error: MeshError, max_violations: int) -> status_pb2.Status:
    metadata = {key: _short(value) for key, value in error.metadata.items()}
    details: list[Message] = [
        error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=metadata)
    ]
    if error.violations:
        details.append(_bad_request(error, max_violations))
    if error.retry_after_s is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromNanoseconds(int(error.retry_after_s * 1e9))
        details.append(retry)
    return status_pb2.Status(
        code=error.code, message=_short(error.message), details=[_pack(d) for d in details]
    )


def _bare(error: MeshError) -> status_pb2.Status:
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN)
    return status_pb2.Status(code=error.code, message=_short(error.message), details=[_pack(info)])


def _bad_request(error: MeshError, limit: int) -> error_details_pb2.BadRequest:
    violations = [
        error_details_pb2.BadRequest.FieldViolation(
            field=_short(violation.field), description=_short(violation.description)
        )
        for violation in error.violations[:limit]
    ]
    return error_details_pb2.BadRequest(field_violations=violations)


def _short(text: str) -> str:
    return text.encode("utf-8", "replace")[:_MAX_TEXT].decode("utf-8", "ignore")


def _pack(message: Message) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(message)
    return packed
