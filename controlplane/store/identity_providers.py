"""Queries of identity providers."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from controlplane.store.locks import locked
from controlplane.store.schema_identity import IdentityProvider
from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session

ORDERS = Orders(
    keys=(OrderKey("id", IdentityProvider.id),),
    uid=OrderKey("uid", IdentityProvider.uid),
    default="id",
)


def get(session: Session, organization: str, provider: str) -> IdentityProvider | None:
    query = sa.select(IdentityProvider).where(_is(organization, provider))
    return session.scalars(query).first()


def lock(session: Session, organization: str, provider: str) -> IdentityProvider | None:
    query = sa.select(IdentityProvider).where(_is(organization, provider))
    return session.scalars(locked(query)).first()


def find(session: Session, uid: UUID) -> IdentityProvider | None:
    """By the UUID that a sign-in began with."""
    return session.get(IdentityProvider, uid)


def keep(session: Session, uid: UUID) -> IdentityProvider | None:
    """As `find`; nobody disables or deletes it before the transaction ends."""
    query = sa.select(IdentityProvider).where(IdentityProvider.uid == uid)
    return session.scalars(locked(query, shared=True)).first()


def list_page(session: Session, organization: str, window: Window) -> Sequence[IdentityProvider]:
    query = sa.select(IdentityProvider).where(IdentityProvider.organization == organization)
    return session.scalars(window.apply(query)).all()


def enabled(session: Session, organization: str) -> Sequence[IdentityProvider]:
    """Those through which people sign in, by id."""
    query = sa.select(IdentityProvider).where(
        IdentityProvider.organization == organization, IdentityProvider.disabled.is_(False)
    )
    return session.scalars(query.order_by(IdentityProvider.id)).all()


def _is(organization: str, provider: str) -> sa.ColumnElement[bool]:
    return sa.and_(IdentityProvider.organization == organization, IdentityProvider.id == provider)
