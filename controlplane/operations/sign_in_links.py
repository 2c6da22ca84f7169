"""Links that sign a browser in as whoever made them: once, soon, and while they are signed in."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from controlplane import store
from controlplane.identity import opaque
from controlplane.identity.opaque import OpaqueToken, Secret, invalid_grant, matches
from controlplane.identity.tokens import Lifetimes
from controlplane.operations import sessions
from controlplane.operations.sessions import Started
from controlplane.store.schema import SignInLink, User
from meshkit.session import Session

LIFETIME = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Made:
    """A link's code, which is nowhere else, and its end."""

    code: Secret
    expire_time: datetime


def create(session: Session, *, user_uid: UUID, sid: UUID) -> Made:
    """Makes a link from the caller's session; raises PermissionDenied for who has none."""
    sessions.require_signed_in(session, user_uid, sid)
    code, uid, digest = opaque.make(opaque.SIGN_IN_CODE)
    expire_time = session.now + LIFETIME
    session.add(SignInLink(uid=uid, session_uid=sid, digest=digest, expire_time=expire_time))
    session.audited(resource=f"users/{user_uid}/sessions/{sid}")
    return Made(code, expire_time)


def redeem(session: Session, presented: OpaqueToken, *, lifetimes: Lifetimes) -> Started:
    """Starts the browser's session, one of its own.

    Raises INVALID_GRANT for a link that is unknown, used, too old, or whose session has ended.
    """
    link = store.sessions.lock_link(session, UUID(presented.id))
    if link is None or not matches(presented, link.digest) or link.expire_time <= session.now:
        raise invalid_grant()
    user = _lock_maker(session, link)
    session.delete(link)
    return sessions.start(session, user, origin="link", lifetimes=lifetimes, browser=True)


def _lock_maker(session: Session, link: SignInLink) -> User:
    """Whose session made a link, locked as by who ends their sessions: that sees the new one.

    The user first, as there. Raises INVALID_GRANT where the session has ended.
    """
    maker = store.sessions.get(session, link.session_uid)
    user = store.users.lock(session, maker.user_uid) if maker else None
    # It may have ended while we waited.
    maker = store.sessions.lock(session, link.session_uid)
    if user is None or maker is None or not sessions.is_live(maker, session.now):
        raise invalid_grant()
    return user
