"""Roles: the built-in ones, which nobody changes, and those that an organization makes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from controlplane import store
from controlplane.operations import expired_grants, guards
from controlplane.operations.refusals import absent, require_etag, taken
from controlplane.permissions import CATALOGUE, ROLES, Grant, Scope
from controlplane.store.schema_access import CustomRole
from controlplane.subjects import Subject
from meshkit.errors import FailedPrecondition, FieldViolation, InvalidArgument, ResourceExhausted
from meshkit.feed import ChangeKind
from meshkit.session import Session

# So that every list of them, and what workspaces are told, stays small.
MAX_CUSTOM_ROLES = 200


@dataclass(frozen=True, slots=True)
class Grantable:
    """What a role gives; `uid` where it is a custom one."""

    permissions: frozenset[str]
    uid: UUID | None


def require(session: Session, organization: str, role: str) -> Grantable:
    """A role to grant, which stays until the transaction ends; raises NotFound."""
    if role in ROLES:
        return Grantable(ROLES[role].permissions, None)
    row = store.roles.keep(session, organization, role)
    if row is None:
        raise absent(_name(organization, role))
    return Grantable(CATALOGUE.intersection(row.permissions), row.uid)


def find(session: Session, organization: str, role: str) -> CustomRole:
    """A custom role; raises NotFound."""
    row = store.roles.get(session, organization, role)
    if row is None:
        raise absent(_name(organization, role))
    return row


def create(
    session: Session,
    organization: str,
    role: str,
    *,
    display_name: str,
    description: str,
    permissions: Iterable[str],
    creator: Subject,
) -> CustomRole:
    """Makes a role; raises AlreadyExists, PRIVILEGE_ESCALATION, QUOTA_EXCEEDED."""
    given = _checked(permissions)
    _require_held(session, organization, creator, frozenset(given))
    if role in ROLES or store.roles.get(session, organization, role) is not None:
        raise taken(_name(organization, role))
    _require_room(session, organization)
    row = CustomRole(
        organization=organization,
        id=role,
        display_name=display_name,
        description=description,
        permissions=given,
        creator=creator.claim,
        create_time=session.now,
        update_time=session.now,
    )
    if not store.unique.insert(session, row):
        raise taken(row.name)
    session.emit(ChangeKind.CREATED, row)
    session.audited(resource=row.name, fields=("display_name", "description", "permissions"))
    return row


def change(
    session: Session,
    organization: str,
    role: str,
    values: Mapping[str, Any],
    *,
    etag: str,
    caller: Subject,
) -> CustomRole:
    """Gives fields new values; raises NotFound, Aborted, BUILT_IN_ROLE, PRIVILEGE_ESCALATION."""
    row = _locked(session, organization, role, etag)
    if "permissions" in values:
        values = {**values, "permissions": _checked(values["permissions"])}
        # Also what is taken out: who could not have given it cannot take it away.
        concerned = {*values["permissions"], *row.permissions} & CATALOGUE
        _require_held(session, organization, caller, concerned)
    differing = tuple(field for field, value in values.items() if getattr(row, field) != value)
    for field in differing:
        setattr(row, field, values[field])
    if differing:
        row.update_time = session.now
        session.emit(ChangeKind.UPDATED, row, fields=differing)
    session.audited(resource=row.name, fields=differing)
    return row


def delete(session: Session, organization: str, role: str, *, etag: str) -> None:
    """Deletes a role that nobody was granted; raises as `change` does, or RESOURCE_IN_USE."""
    row = _locked(session, organization, role, etag)
    for binding in store.bindings.expired(session, role_uid=row.uid):
        expired_grants.remove(session, binding)
    session.flush()
    if store.bindings.names_role(session, row.uid):
        raise FailedPrecondition(
            "RESOURCE_IN_USE",
            f"{row.name} is granted to somebody: take these grants back first.",
            metadata={"resource": row.name, "dependents": "roleBindings"},
        )
    session.emit(ChangeKind.DELETED, row)
    session.delete(row)
    session.audited(resource=row.name)


def _locked(session: Session, organization: str, role: str, etag: str) -> CustomRole:
    name = _name(organization, role)
    if role in ROLES:
        raise FailedPrecondition(
            "BUILT_IN_ROLE",
            "A built-in role never changes; make a role of your own.",
            metadata={"resource": name},
        )
    row = store.roles.lock(session, organization, role)
    if row is None:
        raise absent(name)
    require_etag(row, etag)
    return row


def _require_held(
    session: Session, organization: str, caller: Subject, permissions: frozenset[str] | set[str]
) -> None:
    # A role has no end, and can be granted anywhere in the organization.
    grant = Grant(frozenset(permissions), Scope(organization))
    guards.require_held(session, caller, [grant])


def _require_room(session: Session, organization: str) -> None:
    if len(store.roles.all_of(session, organization)) >= MAX_CUSTOM_ROLES:
        raise ResourceExhausted(
            "QUOTA_EXCEEDED",
            "The organization has as many roles as it may; delete one first.",
            metadata={"limit": str(MAX_CUSTOM_ROLES)},
        )


def _checked(permissions: Iterable[str]) -> list[str]:
    """The permissions once each, sorted; raises InvalidArgument for none, or an unknown one."""
    wanted = sorted(set(permissions))
    unknown = [permission for permission in wanted if permission not in CATALOGUE]
    problem = f'has no "{unknown[0][:64]}" in the catalogue' if unknown else "is required"
    if wanted and not unknown:
        return wanted
    violation = FieldViolation("role.permissions", problem)
    raise InvalidArgument("INVALID_FIELDS", f"role.permissions {problem}", violations=[violation])


def _name(organization: str, role: str) -> str:
    return f"organizations/{organization}/roles/{role}"
