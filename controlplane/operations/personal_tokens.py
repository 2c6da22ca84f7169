"""Personal access tokens: shown once, exchanged for short tokens, dead with all of those."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from controlplane import store
from controlplane.identity import opaque
from controlplane.identity.opaque import OpaqueToken, Secret, invalid_grant, matches
from controlplane.identity.tokens import Lifetimes, Origin
from controlplane.operations import guards, revocations, sessions, token_scopes
from controlplane.operations.refusals import absent
from controlplane.store.schema import PersonalAccessToken, User
from controlplane.subjects import Subject
from meshkit.errors import FieldViolation, InvalidArgument
from meshkit.session import Session

DEFAULT_LIFE = timedelta(days=30)
MAX_LIFE = timedelta(days=90)
# "Last used" is for people: a write for each exchange would be one too many.
_COARSE = timedelta(minutes=1)
# Enough to recognise a token by, too little to use it.
_SHOWN = len(opaque.PERSONAL_ACCESS_TOKEN) + 8


@dataclass(frozen=True, slots=True)
class Created:
    """A new token and its secret, which is nowhere else."""

    row: PersonalAccessToken
    secret: Secret


def create(
    session: Session,
    user_uid: UUID,
    *,
    sid: UUID,
    display_name: str,
    expire_time: datetime | None,
    scopes: Sequence[str],
) -> Created:
    """Makes a token; raises InvalidArgument unless it ends within 90 days from now.

    Without scopes it may do all that its owner may.
    """
    sessions.require_signed_in(session, user_uid, sid)
    token_scopes.require(session, user_uid, scopes)
    expire_time = expire_time or session.now + DEFAULT_LIFE
    if not session.now < expire_time <= session.now + MAX_LIFE:
        problem = "must be in the future, and at most 90 days from now"
        raise InvalidArgument(
            "INVALID_FIELDS",
            f"expire_time {problem}",
            violations=[FieldViolation("personal_access_token.expire_time", problem)],
        )
    secret, uid, digest = opaque.make(opaque.PERSONAL_ACCESS_TOKEN)
    row = PersonalAccessToken(
        uid=uid,
        user_uid=user_uid,
        display_name=display_name,
        digest=digest,
        prefix=secret[:_SHOWN],
        create_time=session.now,
        expire_time=expire_time,
        scopes=sorted(set(scopes)),
    )
    session.add(row)
    session.audited(resource=row.name, fields=("display_name", "expire_time", "scopes"))
    return Created(row, secret)


def exchange(session: Session, presented: OpaqueToken) -> Origin:
    """Answers what access tokens are made from; raises INVALID_GRANT."""
    row = store.personal_tokens.find(session, UUID(presented.id))
    if row is None or not matches(presented, row.digest):
        raise invalid_grant()
    user = store.users.get(session, row.user_uid)
    origin = origin_of(session, user, row.uid) if user and user.is_active else None
    if origin is None:
        raise invalid_grant()
    if row.last_used_time is None or session.now - row.last_used_time >= _COARSE:
        row.last_used_time = session.now.replace(second=0, microsecond=0)
    session.audited(resource=row.name)
    return origin


def origin_of(session: Session, user: User, uid: UUID) -> Origin | None:
    """What tokens of a personal token are made from; None where it is none, or has ended."""
    row = store.personal_tokens.get(session, user.uid, uid)
    if row is None or row.expire_time <= session.now:
        return None
    scope = token_scopes.permissions_of(session, row.scopes)
    return Origin(user, row.uid, row.expire_time, scope)


def delete(session: Session, user_uid: UUID, uid: UUID, *, lifetimes: Lifetimes) -> None:
    """Deletes a user's own token; raises NotFound."""
    row = store.personal_tokens.get(session, user_uid, uid)
    if row is None:
        raise absent(f"users/{user_uid}/personalAccessTokens/{uid}")
    _delete(session, row, lifetimes)


def revoke_of_member(
    session: Session,
    organization: str,
    user_uid: UUID,
    uid: UUID,
    *,
    caller: Subject,
    lifetimes: Lifetimes,
) -> None:
    """Deletes a token of an organization's member; raises NotFound.

    A token acts wherever its owner may, so this needs the right to do it in each of their
    organizations (SHARED_ACCOUNT), and as much as they hold (PRIVILEGE_ESCALATION).
    """
    name = f"users/{user_uid}/personalAccessTokens/{uid}"
    if store.members.get(session, organization, user_uid) is None:
        raise absent(name)
    guards.require_in_charge(
        session, caller, user_uid, "personalAccessTokens.revoke", resource=name
    )
    delete(session, user_uid, uid, lifetimes=lifetimes)


def revoke(session: Session, presented: OpaqueToken, *, lifetimes: Lifetimes) -> None:
    """Deletes the token that its bearer shows; an unknown one is as good as deleted."""
    row = store.personal_tokens.find(session, UUID(presented.id))
    if row is not None and matches(presented, row.digest):
        _delete(session, row, lifetimes)


def delete_all(session: Session, user_uid: UUID, *, lifetimes: Lifetimes) -> None:
    """Deletes every token of a user, and all that was made from them."""
    for row in store.personal_tokens.all_of_user(session, user_uid):
        _delete(session, row, lifetimes)


def _delete(session: Session, row: PersonalAccessToken, lifetimes: Lifetimes) -> None:
    session.delete(row)
    revocations.revoke_origin(session, row.uid, lifetimes=lifetimes)
    session.audited(resource=row.name)
