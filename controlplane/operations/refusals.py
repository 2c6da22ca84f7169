"""The refusals that several operations share, and what they compare."""

import hashlib
from datetime import datetime
from typing import Protocol
from uuid import UUID

from meshkit.errors import Aborted, AlreadyExists, FailedPrecondition, NotFound, PermissionDenied


class Dated(Protocol):
    """A row that notes when it last changed."""

    uid: UUID
    update_time: datetime


def etag_of(row: Dated) -> str:
    """Changes with every change of the row, also among those of one commit."""
    state = f"{row.uid}/{row.update_time.isoformat()}"
    return hashlib.sha256(state.encode()).hexdigest()[:16]


def not_permitted(permission: str) -> PermissionDenied:
    """The one refusal, whether the thing is there or not."""
    return PermissionDenied(
        "NOT_PERMITTED",
        "You may not do this here, or there is no such thing.",
        metadata={"permission": permission},
    )


def absent(name: str) -> NotFound:
    return NotFound("RESOURCE_NOT_FOUND", f"There is no {name}.", metadata={"resource": name})


def taken(name: str) -> AlreadyExists:
    return AlreadyExists("RESOURCE_EXISTS", f"{name} exists already.", metadata={"resource": name})


def changed(etag: str) -> Aborted:
    return Aborted(
        "ETAG_MISMATCH",
        "It has changed since you read it: read it again, then decide.",
        metadata={"etag": etag},
    )


def require_etag(row: Dated, etag: str) -> None:
    """Raises Aborted where the caller has seen another state of the row; empty sees any."""
    if etag and etag != etag_of(row):
        raise changed(etag_of(row))


def illegal(name: str, current: str, target: str) -> FailedPrecondition:
    return FailedPrecondition(
        "ILLEGAL_TRANSITION",
        f"{name} is {current} and cannot become {target}.",
        metadata={"resource": name, "from": current, "to": target},
    )


def in_use(name: str, dependents: str) -> FailedPrecondition:
    return FailedPrecondition(
        "RESOURCE_IN_USE",
        f"{name} has {dependents}: remove them first.",
        metadata={"resource": name, "dependents": dependents},
    )
