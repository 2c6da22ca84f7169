"""Roles: the built-in ones, which nobody changes, and those that an organization makes."""

from dataclasses import dataclass
from uuid import UUID

from controlplane import store
from controlplane.permissions import CATALOGUE, ROLES
from meshkit.errors import NotFound
from meshkit.session import Session


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
        name = f"organizations/{organization}/roles/{role}"
        raise NotFound("RESOURCE_NOT_FOUND", f"There is no {name}.", metadata={"resource": name})
    return Grantable(CATALOGUE.intersection(row.permissions), row.uid)
