"""The refusals that several operations share."""

from meshkit.errors import Aborted, FailedPrecondition, NotFound


def absent(name: str) -> NotFound:
    return NotFound("RESOURCE_NOT_FOUND", f"There is no {name}.", metadata={"resource": name})


def changed(etag: str) -> Aborted:
    return Aborted(
        "ETAG_MISMATCH",
        "It has changed since you read it: read it again, then decide.",
        metadata={"etag": etag},
    )


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
