"""Compaction of the feed: history past its keep is deleted, a bounded piece at a time."""

from datetime import timedelta

import sqlalchemy as sa

from meshkit.database import Database
from meshkit.schema import MeshTables
from meshkit.session import Session

KEEP_EVENTS = 100_000
KEEP_AGE = timedelta(hours=24)
# Events deleted in one transaction: others' writes wait behind it.
_PIECE = 5_000


async def compact(
    database: Database,
    *,
    keep_events: int = KEEP_EVENTS,
    keep_age: timedelta = KEEP_AGE,
    hold_revision: int | None = None,
) -> int:
    """Deletes events that are both older than `keep_age` and beyond the newest `keep_events`.

    `hold_revision` is the lowest position of a durable subscriber, whose future stays. Moves
    `compact_revision`, in the same transactions; returns how many events went.
    """
    removed = 0
    while True:
        count, revision = await database.write(
            compact_piece,
            database.tables,
            keep_events=keep_events,
            keep_age=keep_age,
            hold_revision=hold_revision,
        )
        database.feed.compacted(revision)
        database.feed.counts.compacted += count
        if not count:
            return removed
        removed += count


def compact_piece(
    session: Session,
    tables: MeshTables,
    *,
    keep_events: int,
    keep_age: timedelta,
    hold_revision: int | None,
) -> tuple[int, int]:
    """An operation: deletes some of what may go; returns how many, and up to which revision."""
    connection, events, head = session.connection(), tables.feed_events, tables.feed_head
    compacted = connection.execute(
        sa.select(head.c.compact_revision).with_for_update()
    ).scalar_one()
    target = _target(connection, events, keep_events, hold_revision)
    old = (
        sa.select(events.c.revision)
        .where(events.c.revision <= target, events.c.time < session.now - keep_age)
        .order_by(events.c.revision, events.c.index)
        .limit(_PIECE)
        .subquery()
    )
    newest = connection.execute(sa.select(sa.func.max(old.c.revision))).scalar()
    if newest is None:
        return 0, compacted
    deleted = connection.execute(events.delete().where(events.c.revision <= newest))
    connection.execute(head.update().values(compact_revision=newest))
    return deleted.rowcount, newest


def _target(
    connection: sa.Connection, events: sa.Table, keep_events: int, hold_revision: int | None
) -> int:
    """The newest revision that the count of events and the subscribers let go of."""
    newest_first = sa.select(events.c.revision).order_by(
        events.c.revision.desc(), events.c.index.desc()
    )
    if keep_events:
        # The oldest event to keep; its revision stays whole.
        oldest = connection.execute(newest_first.offset(keep_events - 1).limit(1)).scalar()
        target = (oldest or 1) - 1
    else:
        target = connection.execute(newest_first.limit(1)).scalar() or 0
    return target if hold_revision is None else min(target, hold_revision)
