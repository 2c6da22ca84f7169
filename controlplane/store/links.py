"""Queries of what services last said on their links."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from controlplane.store.schema import Link
from meshkit.session import Session


def get(session: Session, spiffe_id: str) -> Link | None:
    return session.get(Link, spiffe_id)


def by_identity(session: Session, spiffe_ids: Sequence[str]) -> dict[str, Link]:
    """What services last said, by SPIFFE id."""
    query = sa.select(Link).where(session.among(Link.spiffe_id, list(spiffe_ids)))
    return {link.spiffe_id: link for link in session.scalars(query)}


def linked(session: Session, *, heard_before: datetime | None = None) -> Sequence[Link]:
    """The links that count as open; only those not heard since then, where a time is given."""
    query = sa.select(Link).where(Link.linked.is_(True)).order_by(Link.spiffe_id)
    if heard_before is not None:
        query = query.where(Link.last_heartbeat_time < heard_before)
    return session.scalars(query).all()
