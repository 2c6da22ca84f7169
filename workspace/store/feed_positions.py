"""How far the durable readers of the feed have come."""

import enum

import sqlalchemy as sa

from meshkit.query import Query
from meshkit.session import Session
from workspace.store.base import Row, columns, insert
from workspace.store.schema_alerters import Alerter
from workspace.store.schema_feed_positions import FeedPosition
from workspace.store.schema_triggers import Trigger

_P = columns(FeedPosition)


class FeedReader(enum.StrEnum):
    """Who reads; the values stand in the table."""

    ALERTERS = "alerters"
    TRIGGERS = "triggers"


# Whose events stay until they are read: where nobody waits for any, history may go.
_WAITING: dict[FeedReader, type[Row]] = {
    FeedReader.ALERTERS: Alerter,
    FeedReader.TRIGGERS: Trigger,
}
_POSITION = Query(sa.select(_P.position).where(_P.reader == sa.bindparam("who")), "who")
_LOWEST = Query(
    sa.select(sa.func.min(_P.position)).where(
        sa.or_(
            *(
                sa.and_(_P.reader == reader.value, sa.exists(sa.select(columns(waiting).uid)))
                for reader, waiting in _WAITING.items()
            )
        )
    )
)


def get(session: Session, reader: FeedReader) -> int | None:
    """How far a reader has come; None for one that never began."""
    found = _POSITION.first(session.connection(), reader.value)
    return found[0] if found else None


def put(session: Session, reader: FeedReader, position: int) -> None:
    table = FeedPosition.__table__
    moved = table.update().where(_P.reader == reader.value).values(position=position)
    if not session.connection().execute(moved).rowcount:
        insert(session, [FeedPosition(reader.value, position)])


def lowest(session: Session) -> int | None:
    """The feed's history after this is still needed; None where nobody waits for anything."""
    found = _LOWEST.first(session.connection())
    return found[0] if found else None
