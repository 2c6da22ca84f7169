"""Queries of the workspace's own audit chain: what is shipped, and what may go afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

import sqlalchemy as sa

from meshkit.audit import THE_CHAIN, row_of
from meshkit.chain import Position, Row
from meshkit.session import Session
from workspace.store.schema import MESH_TABLES

_events = MESH_TABLES.audit_events.c
_chains = MESH_TABLES.audit_chains.c
_PIECE = 1_000


@dataclass(frozen=True, slots=True)
class Shipment:
    """Rows that follow a place in the chain.

    `replaced` where the place that was asked for is not in this history: a backup was restored.
    """

    after: Position
    rows: Sequence[Row]
    replaced: bool


def shipment(session: Session, arrived: Position, limit: int) -> Shipment:
    """What follows the newest row that arrived; all there is where that one is unknown."""
    anchor = _anchor(session)
    if arrived == anchor or _holds(session, arrived):
        return Shipment(arrived, _after(session, arrived.sequence, limit), replaced=False)
    return Shipment(anchor, _after(session, anchor.sequence, limit), replaced=True)


def prune(session: Session, *, before: datetime, arrived: int) -> int:
    """An operation: deletes some rows that have arrived and are old; returns how many."""
    anchor = _anchor(session)
    rows = [
        row
        for row in takewhile(
            lambda row: row.record.time < before, _after(session, anchor.sequence, _PIECE)
        )
        if row.sequence <= arrived
    ]
    if rows:
        last, connection = rows[-1], session.connection()
        # The database lets nothing go that no anchor stands for.
        connection.execute(
            MESH_TABLES.audit_chains.update()
            .where(_chains.chain == THE_CHAIN)
            .values(anchor_sequence=last.sequence, anchor_hash=last.hash)
        )
        connection.execute(MESH_TABLES.audit_events.delete().where(_is_upto(last.sequence)))
    return len(rows)


def _is_upto(sequence: int) -> sa.ColumnElement[bool]:
    return sa.and_(_events.chain == THE_CHAIN, _events.sequence <= sequence)


def _anchor(session: Session) -> Position:
    """The newest row that was deleted; the beginning where none was."""
    query = sa.select(_chains.anchor_sequence, _chains.anchor_hash)
    row = session.execute(query.where(_chains.chain == THE_CHAIN)).first()
    return Position(row.anchor_sequence, row.anchor_hash) if row else Position()


def _holds(session: Session, place: Position) -> bool:
    query = sa.select(_events.hash).where(
        _events.chain == THE_CHAIN, _events.sequence == place.sequence
    )
    return session.scalars(query).first() == place.hash


def _after(session: Session, sequence: int, limit: int) -> list[Row]:
    query = sa.select(MESH_TABLES.audit_events).where(_events.chain == THE_CHAIN)
    query = query.where(_events.sequence > sequence).order_by(_events.sequence).limit(limit)
    return [row_of(tuple(row)) for row in session.execute(query)]
