"""Queries of what is still to be forwarded of logs."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from meshkit.session import Session
from workspace.store.base import columns, every, fetch, ignore_conflicts, insert_or
from workspace.store.schema_logs import LogForwarding, LogState, LogStream

_C = columns(LogStream)
_F = columns(LogForwarding)


def begin(session: Session, target: str) -> datetime:
    """Since when logs are forwarded to a target: now, if it is a new one."""
    query = sa.select(_F.since).where(_F.target == target)
    found: datetime | None = session.connection().execute(query).scalar()
    if found is None:
        insert_or(session, [LogForwarding(target, session.now)], ignore_conflicts)
        found = session.connection().execute(query).scalar_one()
    return found


def due(session: Session, since: datetime, after: UUID, limit: int) -> list[LogStream]:
    """Logs made since a time of which lines are, or may come, to be forwarded; by their uids."""
    return fetch(
        session,
        LogStream,
        every(LogStream)
        .where(_C.is_forwarded.is_(False), _C.create_time >= since, _C.uid > after)
        .order_by(_C.uid)
        .limit(limit),
    )


def move(session: Session, uid: UUID, *, before: int, after: int) -> None:
    """Moves the cursor of a log, unless somebody else has; a complete one is done with."""
    is_complete = sa.and_(_C.state == LogState.SEALED.value, _C.next_offset <= after)
    session.connection().execute(
        sa.update(LogStream.__table__)
        .where(_C.uid == uid, _C.forwarded_offset == before)
        .values(forwarded_offset=after, is_forwarded=is_complete)
    )


def lost(streams: Iterable[LogStream]) -> int:
    """How many lines of logs that go were never forwarded."""
    return sum(row.next_offset - row.forwarded_offset for row in streams if not row.is_forwarded)
