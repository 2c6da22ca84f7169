"""Personal access tokens: shown once, exchanged for short tokens, dead with all of those."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from controlplane import store
from controlplane.identity import opaque
from controlplane.identity.opaque import OpaqueToken, Secret, invalid_grant, matches
from controlplane.identity.tokens import Lifetimes, Origin
from controlplane.operations import revocations, sessions
from controlplane.store.schema import PersonalAccessToken
from meshkit.errors import FieldViolation, InvalidArgument, NotFound
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
) -> Created:
    """Makes a token; raises InvalidArgument unless it ends within 90 days from now."""
    sessions.require_signed_in(session, user_uid, sid)
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
    )
    session.add(row)
    session.audited(resource=row.name, fields=("display_name", "expire_time"))
    return Created(row, secret)


def exchange(session: Session, presented: OpaqueToken) -> Origin:
    """Answers what access tokens are made from; raises INVALID_GRANT."""
    row = store.personal_tokens.find(session, UUID(presented.id))
    if row is None or not matches(presented, row.digest) or row.expire_time <= session.now:
        raise invalid_grant()
    user = store.users.get(session, row.user_uid)
    assert user is not None
    if not user.is_active:
        raise invalid_grant()
    if row.last_used_time is None or session.now - row.last_used_time >= _COARSE:
        row.last_used_time = session.now.replace(second=0, microsecond=0)
    session.audited(resource=row.name)
    return Origin(user, row.uid, row.expire_time)


def delete(session: Session, user_uid: UUID, uid: UUID, *, lifetimes: Lifetimes) -> None:
    """Deletes a user's own token; raises NotFound."""
    row = store.personal_tokens.get(session, user_uid, uid)
    if row is None:
        name = f"users/{user_uid}/personalAccessTokens/{uid}"
        raise NotFound("RESOURCE_NOT_FOUND", "There is no such token.", metadata={"resource": name})
    _delete(session, row, lifetimes)


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
