"""Identity providers: set up by whoever may do everything, since they say who people are."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from controlplane import store
from controlplane.operations import group_teams, guards
from controlplane.operations.refusals import absent, require_etag, taken
from controlplane.permissions import ADMIN, ROLES, Grant, Scope
from controlplane.store.schema_identity import IdentityProvider
from controlplane.subjects import Subject
from meshkit.errors import NotFound
from meshkit.feed import ChangeKind
from meshkit.session import Session


def create(
    session: Session,
    organization: str,
    provider: str,
    values: Mapping[str, Any],
    *,
    uid: UUID,
    creator: Subject,
) -> IdentityProvider:
    """Adds a provider; raises AlreadyExists or PRIVILEGE_ESCALATION.

    `values` are the columns by name; the client secret comes sealed for `uid`.
    """
    require_all_permissions(session, organization, creator)
    is_taken = store.identity_providers.get(session, organization, provider) is not None
    values = _resolved(session, organization, values)
    row = IdentityProvider(
        uid=uid,
        organization=organization,
        id=provider,
        creator=creator.claim,
        create_time=session.now,
        update_time=session.now,
        **values,
    )
    if is_taken or not store.unique.insert(session, row):
        raise taken(row.name)
    session.emit(ChangeKind.CREATED, row)
    session.audited(resource=row.name, fields=tuple(values))
    return row


def change(
    session: Session,
    organization: str,
    provider: str,
    values: Mapping[str, Any],
    *,
    etag: str,
    caller: Subject,
) -> IdentityProvider:
    """Gives columns new values; raises NotFound, Aborted or PRIVILEGE_ESCALATION.

    LAST_ADMINISTRATOR where nobody in charge could sign in any more.
    """
    require_all_permissions(session, organization, caller)
    row = _locked(session, organization, provider, etag)
    values = _resolved(session, organization, values)
    differing = {name: new for name, new in values.items() if getattr(row, name) != new}
    for name, value in differing.items():
        setattr(row, name, value)
    if differing:
        row.update_time = session.now
        session.emit(ChangeKind.UPDATED, row, fields=tuple(differing))
    if "disabled" in differing and row.disabled:
        guards.require_administrator(session, organization)
    session.audited(resource=row.name, fields=tuple(differing))
    return row


def delete(
    session: Session, organization: str, provider: str, *, etag: str, caller: Subject
) -> None:
    """Deletes a provider, its sign-ins under way and the memberships that its groups made.

    Who signed in stays who they are. Raises as `change` does.
    """
    require_all_permissions(session, organization, caller)
    row = _locked(session, organization, provider, etag)
    group_teams.leave(session, row, store.teams.made_by(session, organization, row.name))
    session.emit(ChangeKind.DELETED, row)
    session.delete(row)
    guards.require_administrator(session, organization)
    session.audited(resource=row.name)


def examined(session: Session, organization: str, provider: str) -> IdentityProvider:
    """Records that somebody had the provider tested; raises NotFound."""
    row = require(session, organization, provider)
    session.audited(resource=row.name)
    return row


def require(session: Session, organization: str, provider: str) -> IdentityProvider:
    """The provider; raises NotFound."""
    row = store.identity_providers.get(session, organization, provider)
    if row is None:
        raise _absent(organization, provider)
    return row


def require_enabled(session: Session, organization: str, provider: str) -> IdentityProvider:
    """The provider, if people sign in through it; the same NotFound for both."""
    row = store.identity_providers.get(session, organization, provider)
    if row is None or row.disabled:
        raise _absent(organization, provider)
    return row


def require_in_use(session: Session, uid: UUID) -> IdentityProvider:
    """The provider of a sign-in under way, which stays enabled until this one is over.

    Raises NotFound. An account may be left with nothing but this provider to sign in by, so who
    takes the provider away waits, and counts that.
    """
    row = store.identity_providers.keep(session, uid)
    if row is None or row.disabled:
        raise NotFound("RESOURCE_NOT_FOUND", "There is no such identity provider any more.")
    return row


def require_all_permissions(session: Session, organization: str, caller: Subject) -> None:
    """Raises PRIVILEGE_ESCALATION for who could make themselves more than they are.

    Whoever chooses the provider, or the domains whose addresses count, can be anybody.
    """
    guards.require_held(session, caller, [Grant(ROLES[ADMIN].permissions, Scope(organization))])


def _resolved(session: Session, organization: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values as they are stored: mapped teams by their UUIDs."""
    if "group_mappings" not in values:
        return values
    mappings = group_teams.resolve(session, organization, values["group_mappings"])
    return {**values, "group_mappings": mappings}


def _locked(session: Session, organization: str, provider: str, etag: str) -> IdentityProvider:
    row = store.identity_providers.lock(session, organization, provider)
    if row is None:
        raise _absent(organization, provider)
    require_etag(row, etag)
    return row


def _absent(organization: str, provider: str) -> NotFound:
    return absent(f"organizations/{organization}/identityProviders/{provider}")
