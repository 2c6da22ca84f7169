"""Queries of members: who belongs to an organization, with their accounts."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from controlplane.store.locks import locked
from controlplane.store.schema import Member, User
from meshkit.filters import Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session


@dataclass(frozen=True, slots=True)
class MemberView:
    """A membership and the account it is of."""

    row: Member
    user: User

    # What pages are ordered by.
    @property
    def email(self) -> str:
        return self.row.email_key

    @property
    def uid(self) -> UUID:
        return self.row.user_uid


ORDERS = Orders(
    keys=(OrderKey("email", Member.email_key),),
    uid=OrderKey("uid", Member.user_uid),
    default="email",
)
FIELDS = Fields(Field("email", Kind.STRING, Member.email_key))


def get(session: Session, organization: str, user_uid: UUID) -> MemberView | None:
    query = _members(organization).where(Member.user_uid == user_uid)
    return next((MemberView(*row) for row in session.execute(query)), None)


def lock(session: Session, organization: str, user_uid: UUID) -> MemberView | None:
    """As `get`, and no other transaction changes the membership or the account meanwhile."""
    query = _members(organization).where(Member.user_uid == user_uid)
    return next((MemberView(*row) for row in session.execute(locked(query))), None)


def list_page(
    session: Session, organization: str, filter_: Filter, window: Window
) -> Sequence[MemberView]:
    query = _members(organization).where(filter_.where())
    return [MemberView(*row) for row in session.execute(window.apply(query))]


def of_user(session: Session, user_uid: UUID) -> Sequence[Member]:
    query = sa.select(Member).where(Member.user_uid == user_uid)
    return session.scalars(query.order_by(Member.organization)).all()


def of_organization(session: Session, organization: str) -> Sequence[Member]:
    query = sa.select(Member).where(Member.organization == organization)
    return session.scalars(query.order_by(Member.user_uid)).all()


def _members(organization: str) -> sa.Select[Member, User]:
    return (
        sa.select(Member, User)
        .join(User, User.uid == Member.user_uid)
        .where(Member.organization == organization)
    )
