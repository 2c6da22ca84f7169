"""Queries of organizations and their members."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from controlplane.store.schema import Member, Organization
from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session

ORDERS = Orders(
    keys=(OrderKey("id", Organization.id),),
    uid=OrderKey("uid", Organization.uid),
    default="id",
)


def get(session: Session, organization: str) -> Organization | None:
    return session.get(Organization, organization)


def list_page(session: Session, ids: Sequence[str], window: Window) -> Sequence[Organization]:
    query = sa.select(Organization).where(session.among(Organization.id, list(ids)))
    return session.scalars(window.apply(query)).all()


def lock(session: Session, organization: str) -> None:
    """Changes that lock the organization wait for each other."""
    query = sa.select(Organization.id).where(Organization.id == organization)
    session.execute(query.with_for_update())


def keep_member(session: Session, organization: str, user_uid: UUID) -> bool:
    """Whether a user belongs here; if so, they do until the transaction ends."""
    query = sa.select(Member.user_uid).where(
        Member.organization == organization, Member.user_uid == user_uid
    )
    return session.scalars(query.with_for_update(read=True)).first() is not None


def of_user(session: Session, user_uid: UUID) -> Sequence[str]:
    """The organizations that a user belongs to."""
    query = sa.select(Member.organization).where(Member.user_uid == user_uid)
    return session.scalars(query).all()
