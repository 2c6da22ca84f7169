"""Scopes of personal access tokens: what a token may do of all that its owner may.

A scope is a permission of the catalogue or a role, which stands for its permissions. What they
come to is decided when a token is exchanged, and carried in every token made from it, so that
each service can hold to it by itself; it never adds to what the owner's roles give.
"""

from collections.abc import Sequence
from uuid import UUID

from controlplane import store
from controlplane.permissions import CATALOGUE, FROM_BELOW, ROLES
from meshkit.errors import FieldViolation, InvalidArgument
from meshkit.session import Session

_NOTHING = frozenset[str]()


def permissions_of(session: Session, scopes: Sequence[str]) -> frozenset[str] | None:
    """What the scopes come to now; None without any, which is no limit at all."""
    if not scopes:
        return None
    # Whoever may do something somewhere may also find the way there.
    return FROM_BELOW.union(*(_meaning(session, scope) or _NOTHING for scope in scopes))


def require(session: Session, user_uid: UUID, scopes: Sequence[str]) -> None:
    """Raises InvalidArgument for a scope that means nothing to this user."""
    organizations = set(store.organizations.of_user(session, user_uid))
    problems = [
        FieldViolation(
            f"personal_access_token.scopes[{index}]",
            "is neither a permission nor a role of one of your organizations",
        )
        for index, scope in enumerate(scopes)
        if _meaning(session, scope) is None
        or ("/" in scope and scope.split("/")[1] not in organizations)
    ]
    if problems:
        message = f"The scope {scopes[int(problems[0].field[:-1].rpartition('[')[2])]} is unknown."
        raise InvalidArgument("INVALID_FIELDS", message, violations=problems)


def _meaning(session: Session, scope: str) -> frozenset[str] | None:
    """The permissions of one scope; None for one that there is not."""
    if "/" not in scope:
        return frozenset({scope}) if scope in CATALOGUE else None
    _, organization, _, role = scope.split("/")
    if role in ROLES:
        return ROLES[role].permissions
    row = store.roles.get(session, organization, role)
    return CATALOGUE.intersection(row.permissions) if row else None
