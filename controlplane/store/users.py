"""Queries of users and their one-time tokens."""

from uuid import UUID

import sqlalchemy as sa

from controlplane.store.locks import locked
from controlplane.store.schema import OneTimeToken, User
from meshkit.session import Session


def get(session: Session, uid: UUID) -> User | None:
    return session.get(User, uid)


def lock(session: Session, uid: UUID) -> User | None:
    """The account as it is now, and no other transaction changes it until this one ends."""
    query = sa.select(User).where(User.uid == uid)
    return session.scalars(locked(query)).first()


def get_by_email(session: Session, email: str) -> User | None:
    return session.scalars(sa.select(User).where(User.email_key == email.casefold())).first()


def take_one_time_token(
    session: Session, purpose: str, uid: UUID, *, user_uid: UUID | None = None
) -> OneTimeToken | None:
    """The token, locked until the transaction ends, so that only one use of it can go on."""
    query = sa.select(OneTimeToken).where(
        OneTimeToken.uid == uid,
        OneTimeToken.purpose == purpose,
        OneTimeToken.user_uid.is_(None) if user_uid is None else OneTimeToken.user_uid == user_uid,
    )
    return session.scalars(locked(query)).first()


def find_one_time_token(session: Session, purpose: str) -> OneTimeToken | None:
    return session.scalars(sa.select(OneTimeToken).where(OneTimeToken.purpose == purpose)).first()


def delete_one_time_tokens(session: Session, purpose: str, user_uid: UUID | None) -> None:
    of_user = OneTimeToken.user_uid
    session.execute(
        sa.delete(OneTimeToken).where(
            OneTimeToken.purpose == purpose,
            of_user.is_(None) if user_uid is None else of_user == user_uid,
        )
    )


def purge_one_time_tokens(session: Session) -> None:
    session.execute(sa.delete(OneTimeToken).where(OneTimeToken.expire_time < session.now))
