"""Queries of personal access tokens."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from controlplane.store.schema import Member, PersonalAccessToken
from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session

ORDERS = Orders(
    keys=(OrderKey("create_time", PersonalAccessToken.create_time),),
    uid=OrderKey("uid", PersonalAccessToken.uid),
)


def get(session: Session, user_uid: UUID, uid: UUID) -> PersonalAccessToken | None:
    query = sa.select(PersonalAccessToken).where(
        PersonalAccessToken.user_uid == user_uid, PersonalAccessToken.uid == uid
    )
    return session.scalars(query).first()


def find(session: Session, uid: UUID) -> PersonalAccessToken | None:
    """Whoever's token it is: for proving who calls, where the user is not known yet."""
    return session.get(PersonalAccessToken, uid)


def list_page(session: Session, user_uid: UUID, window: Window) -> Sequence[PersonalAccessToken]:
    query = sa.select(PersonalAccessToken).where(PersonalAccessToken.user_uid == user_uid)
    return session.scalars(window.apply(query)).all()


def list_of_members(
    session: Session, organization: str, window: Window
) -> Sequence[PersonalAccessToken]:
    members = sa.select(Member.user_uid).where(Member.organization == organization)
    query = sa.select(PersonalAccessToken).where(PersonalAccessToken.user_uid.in_(members))
    return session.scalars(window.apply(query)).all()


def all_of_user(session: Session, user_uid: UUID) -> Sequence[PersonalAccessToken]:
    query = sa.select(PersonalAccessToken).where(PersonalAccessToken.user_uid == user_uid)
    return session.scalars(query).all()
