"""Queries of invitations."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from controlplane.store.locks import locked
from controlplane.store.schema_members import PENDING, Invitation
from meshkit.filters import Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session

ORDERS = Orders(
    keys=(OrderKey("create_time", Invitation.create_time),),
    uid=OrderKey("uid", Invitation.uid),
)
FIELDS = Fields(Field("email", Kind.STRING, Invitation.email_key))


def get(session: Session, organization: str, uid: UUID) -> Invitation | None:
    query = sa.select(Invitation).where(
        Invitation.organization == organization, Invitation.uid == uid
    )
    return session.scalars(query).first()


def lock(session: Session, organization: str, uid: UUID) -> Invitation | None:
    query = sa.select(Invitation).where(
        Invitation.organization == organization, Invitation.uid == uid
    )
    return session.scalars(locked(query)).first()


def find(session: Session, uid: UUID) -> Invitation | None:
    """Whatever the organization: for who shows a token."""
    return session.get(Invitation, uid)


def lock_any(session: Session, uid: UUID) -> Invitation | None:
    """As `find`, and no other transaction decides about it meanwhile."""
    query = sa.select(Invitation).where(Invitation.uid == uid)
    return session.scalars(locked(query)).first()


def open_for(session: Session, organization: str, email_key: str) -> Invitation | None:
    """The pending one of an address, also where its time is over."""
    query = sa.select(Invitation).where(
        Invitation.organization == organization,
        Invitation.email_key == email_key,
        Invitation.state == PENDING,
    )
    return session.scalars(locked(query)).first()


def list_page(
    session: Session, organization: str, filter_: Filter, window: Window
) -> Sequence[Invitation]:
    query = sa.select(Invitation).where(Invitation.organization == organization, filter_.where())
    return session.scalars(window.apply(query)).all()


def delete_of(
    session: Session, *, organization: str | None = None, email_key: str | None = None
) -> None:
    """Deletes the invitations of an organization, or of an address, or of both."""
    query = sa.delete(Invitation)
    if organization is not None:
        query = query.where(Invitation.organization == organization)
    if email_key is not None:
        query = query.where(Invitation.email_key == email_key)
    session.execute(query)


def purge(session: Session, before: datetime) -> None:
    """Deletes those that ended, or whose time was over, long ago."""
    ended = sa.func.coalesce(Invitation.end_time, Invitation.expire_time)
    session.execute(sa.delete(Invitation).where(ended < before))
