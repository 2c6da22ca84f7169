"""Queries of identities, and of sign-ins under way."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from controlplane.store.locks import locked
from controlplane.store.schema_identity import Identity, Login
from meshkit.session import Session


def get(session: Session, issuer: str, subject: str) -> Identity | None:
    return session.get(Identity, (issuer, subject))


def is_known_to(session: Session, issuer: str, user_uid: UUID) -> bool:
    """Whether an issuer vouches for this account already, under whatever subject."""
    query = sa.select(Identity.subject).where(
        Identity.user_uid == user_uid, Identity.issuer == issuer
    )
    return session.scalars(query.limit(1)).first() is not None


def has_any(session: Session, user_uid: UUID) -> bool:
    """Whether any provider vouches for the account."""
    query = sa.select(Identity.subject).where(Identity.user_uid == user_uid).limit(1)
    return session.scalars(query).first() is not None


def forget(session: Session, user_uid: UUID) -> None:
    """Nobody is this account any more; whoever signs in again is somebody new."""
    session.execute(sa.delete(Identity).where(Identity.user_uid == user_uid))


def lock_login(session: Session, uid: UUID) -> Login | None:
    """A sign-in under way, locked so that its state, and its code, serve once."""
    return session.scalars(locked(sa.select(Login).where(Login.uid == uid))).first()


def purge_logins(session: Session, before: datetime) -> None:
    session.execute(sa.delete(Login).where(Login.expire_time < before))
