"""What can go wrong with a service behind a connector, in words that say what to do."""

from meshkit.errors import FailedPrecondition, Unavailable

_SHOWN = 200


def rejected(service: str, said: str = "") -> FailedPrecondition:
    """The service does not know these credentials."""
    return FailedPrecondition(
        "CONNECTOR_REJECTED",
        f"{service} does not accept the connector's credentials{_quoted(said)}. "
        "Replace them with `weft connectors update`.",
        metadata={"service": service},
    )


def forbidden(service: str, said: str = "") -> FailedPrecondition:
    """The service knows the credentials, and they may not do this."""
    return FailedPrecondition(
        "CONNECTOR_FORBIDDEN",
        f"{service} does not permit this to the connector's identity{_quoted(said)}. "
        "Grant it there.",
        metadata={"service": service},
    )


def unsupported(service: str, problem: str) -> FailedPrecondition:
    """The service does not offer what is asked of it."""
    return FailedPrecondition(
        "CONNECTOR_UNSUPPORTED", f"{service}: {problem}", metadata={"service": service}
    )


def unknown_resource(service: str, resource: str) -> FailedPrecondition:
    """The service has no such thing."""
    return FailedPrecondition(
        "CONNECTOR_RESOURCE_UNKNOWN",
        f"{service} knows no {shown(resource)}.",
        metadata={"service": service, "resource": shown(resource)},
    )


def unavailable(service: str, problem: str) -> Unavailable:
    """The service cannot be reached, or answers nonsense."""
    return Unavailable(
        "CONNECTOR_UNAVAILABLE",
        f"{service} {problem}. Nothing else is affected; try again.",
        metadata={"service": service},
    )


def shown(text: str) -> str:
    """What somebody else chose, fit for a sentence."""
    return "".join(c if c.isprintable() else "?" for c in text[:_SHOWN])


def _quoted(said: str) -> str:
    return f" ({shown(said)})" if said else ""
