"""API keys of service accounts: two at most, shown once, exchanged for short tokens, rotated."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from controlplane import store
from controlplane.identity import opaque
from controlplane.identity.opaque import OpaqueToken, Secret, invalid_grant, matches
from controlplane.identity.tokens import Lifetimes, Origin
from controlplane.operations import guards, revocations, service_accounts
from controlplane.operations.refusals import absent, require_etag
from controlplane.operations.service_accounts import AccountName
from controlplane.store.schema_accounts import ApiKey, ServiceAccount
from controlplane.subjects import Subject
from meshkit.errors import FailedPrecondition, FieldViolation, InvalidArgument
from meshkit.feed import ChangeKind
from meshkit.session import Session

DEFAULT_LIFE = timedelta(days=90)
MAX_LIFE = timedelta(days=365)
MAX_RETAINED = timedelta(days=30)
# One in use and its successor: more would only be forgotten.
MAX_LIVE = 2
# "Last used" is for people: a write for each exchange would be one too many.
COARSE = timedelta(minutes=1)
# Enough to recognise a key by, too little to use it.
_SHOWN = len(opaque.API_KEY) + 8


@dataclass(frozen=True, slots=True)
class Created:
    """A new key and its secret, which is nowhere else; the key that it replaces, if any."""

    row: ApiKey
    secret: Secret
    replaced: ApiKey | None = None


def create(
    session: Session,
    name: AccountName,
    *,
    caller: Subject,
    display_name: str,
    expire_time: datetime | None,
) -> Created:
    """Makes a key; raises NotFound, TOO_MANY_KEYS, PRIVILEGE_ESCALATION or InvalidArgument."""
    account = service_accounts.require_locked(session, name)
    service_accounts.require_covered(session, account, caller)
    expire_time = expire_time or session.now + DEFAULT_LIFE
    if not session.now < expire_time <= session.now + MAX_LIFE:
        raise _bad("api_key.expire_time", "must be in the future, and at most 365 days from now")
    _require_room(session, account)
    created = _make(session, account, display_name, expire_time, creator=caller.claim)
    session.audited(resource=created.row.name, fields=("display_name", "expire_time"))
    return created


def rotate(
    session: Session,
    name: AccountName,
    uid: UUID,
    *,
    caller: Subject,
    retain: timedelta,
    lifetimes: Lifetimes,
) -> Created:
    """Makes a key's successor; the old one works on for `retain`, or dies at once for zero."""
    if not timedelta() <= retain <= MAX_RETAINED:
        raise _bad("retain_period", "must be at most 30 days")
    account = service_accounts.require_locked(session, name)
    service_accounts.require_covered(session, account, caller)
    old = require(session, account, uid)
    if old.expire_time <= session.now:
        raise FailedPrecondition(
            "KEY_EXPIRED",
            "This key has expired; create a new one.",
            metadata={"resource": name_of(account, uid)},
        )
    expire_time = session.now + (old.expire_time - old.create_time)
    _end(session, old, session.now + retain, lifetimes)
    _require_room(session, account)
    created = _make(session, account, old.display_name, expire_time, creator=caller.claim)
    session.audited(resource=old.name, fields=("expire_time",))
    return Created(created.row, created.secret, old)


def update(
    session: Session, name: AccountName, uid: UUID, values: Mapping[str, str], *, etag: str
) -> ApiKey:
    """Gives fields new values; raises NotFound, or Aborted for another etag."""
    row = require(session, service_accounts.require_locked(session, name), uid)
    require_etag(row, etag)
    fields = tuple(field for field, value in values.items() if getattr(row, field) != value)
    for field in fields:
        setattr(row, field, values[field])
    if fields:
        row.update_time = session.now
        session.emit(ChangeKind.UPDATED, row, fields=fields)
        session.audited(resource=row.name, fields=fields)
    return row


def delete(
    session: Session, name: AccountName, uid: UUID, *, caller: Subject, lifetimes: Lifetimes
) -> None:
    """Deletes a key with all that was made from it; raises NotFound, PRIVILEGE_ESCALATION."""
    account = service_accounts.require(session, name)
    guards.require_covers(session, caller, account.subject)
    _delete(session, require(session, account, uid), lifetimes)


def revoke(session: Session, presented: OpaqueToken, *, lifetimes: Lifetimes) -> None:
    """Deletes the key that its bearer shows; an unknown one is as good as deleted."""
    row = store.service_accounts.find_key(session, UUID(presented.id))
    if row is not None and matches(presented, row.digest):
        _delete(session, row, lifetimes)


def exchange(session: Session, presented: OpaqueToken) -> Origin:
    """Answers what access tokens are made from; raises INVALID_GRANT."""
    row = store.service_accounts.find_key(session, UUID(presented.id))
    if row is None or not matches(presented, row.digest):
        raise invalid_grant()
    account = store.service_accounts.find(session, row.account_uid)
    origin = origin_of(session, account, row.uid) if account and account.is_enabled else None
    if origin is None:
        raise invalid_grant()
    if row.last_used_time is None or session.now - row.last_used_time >= COARSE:
        row.last_used_time = session.now.replace(second=0, microsecond=0)
    session.audited(resource=row.name)
    return origin


def end_replaced(session: Session, *, lifetimes: Lifetimes) -> None:
    """Revokes what was made from replaced keys before their end was known."""
    for row in store.service_accounts.lock_replaced(session):
        row.is_retained = False
        revocations.revoke_origin(session, row.uid, lifetimes=lifetimes)


def origin_of(session: Session, account: ServiceAccount, uid: UUID) -> Origin | None:
    """What tokens of a key are made from; None where it is none, or has ended."""
    row = store.service_accounts.get_key(session, account.uid, uid)
    if row is None or row.expire_time <= session.now:
        return None
    return Origin(account, row.uid, row.expire_time)


def require(session: Session, account: ServiceAccount, uid: UUID) -> ApiKey:
    """The key; raises NotFound."""
    row = store.service_accounts.get_key(session, account.uid, uid)
    if row is None:
        raise absent(name_of(account, uid))
    return row


def name_of(account: ServiceAccount, uid: UUID) -> str:
    return f"{account.name}/apiKeys/{uid}"


def _require_room(session: Session, account: ServiceAccount) -> None:
    """For whoever has locked the account."""
    keys = store.service_accounts.keys_of(session, account.uid)
    if sum(key.expire_time > session.now for key in keys) >= MAX_LIVE:
        raise FailedPrecondition(
            "TOO_MANY_KEYS",
            f"{account.name} has {MAX_LIVE} live keys already; delete one first.",
            metadata={"resource": account.name},
        )


def _make(
    session: Session,
    account: ServiceAccount,
    display_name: str,
    expire_time: datetime,
    *,
    creator: str,
) -> Created:
    secret, uid, digest = opaque.make(opaque.API_KEY)
    row = ApiKey(
        uid=uid,
        account_uid=account.uid,
        account=account.name,
        display_name=display_name,
        digest=digest,
        prefix=secret[:_SHOWN],
        creator=creator,
        create_time=session.now,
        update_time=session.now,
        expire_time=expire_time,
    )
    session.add(row)
    session.flush()
    session.emit(ChangeKind.CREATED, row)
    return Created(row, secret)


def _end(session: Session, row: ApiKey, at: datetime, lifetimes: Lifetimes) -> None:
    """Lets a key end earlier than it was made for, never later."""
    row.expire_time, row.update_time = min(row.expire_time, at), session.now
    row.is_retained = row.expire_time > session.now
    session.emit(ChangeKind.UPDATED, row, fields=("expire_time",))
    if not row.is_retained:
        revocations.revoke_origin(session, row.uid, lifetimes=lifetimes)


def _delete(session: Session, row: ApiKey, lifetimes: Lifetimes) -> None:
    session.emit(ChangeKind.DELETED, row)
    session.delete(row)
    revocations.revoke_origin(session, row.uid, lifetimes=lifetimes)
    session.audited(resource=row.name)


def _bad(field: str, problem: str) -> InvalidArgument:
    return InvalidArgument(
        "INVALID_FIELDS", f"{field} {problem}", violations=[FieldViolation(field, problem)]
    )
