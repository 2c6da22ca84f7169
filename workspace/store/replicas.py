"""Queries of the servers of a workspace that are alive."""

from datetime import datetime
from uuid import UUID

from meshkit.session import Session
from workspace.store.base import columns, every, fetch, insert
from workspace.store.schema_replicas import Replica

_C = columns(Replica)
_TABLE = Replica.__table__


def put(session: Session, replica: Replica) -> None:
    """Writes down a sign of life."""
    seen = _TABLE.update().where(_C.uid == replica.uid).values(seen_time=replica.seen_time)
    if not session.connection().execute(seen).rowcount:
        insert(session, [replica])


def seen_since(session: Session, since: datetime) -> list[Replica]:
    """Those who gave a sign of life since then, the oldest process first."""
    alive = every(Replica).where(_C.seen_time >= since)
    return fetch(session, Replica, alive.order_by(_C.start_time, _C.uid))


def remove(session: Session, uid: UUID) -> None:
    session.connection().execute(_TABLE.delete().where(_C.uid == uid))


def remove_silent(session: Session, since: datetime) -> None:
    """Forgets who gave no sign of life since then."""
    session.connection().execute(_TABLE.delete().where(_C.seen_time < since))
