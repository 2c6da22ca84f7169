"""Organizations: made by who runs the control plane, deleted when they are empty."""

from collections.abc import Mapping
from uuid import UUID

from controlplane import store
from controlplane.operations import access, members, users
from controlplane.operations.refusals import absent, in_use, require_etag, taken
from controlplane.store.schema import Organization
from meshkit.feed import ChangeKind
from meshkit.session import Session


def create(
    session: Session, organization: str, *, display_name: str, creator_uid: UUID
) -> Organization:
    """Makes an organization with the user in charge of it; raises AlreadyExists for good."""
    row = Organization(
        id=organization,
        display_name=display_name or organization,
        create_time=session.now,
        update_time=session.now,
    )
    is_taken = store.organizations.get(session, organization) is not None
    if is_taken or not store.unique.insert(session, row):
        raise taken(row.name)
    user = store.users.get(session, creator_uid)
    assert user is not None
    session.emit(ChangeKind.CREATED, row)
    users.join(session, organization, user)
    access.make_administrator(session, organization, user)
    session.audited(resource=row.name, fields=("display_name",))
    return row


def change(
    session: Session, organization: str, values: Mapping[str, str], *, etag: str
) -> Organization:
    """Gives fields new values; raises NotFound, or Aborted for another etag."""
    row = _locked(session, organization, etag)
    differing = {name: value for name, value in values.items() if getattr(row, name) != value}
    for name, value in differing.items():
        setattr(row, name, value)
    if differing:
        row.update_time = session.now
        session.emit(ChangeKind.UPDATED, row, fields=tuple(differing))
    session.audited(resource=row.name, fields=tuple(differing))
    return row


def delete(session: Session, organization: str, *, root: str, etag: str) -> None:
    """Deletes an organization that nothing stands in any more; raises RESOURCE_IN_USE.

    The row stays, so that its id and UUID are never another's.
    """
    row = _locked(session, organization, etag)
    if organization == root:
        raise in_use(row.name, "the control plane")
    dependents = store.organizations.dependents(session, organization)
    if dependents:
        raise in_use(row.name, " and ".join(dependents))
    access.take_everything(session, organization)
    for member in store.members.of_organization(session, organization):
        members.leave(session, member)
    store.invitations.delete_of(session, organization=organization)
    row.delete_time = session.now
    session.emit(ChangeKind.DELETED, row)
    session.audited(resource=row.name)


def _locked(session: Session, organization: str, etag: str) -> Organization:
    store.organizations.lock(session, organization)
    row = store.organizations.get(session, organization)
    if row is None or row.delete_time is not None:
        raise absent(f"organizations/{organization}")
    require_etag(row, etag)
    return row
