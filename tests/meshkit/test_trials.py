"""Writes that are only tried: checked like any other, and rolled back."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest
import sqlalchemy as sa

from meshkit.database import Database, Session
from tests.meshkit import notes
from tests.meshkit.notes import TABLES, Note


async def rows(database: Database, table: sa.Table) -> list[dict[str, Any]]:
    def select(session: Session) -> list[dict[str, Any]]:
        found = session.execute(sa.select(table).order_by(*table.primary_key.columns))
        return [dict(row) for row in found.mappings()]

    return await database.read(select)


async def test_a_trial_leaves_no_trace_and_holds_nobody_back(database: Database) -> None:
    def tried(operation: Any, *arguments: Any) -> Awaitable[Any]:
        return database.write(operation, *arguments, reply=notes.note_reply, trial=True)

    await database.write(notes.create, "n0")
    before = await rows(database, Note.__table__)
    found = await asyncio.gather(
        database.write(notes.create, "n1"),
        tried(notes.create, "n2"),
        tried(notes.create_or_refuse, "n1"),
        tried(notes.increment, "n0"),
        database.write(notes.increment, "n0"),
        return_exceptions=True,
    )
    assert found[1].value == "n2@0"
    assert getattr(found[2], "reason", "") == "NAME_TAKEN"
    after = await rows(database, Note.__table__)
    assert [(row["name"], row["count"]) for row in after] == [("n0", 1), ("n1", 0)]
    assert len(before) == 1
    events = await rows(database, TABLES.feed_events)
    # One for each of the three writes, and none for a trial.
    assert len(events) == 3


async def test_a_trial_without_a_reply_is_a_mistake(database: Database) -> None:
    with pytest.raises(ValueError, match="needs `reply`"):
        await database.write(notes.create, "n0", trial=True)
