"""Sessions: started by a proof of identity, kept by refresh tokens that work once, and ended."""

import contextlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from controlplane import store
from controlplane.identity import opaque
from controlplane.identity.opaque import OpaqueToken, Secret, invalid_grant, matches
from controlplane.identity.tokens import Lifetimes, Origin
from controlplane.operations import guards, revocations
from controlplane.operations.refusals import absent
from controlplane.store.schema import RefreshToken, User
from controlplane.store.schema import Session as Row
from controlplane.subjects import Subject
from controlplane.subjects import user as subject_of_user
from meshkit.caller import ANONYMOUS
from meshkit.errors import PermissionDenied, Unauthenticated
from meshkit.session import AuditNote, Session
from meshkit.tokens import unauthenticated

_UNAUTHENTICATED = Unauthenticated.code
_BY_NAME = "revoked"
# As much of a user agent as anybody reads; whoever calls chooses its length.
_MAX_CLIENT = 256


@dataclass(frozen=True, slots=True)
class Started:
    """A session with what continues it: a refresh token, or a browser's session token."""

    origin: Origin
    refresh_token: Secret | None = None
    session_token: Secret | None = None


@dataclass(frozen=True, slots=True)
class Stolen:
    """A used refresh token came back; the session has been ended, which must be kept."""

    session_uid: UUID


def start(
    session: Session,
    user: User,
    *,
    origin: str,
    lifetimes: Lifetimes,
    client: str = "",
    browser: bool = False,
) -> Started:
    """Signs a user in; raises INVALID_GRANT for a deactivated account.

    `client` is what signs in, where that is not whoever makes the call. A `browser` gets one
    token for as long as the session lives: what it rotates, two tabs would race for.
    """
    if not user.is_active:
        raise invalid_grant()
    caller = session.call.caller if session.call else ANONYMOUS
    row = Row(
        user_uid=user.uid,
        origin=origin,
        client=(client or caller.user_agent)[:_MAX_CLIENT],
        address=caller.address,
        create_time=session.now,
        last_used_time=session.now,
        expire_time=session.now + lifetimes.session,
        idle_expire_time=session.now + lifetimes.idle,
    )
    session.add(row)
    session.flush()
    session.audited(resource=row.name)
    source = Origin(user, row.uid, row.expire_time)
    if browser:
        secret, _, row.token_digest = opaque.make(opaque.SESSION_TOKEN, row.uid)
        return Started(source, session_token=secret)
    return Started(source, _new_refresh_token(session, row))


def sign_in(
    session: Session,
    user_uid: UUID,
    *,
    verified_hash: str,
    lifetimes: Lifetimes,
    browser: bool = False,
) -> Started | None:
    """Signs in whoever proved the password of this hash; None where it has changed since."""
    # Locked, as by who changes the password: the session is seen, and ended, by that.
    user = store.users.lock(session, user_uid)
    if user is None or user.password_hash != verified_hash or not user.is_active:
        return None
    return start(session, user, origin="password", lifetimes=lifetimes, browser=browser)


def origin_of(session: Session, user: User, sid: UUID) -> Origin | None:
    """What tokens of a session are made from; None where it is no session, or has ended."""
    row = store.sessions.get(session, sid)
    if row is None or row.user_uid != user.uid or not is_live(row, session.now):
        return None
    return Origin(user, row.uid, row.expire_time)


def require_signed_in(session: Session, user_uid: UUID, sid: UUID) -> None:
    """Raises PermissionDenied for who came by a personal access token.

    What such a token makes outlives it: a stolen one must not renew itself. Nor may a session
    that has ended since the call was admitted; one that stands does so until the commit.
    """
    row = store.sessions.lock(session, sid)
    if row is None or row.user_uid != user_uid:
        raise PermissionDenied(
            "CALLER_NOT_ALLOWED", "A personal access token cannot do this; sign in first."
        )
    if not is_live(row, session.now):
        raise unauthenticated()


def refresh(session: Session, presented: OpaqueToken, *, lifetimes: Lifetimes) -> Started | Stolen:
    """Exchanges a refresh token for the next one; raises INVALID_GRANT."""
    row = store.sessions.lock(session, UUID(presented.id))
    if row is None:
        raise invalid_grant()
    # Found by its hash: a forged token with the right id ends nobody's session.
    token = store.sessions.refresh_token(session, row.uid, presented.digest)
    if token is None:
        raise invalid_grant()
    if token.use_time is not None:
        return _stolen(session, row, lifetimes)
    origin = _used(session, row, lifetimes)
    token.use_time = session.now
    return Started(origin, _new_refresh_token(session, row))


def use(session: Session, presented: OpaqueToken, *, lifetimes: Lifetimes) -> Origin:
    """Keeps a browser's session alive by its token; raises INVALID_GRANT."""
    return _used(session, _by_session_token(session, presented), lifetimes)


def end_browser(session: Session, presented: OpaqueToken, *, lifetimes: Lifetimes) -> None:
    """Ends the session of a session token; an unknown one is as good as ended."""
    with contextlib.suppress(Unauthenticated):
        row = _by_session_token(session, presented)
        end(session, row, reason="signed out", lifetimes=lifetimes)
        session.audited(resource=row.name)


def end_by_token(session: Session, presented: OpaqueToken, *, lifetimes: Lifetimes) -> None:
    """Ends the session of a refresh token, used or not; an unknown one is as good as ended."""
    row = store.sessions.lock(session, UUID(presented.id))
    if row and store.sessions.refresh_token(session, row.uid, presented.digest):
        end(session, row, reason="signed out", lifetimes=lifetimes)
        session.audited(resource=row.name)


def end_one(
    session: Session, user_uid: UUID, uid: UUID, *, caller: Subject, lifetimes: Lifetimes
) -> None:
    """Ends a session of a user by its name; raises PRIVILEGE_ESCALATION, or NotFound where there
    never was one."""
    guards.require_covers(session, caller, subject_of_user(user_uid))
    row = store.sessions.lock(session, uid)
    if row is None or row.user_uid != user_uid:
        raise absent(f"users/{user_uid}/sessions/{uid}")
    end(session, row, reason=_BY_NAME, lifetimes=lifetimes)
    session.audited(resource=row.name, fields=("end_time",))


def end_others(
    session: Session,
    user_uid: UUID,
    *,
    kept: UUID | None,
    caller: Subject,
    lifetimes: Lifetimes,
) -> int:
    """Signs a user out everywhere, or everywhere but in one session; answers how many ended.

    Raises PRIVILEGE_ESCALATION where the user holds more than the caller.
    """
    guards.require_covers(session, caller, subject_of_user(user_uid))
    # Whoever is being signed in at this moment is seen, and ended, too.
    store.users.lock(session, user_uid)
    rows = [row for row in store.sessions.live_of_user(session, user_uid) if row.uid != kept]
    for row in rows:
        end(session, row, reason=_BY_NAME, lifetimes=lifetimes)
    store.devices.forget_user(session, user_uid)
    session.audited(resource=f"users/{user_uid}", fields=("sessions",))
    return len(rows)


def end_all(session: Session, user: User, *, reason: str, lifetimes: Lifetimes) -> None:
    """Ends every session of a user, and those that approved devices have yet to fetch.

    Sessions first: what one of them is approving or making is there once it is locked.
    """
    for row in store.sessions.live_of_user(session, user.uid):
        end(session, row, reason=reason, lifetimes=lifetimes)
    store.devices.forget_user(session, user.uid)


def end(session: Session, row: Row, *, reason: str, lifetimes: Lifetimes) -> None:
    """Ends a session and everything that was made from it; again is fine."""
    if row.end_time is not None:
        return
    row.end_time, row.end_reason = session.now, reason
    revocations.revoke_origin(session, row.uid, lifetimes=lifetimes)


def is_live(row: Row, now: datetime) -> bool:
    """Whether a session still stands."""
    return row.end_time is None and now < min(row.expire_time, row.idle_expire_time)


def _by_session_token(session: Session, presented: OpaqueToken) -> Row:
    row = store.sessions.lock(session, UUID(presented.id))
    if row is None or row.token_digest is None or not matches(presented, row.token_digest):
        raise invalid_grant()
    return row


def _used(session: Session, row: Row, lifetimes: Lifetimes) -> Origin:
    """Puts the idle end off; raises INVALID_GRANT where the session or its user is shut."""
    user = store.users.get(session, row.user_uid)
    assert user is not None
    if not is_live(row, session.now) or not user.is_active:
        raise invalid_grant()
    row.last_used_time = session.now
    row.idle_expire_time = min(session.now + lifetimes.idle, row.expire_time)
    session.audited(resource=row.name)
    return Origin(user, row.uid, row.expire_time)


def _stolen(session: Session, row: Row, lifetimes: Lifetimes) -> Stolen:
    end(session, row, reason="refresh token reused", lifetimes=lifetimes)
    session.audit_notes[0] = AuditNote(
        row.name, ("end_time",), _UNAUTHENTICATED, "REFRESH_TOKEN_REUSED"
    )
    return Stolen(row.uid)


def _new_refresh_token(session: Session, row: Row) -> Secret:
    secret, _, digest = opaque.make(opaque.REFRESH_TOKEN, row.uid)
    session.add(RefreshToken(digest=digest, session_uid=row.uid))
    return secret


def reused() -> Unauthenticated:
    """What the bearer of a used refresh token hears."""
    return Unauthenticated(
        "REFRESH_TOKEN_REUSED",
        "This refresh token was used before, so its session was ended; sign in again.",
    )
