"""The refusals that several operations share."""

from collections.abc import Sequence

from meshkit.errors import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    FieldViolation,
    InvalidArgument,
    NotFound,
)

# As many users of a thing as a refusal names: its details have to stay small.
MOST_USERS = 20


def absent(name: str) -> NotFound:
    return NotFound("RESOURCE_NOT_FOUND", f"{name} does not exist.", metadata={"resource": name})


def taken(name: str) -> AlreadyExists:
    return AlreadyExists("RESOURCE_EXISTS", f"{name} exists already.", metadata={"resource": name})


def illegal(name: str, current: str, target: str) -> FailedPrecondition:
    return FailedPrecondition(
        "ILLEGAL_TRANSITION",
        f"{name} is {current} and cannot become {target}.",
        metadata={"resource": name, "from": current, "to": target},
    )


def changed(etag: str) -> Aborted:
    return Aborted(
        "ETAG_MISMATCH",
        "It has changed since you read it: read it again, then decide.",
        metadata={"etag": etag},
    )


def fenced(name: str) -> Aborted:
    return Aborted(
        "ATTEMPT_FENCED",
        f"Another reporter holds this attempt of {name}; this one must end.",
        metadata={"resource": name},
    )


def in_use(name: str, users: Sequence[str]) -> FailedPrecondition:
    """`users` are names of those that use it: more than `MOST_USERS` where there are others."""
    shown = ", ".join(users[:MOST_USERS]) + (" and others" if len(users) > MOST_USERS else "")
    return FailedPrecondition(
        "RESOURCE_IN_USE",
        f"{name} is in use by {shown}.",
        metadata={"resource": name, "dependents": ",".join(users[:MOST_USERS])},
    )


def invalid(path: str, problem: str) -> InvalidArgument:
    """A field that the rules of the contract could not judge."""
    violation = FieldViolation(path, problem)
    return InvalidArgument("INVALID_FIELDS", f"{path} {problem}.", violations=[violation])
