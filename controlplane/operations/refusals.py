"""The refusals that several operations share, and what they compare."""

import hashlib
import json

from controlplane.store.schema import Base
from meshkit.errors import Aborted, AlreadyExists, FailedPrecondition, NotFound, PermissionDenied

# Of these the one is known only at the commit, the other moves without anybody's decision.
_NO_STATE = frozenset({"revision", "last_used_time"})


def etag_of(row: Base) -> str:
    """Of all that the row holds: any two states differ in it, whenever they were.

    Among them is the time of the last change, so a state that returns has another one.
    """
    columns = sorted(row.__table__.columns.keys())
    state = [[name, getattr(row, name)] for name in columns if name not in _NO_STATE]
    content = json.dumps(state, sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


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


def require_etag(row: Base, etag: str) -> None:
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
