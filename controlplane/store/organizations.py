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


def is_member(session: Session, organization: str, user_uid: UUID) -> bool:
    return session.get(Member, (organization, user_uid)) is not None


def of_user(session: Session, user_uid: UUID) -> Sequence[str]:
    """The organizations that a user belongs to."""
    query = sa.select(Member.organization).where(Member.user_uid == user_uid)
    return session.scalars(query).all()
