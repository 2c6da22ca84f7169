"""Statements that go around SQLAlchemy's execution: the same values, errors and care."""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from meshkit.bulk import Bulk
from meshkit.database import Database, DatabaseSettings, Session
from meshkit.ids import new_uid
from meshkit.query import Query
from meshkit.schema import among, among_pairs
from tests.meshkit.notes import TABLES, Note, create_tables, open_notes

NOTES = Note.__table__
ROWS = TABLES.audit_events
C = ROWS.c
INSERT = Bulk(ROWS.insert(), ROWS.columns.keys())
INSERT_NOTES = Bulk(NOTES.insert(), NOTES.columns.keys())
EVERY = sa.select(ROWS).order_by(C.sequence)
NOW = datetime(2026, 7, 1, 12, 30, 15, 123456, UTC)


def row(sequence: int, **values: Any) -> tuple[Any, ...]:
    """A row of the one table here that has a column of each type."""
    plain = {c.name: 0 if isinstance(c.type, sa.Integer) else "" for c in C}
    special = {"uid": new_uid(), "time": NOW, "fields": [], "hash": b"\0\xff"}
    return tuple({**plain, **special, "sequence": sequence, **values}.values())


def add(session: Session, rows: Sequence[tuple[Any, ...]]) -> None:
    INSERT.run(session.connection(), rows)


def add_note(session: Session, uid: UUID) -> None:
    INSERT_NOTES.run(session.connection(), [(uid, f"notes/{uid}", "demo", "", 0, 0)])


async def ask(database: Database, query: Query, *values: Any) -> list[Sequence[Any]]:
    return await database.read(lambda session: query.all(session.connection(), *values))


async def test_values_of_every_type_come_back_as_they_went(database: Database) -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5)))
    rows = [row(1, fields=["a", {"b": None}]), row(2, time=elsewhere, chain="\u20ac")]
    await database.write(add, rows)
    found = await ask(database, Query(EVERY))
    assert [tuple(values) for values in found] == rows
    assert {values[3].tzinfo for values in found} == {UTC}


async def test_statements_bring_parameters_of_their_own(database: Database) -> None:
    await database.write(add, [row(n, chain="even" if n % 2 == 0 else "odd") for n in range(1, 8)])
    statement = sa.select(C.sequence).where(C.sequence > sa.bindparam("after"), C.chain == "odd")
    query = Query(statement.order_by(C.sequence).limit(2), "after")
    assert [tuple(found) for found in await ask(database, query, 2)] == [(3,), (5,)]
    first = await database.read(lambda session: query.first(session.connection(), 7))
    assert first is None


async def test_lists_and_pairs_are_one_parameter_each(database: Database) -> None:
    rows = [row(n, chain=f"it's {n}") for n in range(1, 6)]
    await database.write(add, rows)
    some = Query(sa.select(C.sequence).where(among(C.uid, "uids")).order_by(C.sequence), "uids")
    wanted = [values[2] for values in rows[1:3]]
    assert [n for (n,) in await ask(database, some, wanted)] == [2, 3]
    assert await ask(database, some, []) == []
    pairs = Query(sa.select(C.uid).where(among_pairs(C.chain, C.sequence, "pairs")), "pairs")
    asked = [("it's 4", 4), ("it's 4", 5), ('"', 1)]
    assert [uid for (uid,) in await ask(database, pairs, asked)] == [rows[3][2]]
    by_uid = Query(sa.select(C.sequence).where(among_pairs(C.uid, C.chain, "pairs")), "pairs")
    asked_by_uid = [(rows[1][2], "it's 2"), (rows[2][2], "it's 2")]
    assert [n for (n,) in await ask(database, by_uid, asked_by_uid)] == [2]


async def test_a_failed_statement_raises_what_sqlalchemy_would(database: Database) -> None:
    uid = new_uid()
    await database.write(add_note, uid)
    with pytest.raises(sa.exc.IntegrityError):
        await database.write(add_note, uid)
    # Nothing but that one write is lost.
    await database.write(add_note, new_uid())


async def test_a_failed_statement_cannot_be_hidden(database: Database) -> None:
    uid = new_uid()
    await database.write(add_note, uid)

    def hide(session: Session) -> None:
        with contextlib.suppress(sa.exc.IntegrityError):
            add_note(session, uid)

    with pytest.raises(RuntimeError, match="swallowed"):
        await database.write(hide)


async def test_a_read_keeps_nothing(database: Database) -> None:
    with pytest.raises(sa.exc.DBAPIError):
        await database.read(add_note, new_uid())
    assert await ask(database, Query(sa.select(NOTES.c.uid))) == []


async def test_a_time_without_timezone_is_refused(database: Database) -> None:
    with pytest.raises(ValueError, match="timezone"):
        await database.write(add, [row(1, time=NOW.replace(tzinfo=None))])


async def test_a_read_that_is_cancelled_leaves_no_old_snapshot_behind(database_url: str) -> None:
    await create_tables(database_url)
    async with await open_notes(database_url, DatabaseSettings(readers=1)) as database:
        count = Query(sa.select(sa.func.count()).select_from(ROWS))
        for turn in range(1, 40):
            reading = asyncio.create_task(ask(database, count))
            # Each turn a little later: before it has a connection, at its BEGIN, at its SELECT.
            for _ in range(turn % 10):
                await asyncio.sleep(0)
            reading.cancel()
            await asyncio.wait([reading])
            await database.write(add, [row(turn)])
            assert [tuple(found) for found in await ask(database, count)] == [(turn,)]
