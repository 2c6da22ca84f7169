"""Errors that reach callers, one class for each gRPC code.

MeshError
├── InvalidArgument     3   the request is malformed, whatever the state
├── DeadlineExceeded    4   time ran out
├── NotFound            5   readable scope, absent object
├── AlreadyExists       6   the name is taken
├── PermissionDenied    7   not granted, or might not exist
├── ResourceExhausted   8   quota, size, rate
├── FailedPrecondition  9   the state forbids it
├── Aborted            10   lost a race: etag, fence, request in flight
├── OutOfRange         11   the cursor lies outside of history
├── Unimplemented      12   not served here
├── Internal           13   a bug of ours; its message is never shown
├── Unavailable        14   try again
└── Unauthenticated    16   no valid credential

Operations raise them; only the `errors_as_status` scope turns them into a gRPC status. Codes
are google.rpc.Code numbers, so that no layer below the servicers imports grpc.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

DOMAIN = "weft.dev"


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One bad field: its path in the request, and what to do about it."""

    field: str
    description: str


class MeshError(Exception):
    """An error with a code, a reason that programs branch on, and a sentence for people.

    `reason` is a value of `weftapi.common.v1.ErrorReason` without its prefix; whatever varies
    goes into `metadata`. `retry_after_s` tells clients when trying again makes sense.
    """

    code: ClassVar[int] = 2

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[FieldViolation] = (),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.metadata = dict(metadata or {})
        self.violations = tuple(violations)
        self.retry_after_s = retry_after_s


class InvalidArgument(MeshError):
    code = 3


class DeadlineExceeded(MeshError):
    code = 4


class NotFound(MeshError):
    code = 5


class AlreadyExists(MeshError):
    code = 6


class PermissionDenied(MeshError):
    code = 7


class ResourceExhausted(MeshError):
    code = 8


class FailedPrecondition(MeshError):
    code = 9


class Aborted(MeshError):
    code = 10


class OutOfRange(MeshError):
    code = 11


class Unimplemented(MeshError):
    code = 12


class Internal(MeshError):
    code = 13


class Unavailable(MeshError):
    code = 14


class Unauthenticated(MeshError):
    code = 16
