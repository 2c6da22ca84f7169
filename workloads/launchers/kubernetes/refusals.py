"""What a refusal of the API server means to whoever asked us."""

from collections.abc import Awaitable
from typing import TypeVar

from meshkit.errors import (
    FailedPrecondition,
    InvalidArgument,
    MeshError,
    ResourceExhausted,
    Unavailable,
)
from workloads.launchers.kubernetes.api import CONFLICT, INVALID, ApiError

T = TypeVar("T")

FORBIDDEN, ABSENT = 403, 404
# Refusals that pass by themselves: our own token runs out and is read anew, quotas are counted by
# others at the same moment, an object of the same name is on its way out, the server is busy.
_PASSING = frozenset({401, 408, CONFLICT, 429})
REFUSED = frozenset(range(400, 500)) - _PASSING
_RETRY_S, _QUOTA_S = 5.0, 30.0


async def answered(call: Awaitable[T]) -> T:
    """The answer of a call; raises MeshError."""
    try:
        return await call
    except ApiError as error:
        raise mesh_error(error) from error


def mesh_error(error: ApiError) -> MeshError:
    """What a refusal means to whoever submitted: try later, or change something."""
    words = f"the cluster refuses it: {error.message}"
    if error.status == INVALID:
        return InvalidArgument("INVALID_FIELDS", words)
    if error.status == FORBIDDEN and "exceeded quota" in error.message:
        return ResourceExhausted("QUOTA_EXCEEDED", words, retry_after_s=_QUOTA_S)
    if error.status in REFUSED:
        return FailedPrecondition("WORKLOAD_REFUSED", words)
    return Unavailable(
        "UPSTREAM_UNAVAILABLE",
        error.message,
        metadata={"service": "Kubernetes"},
        retry_after_s=error.retry_after_s or _RETRY_S,
    )
