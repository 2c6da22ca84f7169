"""Queries of the keys that sign tokens."""

from collections.abc import Sequence

import sqlalchemy as sa

from controlplane.store.schema import SigningKey
from meshkit.session import Session


def all_keys(session: Session) -> Sequence[SigningKey]:
    """Every key that is published, oldest first."""
    return session.scalars(sa.select(SigningKey).order_by(SigningKey.create_time)).all()


def lock_all(session: Session) -> Sequence[SigningKey]:
    """The same, and no other replica rotates meanwhile."""
    query = sa.select(SigningKey).order_by(SigningKey.create_time)
    return session.scalars(query.with_for_update()).all()
