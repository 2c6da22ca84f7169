"""Queries of trusted domains."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from controlplane.store.schema_identity import TrustedDomain
from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session

ORDERS = Orders(
    keys=(OrderKey("domain", TrustedDomain.domain),),
    uid=OrderKey("uid", TrustedDomain.uid),
    default="domain",
)


def get(session: Session, organization: str, uid: UUID) -> TrustedDomain | None:
    query = sa.select(TrustedDomain).where(
        TrustedDomain.organization == organization, TrustedDomain.uid == uid
    )
    return session.scalars(query).first()


def by_domain(session: Session, organization: str, domain: str) -> TrustedDomain | None:
    query = sa.select(TrustedDomain).where(
        TrustedDomain.organization == organization, TrustedDomain.domain == domain
    )
    return session.scalars(query).first()


def list_page(session: Session, organization: str, window: Window) -> Sequence[TrustedDomain]:
    query = sa.select(TrustedDomain).where(TrustedDomain.organization == organization)
    return session.scalars(window.apply(query)).all()
