"""Whether what somebody filled in makes a connector; no message repeats a value."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from meshkit.errors import FieldViolation, InvalidArgument
from workspace.connectors import types
from workspace.connectors.model import AuthMethod, ConnectorType, Wanted
from workspace.store.schema_connectors import ServiceConnector


@dataclass(frozen=True, slots=True)
class Filled:
    """A connector as it would be."""

    type: str
    auth_method: str
    resource_types: Sequence[str]
    resource_id: str
    config: Mapping[str, Any]
    secrets: Mapping[str, str] = field(repr=False)
    # The id of a secret that may hold what `secrets` lacks.
    secret: str = ""


def check(filled: Filled) -> None:
    """Raises InvalidArgument `INVALID_FIELDS` with everything that is wrong."""
    type_ = types.get(filled.type)
    if type_ is None:
        known = ", ".join(f"connectorTypes/{each.id}" for each in types.every())
        raise _invalid([("type", f"must be one of {known}")])
    method = type_.auth_method(filled.auth_method)
    if method is None:
        known = ", ".join(each.id for each in type_.auth_methods)
        raise _invalid([("auth_method", f"must be one of {known}")])
    problems = [*_properties(method, filled), *_resources(type_, filled)]
    if problems:
        raise _invalid(problems)


def steering_changes(filled: Filled, before: Mapping[str, Any]) -> list[str]:
    """The properties that decide where secrets go, and that another config had otherwise."""
    type_ = types.get(filled.type)
    method = type_.auth_method(filled.auth_method) if type_ else None
    steering = method.steering_fields if method else frozenset()
    return sorted(name for name in steering if filled.config.get(name) != before.get(name))


def narrowed(connector: ServiceConnector, wanted: Wanted) -> Wanted:
    """What is wanted, in the service's names; InvalidArgument for what is not to be had here."""
    type_ = types.get(connector.type)
    resource_type = type_.resource_type(wanted.resource_type) if type_ else None
    if resource_type is None or wanted.resource_type not in _offered(connector, type_):
        offered = ", ".join(_offered(connector, type_))
        raise _bad("resource_type", f"must be one that the connector offers: {offered}")
    resource_id = plain(wanted.resource_id or connector.resource_id)
    if problem := resource_type.problem(resource_id):
        raise _bad("resource_id", problem)
    resource_id = resource_type.canonical(resource_id)
    own = resource_type.canonical(plain(connector.resource_id))
    if own and not is_within(resource_id, own):
        raise _bad("resource_id", f"must be {own} or below it: the connector offers nothing else")
    return Wanted(wanted.resource_type, resource_id, wanted.access, wanted.ttl)


def plain(resource_id: str) -> str:
    """The name of a resource, of a URI too: "bucket/prefix" of "s3://bucket/prefix"."""
    return resource_id.partition("://")[2].rstrip("/") if "://" in resource_id else resource_id


def is_within(resource_id: str, other: str) -> bool:
    """Whether a resource is another one, or lies below it."""
    return f"{resource_id}/".startswith(f"{other}/")


def require_offered(connector: ServiceConnector, resource_type: str) -> None:
    """Raises InvalidArgument for a type of resource that the connector does not offer."""
    offered = _offered(connector, types.get(connector.type))
    if resource_type not in offered:
        raise _bad("resource_type", f"must be one that the connector offers: {', '.join(offered)}")


def _offered(connector: ServiceConnector, type_: ConnectorType | None) -> Sequence[str]:
    every = [each.id for each in type_.resource_types] if type_ else []
    return connector.resource_types or every


def _properties(method: AuthMethod, filled: Filled) -> Iterator[tuple[str, str]]:
    known = {each.name: each for each in method.properties}
    for place, values in (("config", filled.config), ("secret_config", filled.secrets)):
        for name, value in values.items():
            path, found = f"{place}.{name[:64]}", known.get(name)
            if found is None:
                yield path, f"is no property of {method.id}; it has {', '.join(known)}"
            elif found.secret and place == "config":
                yield path, "is secret: put it into secret_config, never here"
            elif not found.secret and place != "config":
                yield path, "is not secret: put it into config"
            elif problem := found.problem(value):
                yield path, problem
    for each in method.properties:
        place, values = (
            ("secret_config", filled.secrets) if each.secret else ("config", filled.config)
        )
        if each.required and each.name not in values and not (each.secret and filled.secret):
            yield f"{place}.{each.name}", "is required"


def _resources(type_: ConnectorType, filled: Filled) -> Iterator[tuple[str, str]]:
    known = [each.id for each in type_.resource_types]
    if unknown := [each for each in filled.resource_types if each not in known]:
        yield "resource_types", f"{len(unknown)} of them are not among {', '.join(known)}"
        return
    if len(set(filled.resource_types)) != len(filled.resource_types):
        yield "resource_types", "must not repeat one"
    if not filled.resource_id:
        return
    if len(filled.resource_types) != 1:
        yield "resource_id", "takes exactly one of resource_types"
        return
    resource_type = type_.resource_type(filled.resource_types[0])
    if resource_type and (problem := resource_type.problem(plain(filled.resource_id))):
        yield "resource_id", problem


def _invalid(problems: Sequence[tuple[str, str]]) -> InvalidArgument:
    violations = [
        FieldViolation(f"service_connector.{path}", problem) for path, problem in problems
    ]
    path, problem = problems[0]
    return InvalidArgument("INVALID_FIELDS", f"{path} {problem}", violations=violations)


def _bad(field_: str, problem: str) -> InvalidArgument:
    return InvalidArgument(
        "INVALID_FIELDS", f"{field_} {problem}", violations=[FieldViolation(field_, problem)]
    )
