"""Queries of what services last said on their links."""

from collections.abc import Sequence

import sqlalchemy as sa

from controlplane.store.schema import Link
from meshkit.session import Session


def get(session: Session, spiffe_id: str) -> Link | None:
    return session.get(Link, spiffe_id)


def by_identity(session: Session, spiffe_ids: Sequence[str]) -> dict[str, Link]:
    """What services last said, by SPIFFE id."""
    query = sa.select(Link).where(session.among(Link.spiffe_id, list(spiffe_ids)))
    return {link.spiffe_id: link for link in session.scalars(query)}


def close_all(session: Session) -> None:
    session.execute(sa.update(Link).values(linked=False))
