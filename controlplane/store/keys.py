"""Queries of the keys that sign tokens."""

from collections.abc import Sequence

import sqlalchemy as sa

from controlplane.store.schema import SigningKey
from meshkit.session import Session

_OLDEST_FIRST = (SigningKey.create_time, SigningKey.uid)


def all_keys(session: Session) -> Sequence[SigningKey]:
    """Every key that is published, oldest first."""
    return session.scalars(sa.select(SigningKey).order_by(*_OLDEST_FIRST)).all()


def lock_all(session: Session) -> Sequence[SigningKey]:
    """The same, and no other replica rotates meanwhile."""
    session.execute(sa.select(SigningKey.kid).with_for_update())
    # Read anew: whoever held the lock before may have added a key that the first query missed.
    query = sa.select(SigningKey).order_by(*_OLDEST_FIRST)
    return session.scalars(query.execution_options(populate_existing=True)).all()
