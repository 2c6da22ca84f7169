"""Queries of sessions, refresh tokens and revocations."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from controlplane.store.locks import locked
from controlplane.store.schema import RefreshToken, Revocation, SignInLink
from controlplane.store.schema import Session as Row
from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session

ORDERS = Orders(
    keys=(OrderKey("create_time", Row.create_time),),
    uid=OrderKey("uid", Row.uid),
)


def get(session: Session, uid: UUID) -> Row | None:
    return session.get(Row, uid)


def lock(session: Session, uid: UUID) -> Row | None:
    """The session, and no other transaction decides about it until this one ends."""
    return session.scalars(locked(sa.select(Row).where(Row.uid == uid))).first()


def live_of_user(session: Session, user_uid: UUID) -> Sequence[Row]:
    """The sessions that stand, locked."""
    query = sa.select(Row).where(Row.user_uid == user_uid, _is_live(session.now))
    return session.scalars(locked(query)).all()


def list_page(session: Session, user_uid: UUID, window: Window) -> Sequence[Row]:
    """The sessions that stand."""
    query = sa.select(Row).where(Row.user_uid == user_uid, _is_live(session.now))
    return session.scalars(window.apply(query)).all()


def forget_places(session: Session, user_uid: UUID) -> None:
    """Leaves nothing personal in the sessions of a user."""
    query = sa.update(Row).where(Row.user_uid == user_uid)
    session.execute(query.values(client="", address=""))


def refresh_token(session: Session, session_uid: UUID, digest: bytes) -> RefreshToken | None:
    query = sa.select(RefreshToken).where(
        RefreshToken.digest == digest, RefreshToken.session_uid == session_uid
    )
    return session.scalars(query).first()


def lock_link(session: Session, uid: UUID) -> SignInLink | None:
    return session.scalars(locked(sa.select(SignInLink).where(SignInLink.uid == uid))).first()


def live_revocations(session: Session) -> Sequence[Revocation]:
    query = sa.select(Revocation).where(Revocation.expire_time > session.now)
    return session.scalars(query.order_by(Revocation.uid)).all()


def revocations_of(session: Session, subject: str) -> Sequence[Revocation]:
    query = sa.select(Revocation).where(Revocation.subject == subject)
    return session.scalars(query.order_by(Revocation.uid)).all()


def purge(session: Session, before: datetime) -> None:
    """Deletes sessions that ended or expired long ago, and links and revocations that are over."""
    over = sa.or_(Row.expire_time < before, Row.idle_expire_time < before)
    session.execute(sa.delete(Row).where(over))
    session.execute(sa.delete(SignInLink).where(SignInLink.expire_time < session.now))
    session.execute(sa.delete(Revocation).where(Revocation.expire_time < session.now))


def _is_live(now: datetime) -> sa.ColumnElement[bool]:
    """As `operations.sessions.is_live` decides."""
    return sa.and_(Row.end_time.is_(None), Row.expire_time > now, Row.idle_expire_time > now)
