import asyncio
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from meshkit.compaction import compact
from meshkit.database import Database, DatabaseSettings, Session
from meshkit.errors import OutOfRange
from meshkit.feed import StoredEvent, renew_epoch
from tests.meshkit import notes
from tests.meshkit.notes import TABLES

NO_AGE = timedelta(seconds=-1)


def create_many(session: Session, names: Sequence[str]) -> None:
    for name in names:
        notes.create(session, name)


async def outbox(database: Database) -> list[StoredEvent]:
    """Every event, straight from the table."""

    def select(session: Session) -> list[StoredEvent]:
        table = TABLES.feed_events
        query = sa.select(table).order_by(table.c.revision, table.c.index)
        return [StoredEvent(*row) for row in session.execute(query)]

    return await database.read(select)


async def follow(database: Database, count: int) -> list[StoredEvent]:
    """The first events of the feed, as a subscriber gets them."""
    events: list[StoredEvent] = []
    while len(events) < count:
        position = events[-1].revision if events else 0
        await database.feed.wait(position)
        events += await database.feed.read(position, 3)
    return events


async def test_events_say_what_changed(database: Database) -> None:
    note = await database.write(notes.create, "a")
    [event] = await database.feed.read(0)
    assert (event.revision, event.index, event.type) == (1, 0, "CREATED")
    assert (event.project, event.resource_type, event.name) == ("demo", "weft.dev/Note", "a")
    assert UUID(event.uid) == note.uid
    assert event.event == b"1.0 CREATED a "
    assert await outbox(database) == [event]


async def test_a_revision_is_never_torn(database_url: str) -> None:
    await notes.create_tables(database_url)
    # The ring holds the newest revision only: the rest comes from the outbox.
    async with await notes.open_notes(database_url, DatabaseSettings(ring_events=4)) as database:
        for i in range(4):
            await database.write(create_many, [f"{i}-{j}" for j in range(4)])
        for limit in (1, 3, 4, 5, 7):
            for position in range(4):
                events = await database.feed.read(position, limit)
                assert [e.index for e in events] == [0, 1, 2, 3]
                assert {e.revision for e in events} == {position + 1}
        assert len(await database.feed.read(1, 8)) == 8
        assert await database.feed.read(4) == []


async def test_a_waiting_subscriber_wakes_at_the_commit(database: Database) -> None:
    assert await database.feed.wait(0, timeout_s=0.01) == 0
    waiting = [asyncio.create_task(database.feed.wait(0)) for _ in range(100)]
    await asyncio.sleep(0)
    await database.write(notes.create, "a")
    assert await asyncio.gather(*waiting) == [1] * 100


async def test_a_position_outside_of_history_is_refused(database: Database) -> None:
    for name in "abcdef":
        await database.write(notes.create, name)
    assert await compact(database, keep_events=2, keep_age=NO_AGE) == 4
    assert database.feed.compact_revision == 4
    assert [e.name for e in await database.feed.read(4)] == ["e", "f"]
    with pytest.raises(OutOfRange) as refusal:
        await database.feed.read(3)
    assert refusal.value.reason == "REVISION_COMPACTED"
    assert refusal.value.metadata == {"compactRevision": "4", "currentRevision": "6"}
    with pytest.raises(OutOfRange) as refusal:
        await database.feed.read(7)
    assert refusal.value.reason == "REVISION_IN_FUTURE"
    with pytest.raises(OutOfRange) as refusal:
        await database.feed.check(5, epoch=str(UUID(int=7)))
    assert refusal.value.reason == "EPOCH_CHANGED"
    await database.feed.check(5, epoch=str(database.feed.epoch))


async def test_compaction_keeps_what_is_young_held_or_of_one_revision(
    database: Database,
) -> None:
    for i in range(4):
        await database.write(create_many, [f"{i}-{j}" for j in range(3)])
    assert await compact(database, keep_events=0, keep_age=timedelta(hours=1)) == 0
    assert await compact(database, keep_events=0, keep_age=NO_AGE, hold_revision=1) == 3
    assert await compact(database, keep_events=4, keep_age=NO_AGE) == 3
    assert [e.revision for e in await outbox(database)] == [3, 3, 3, 4, 4, 4]
    assert await compact(database, keep_events=0, keep_age=NO_AGE) == 6
    assert await database.feed.read(4) == []


async def test_history_survives_reopening_and_epochs_tell_databases_apart(
    database_url: str, tmp_path: Path
) -> None:
    await notes.create_tables(database_url)
    async with await notes.open_notes(database_url) as first:
        await first.write(notes.create, "a")
        epoch, events = first.feed.epoch, await first.feed.read(0)
    async with await notes.open_notes(database_url) as again:
        assert (again.feed.epoch, again.feed.head) == (epoch, 1)
        assert await again.feed.read(0) == events
        await again.write(lambda session: renew_epoch(session.connection(), TABLES))
    async with await notes.open_notes(database_url) as restored:
        with pytest.raises(OutOfRange, match="restored"):
            await restored.feed.check(1, epoch=str(epoch))
    other_url = f"sqlite:///{tmp_path / 'other.db'}"
    await notes.create_tables(other_url)
    async with await notes.open_notes(other_url) as other:
        assert other.feed.epoch != epoch


async def test_replicas_see_each_others_events_in_order(postgres_url: str) -> None:
    await notes.create_tables(postgres_url)
    first, second = await notes.open_notes(postgres_url), await notes.open_notes(postgres_url)
    async with first, second:
        writes = [
            replica.write(notes.create, f"{i}-{j}")
            for i in range(50)
            for j, replica in enumerate((first, second))
        ]
        seen = await asyncio.gather(follow(first, 100), follow(second, 100), *writes)
        assert seen[0] == seen[1] == await outbox(first)
        for one, next_one in pairwise(seen[0]):
            assert (one.revision, one.index) < (next_one.revision, next_one.index)
        assert {e.revision for e in seen[0]} == set(range(1, first.feed.head + 1))
        # A writer finds its own change in its own replica at once.
        note = await first.write(notes.create, "own")
        assert first.feed.head >= note.revision


async def test_a_replica_that_lost_its_listener_catches_up(postgres_url: str) -> None:
    await notes.create_tables(postgres_url)
    first, second = await notes.open_notes(postgres_url), await notes.open_notes(postgres_url)
    kill = sa.text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    async with first, second:
        await first.write(lambda session: session.execute(kill).all())
        await first.write(notes.create, "a")
        assert [e.name for e in await follow(second, 1)] == ["a"]


@settings(max_examples=15, deadline=None)
@given(
    writes=st.lists(st.integers(1, 6), min_size=1, max_size=12),
    limits=st.lists(st.integers(1, 9), min_size=1, max_size=5),
    ring_events=st.integers(1, 12),
    ring_bytes=st.integers(20, 400),
)
def test_resumed_reads_together_equal_the_outbox(
    writes: list[int], limits: list[int], ring_events: int, ring_bytes: int
) -> None:
    """Whatever the cuts, and wherever the ring ends and the outbox begins."""

    async def check(url: str) -> None:
        await notes.create_tables(url)
        ring = DatabaseSettings(ring_events=ring_events, ring_bytes=ring_bytes)
        async with await notes.open_notes(url, ring) as database:
            for i, count in enumerate(writes):
                await database.write(create_many, [f"{i}-{j}" for j in range(count)])
            everything = await outbox(database)
            for limit in limits:
                read: list[StoredEvent] = []
                while page := await database.feed.read(read[-1].revision if read else 0, limit):
                    assert len(page) <= limit or len({e.revision for e in page}) == 1
                    read += page
                assert read == everything
            for position in range(len(writes)):
                rest = await database.feed.read(position, 1000)
                assert rest == [e for e in everything if e.revision > position]

    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(check(f"sqlite:///{directory}/test.db"))
