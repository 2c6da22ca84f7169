"""Service accounts: made without a role or a key, shut out and let in again, and deleted."""

from collections.abc import Mapping
from dataclasses import dataclass

from controlplane import store
from controlplane.identity.tokens import Lifetimes
from controlplane.operations import guards, revocations
from controlplane.operations.refusals import absent, require_etag, taken
from controlplane.store.schema_accounts import ServiceAccount
from controlplane.subjects import Subject
from meshkit.errors import PermissionDenied
from meshkit.feed import ChangeKind
from meshkit.session import Session


@dataclass(frozen=True, slots=True)
class AccountName:
    """The ids in "organizations/<id>/serviceAccounts/<id>", and in what lies below it."""

    organization: str
    id: str

    @classmethod
    def of(cls, name: str) -> "AccountName":
        parts = name.split("/")
        return cls(parts[1], parts[3])

    def __str__(self) -> str:
        return f"organizations/{self.organization}/serviceAccounts/{self.id}"


def create(
    session: Session, name: AccountName, *, display_name: str, description: str, creator: str
) -> ServiceAccount:
    """Makes an account; raises AlreadyExists for a taken id."""
    is_taken = store.service_accounts.get(session, name.organization, name.id) is not None
    row = ServiceAccount(
        organization=name.organization,
        id=name.id,
        display_name=display_name,
        description=description,
        creator=creator,
        create_time=session.now,
        update_time=session.now,
    )
    if is_taken or not store.unique.insert(session, row):
        raise taken(str(name))
    session.emit(ChangeKind.CREATED, row)
    session.audited(resource=row.name, fields=("display_name", "description"))
    return row


def update(
    session: Session, name: AccountName, values: Mapping[str, str], *, etag: str
) -> ServiceAccount:
    """Gives fields new values; raises NotFound, or Aborted for another etag."""
    row = require_locked(session, name, etag=etag)
    fields = tuple(field for field, value in values.items() if getattr(row, field) != value)
    for field in fields:
        setattr(row, field, values[field])
    if fields:
        _note(session, row, *fields)
    return row


def disable(
    session: Session, name: AccountName, *, etag: str, caller: Subject, lifetimes: Lifetimes
) -> ServiceAccount:
    """Shuts an account out, with every token it has; raises PRIVILEGE_ESCALATION.

    Again is fine.
    """
    row = require_locked(session, name, etag=etag)
    guards.require_covers(session, caller, row.subject)
    if row.disable_time is None:
        row.disable_time = session.now
        revocations.revoke_subject(session, row.subject, lifetimes=lifetimes)
        _note(session, row, "disable_time")
    return row


def enable(session: Session, name: AccountName, *, etag: str, caller: Subject) -> ServiceAccount:
    """Lets an account in again; raises PRIVILEGE_ESCALATION. Again is fine."""
    row = require_locked(session, name, etag=etag)
    if row.disable_time is not None:
        require_covered(session, row, caller)
        row.disable_time = None
        revocations.readmit(session, row.subject)
        _note(session, row, "disable_time")
    return row


def delete(
    session: Session, name: AccountName, *, etag: str, caller: Subject, lifetimes: Lifetimes
) -> None:
    """Deletes an account with its keys, grants and tokens, and takes it out of its teams.

    Raises PRIVILEGE_ESCALATION for a caller who holds less.
    """
    row = require_locked(session, name, etag=etag)
    guards.require_covers(session, caller, row.subject)
    below = (
        *store.service_accounts.keys_of(session, row.uid),
        *store.federated_credentials.all_of(session, row.uid),
        *store.bindings.of_subject(session, row.subject),
        *store.teams.memberships(session, name.organization, row.subject),
    )
    for each in below:
        session.emit(ChangeKind.DELETED, each)
        session.delete(each)
    revocations.revoke_subject(session, row.subject, lifetimes=lifetimes)
    row.delete_time = session.now
    session.emit(ChangeKind.DELETED, row)
    session.audited(resource=row.name)


def require(session: Session, name: AccountName) -> ServiceAccount:
    """The account; raises NotFound."""
    row = store.service_accounts.get(session, name.organization, name.id)
    if row is None:
        raise absent(str(name))
    return row


def require_locked(session: Session, name: AccountName, *, etag: str = "") -> ServiceAccount:
    """The account, which nobody else changes meanwhile; raises NotFound, Aborted."""
    row = store.service_accounts.lock(session, name.organization, name.id)
    if row is None:
        raise absent(str(name))
    require_etag(row, etag)
    return row


def require_covered(session: Session, account: ServiceAccount, caller: Subject) -> None:
    """Raises unless the caller holds all that the account holds: they could act as it."""
    if caller == account.subject:
        raise PermissionDenied(
            "CALLER_NOT_ALLOWED", "A service account cannot do this for itself; a person can."
        )
    guards.require_held(session, caller, guards.grants_of(session, account.subject))


def _note(session: Session, row: ServiceAccount, *fields: str) -> None:
    row.update_time = session.now
    session.emit(ChangeKind.UPDATED, row, fields=fields)
    session.audited(resource=row.name, fields=fields)
