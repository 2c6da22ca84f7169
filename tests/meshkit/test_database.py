import asyncio
import contextlib
import threading
from collections.abc import Awaitable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa

from meshkit import engines
from meshkit.audit import record_refusal, row_of
from meshkit.caller import Call, current_call
from meshkit.chain import Broken, Position, Problem, follow
from meshkit.database import Database, DatabaseSettings, Session
from meshkit.driver import fetch_all
from meshkit.errors import DeadlineExceeded, NotFound, ResourceExhausted, Unavailable
from meshkit.ids import new_uid
from meshkit.schema import among
from tests.meshkit import notes
from tests.meshkit.notes import TABLES, Note


async def outcomes(*awaitables: Awaitable[Any]) -> list[Any]:
    return await asyncio.gather(*awaitables, return_exceptions=True)


def by(call: Call, awaitable: Awaitable[Any]) -> Awaitable[Any]:
    """Awaits within a call."""

    async def run() -> Any:
        current_call.set(call)
        return await awaitable

    return asyncio.ensure_future(run())


async def rows(database: Database, table: sa.Table) -> list[dict[str, Any]]:
    def select(session: Session) -> list[dict[str, Any]]:
        found = session.execute(sa.select(table).order_by(*table.primary_key.columns))
        return [dict(row) for row in found.mappings()]

    return await database.read(select)


async def test_a_batch_of_64_commits_together_without_the_one_that_fails(
    database: Database,
) -> None:
    await database.write(notes.create, "n0")

    def mixed(i: int) -> Awaitable[Any]:
        if i == 40:
            return database.write(notes.create_then_fail, "guilty")
        if i % 3 == 0:
            return database.write(notes.create, f"n{i + 1}")
        if i % 3 == 1:
            return database.write(notes.increment, "n0")
        return database.write_grouped(notes.append_texts, ("n0", "x"))

    results = await outcomes(*map(mixed, range(64)))

    assert isinstance(results[40], NotFound)
    assert [r for i, r in enumerate(results) if i != 40 and isinstance(r, BaseException)] == []
    stored = await database.read(notes.all_notes)
    assert "guilty" not in stored
    assert len(stored) == 1 + len(range(0, 64, 3))
    assert stored["n0"].count == len(range(1, 64, 3)) - 1
    assert stored["n0"].text == "x" * len(range(2, 64, 3))
    events = await database.feed.read(0, 1000)
    assert len(events) == 1 + 63
    assert sorted({e.revision for e in events}) == list(range(1, database.feed.head + 1))
    # Before the guilty one, without it, behind it: no commit for each of the rest.
    assert database.feed.head <= 1 + 3
    assert stored["n0"].revision == max(e.revision for e in events if e.name == "n0")


async def test_rows_and_replies_carry_the_revision(database: Database) -> None:
    call = notes.call()
    note = await by(call, database.write(notes.create, "a"))
    reply = await database.write(notes.increment, "a", reply=notes.note_reply)
    assert (note.revision, call.revision, reply.value) == (1, 1, "a@2")
    assert (await database.read(notes.all_notes))["a"].revision == 2


async def test_a_write_without_visible_change_takes_no_revision(database: Database) -> None:
    call = notes.call()
    assert await by(call, database.write(notes.touch_without_change)) == 0
    assert (database.feed.head, call.revision) == (0, 0)
    assert (await rows(database, TABLES.feed_head))[0]["revision"] == 0


async def test_a_rolled_back_operation_leaves_no_row_no_event_no_audit(
    database: Database,
) -> None:
    with pytest.raises(NotFound):
        await by(notes.call(action="a.b"), database.write(notes.create_then_fail, "a"))
    for table in (Note.__table__, TABLES.feed_events, TABLES.audit_events):
        assert await rows(database, table) == []
    assert database.feed.head == 0


async def test_each_item_of_a_grouped_operation_fails_alone(database: Database) -> None:
    await database.write(notes.create, "a")
    results = await outcomes(
        *(database.write_grouped(notes.append_texts, (name, "x")) for name in ("a", "-", "a"))
    )
    assert results[0] == "x"
    assert isinstance(results[1], NotFound)
    assert results[2] == "xx"
    assert database.feed.head == 2


async def test_waiting_items_come_as_one_list_in_the_order_of_each_caller(
    database: Database,
) -> None:
    lists: list[list[str]] = []

    def group(session: Session, items: list[str]) -> list[str]:
        lists.append(items)
        return items

    def single(session: Session) -> None:
        lists.append(["single"])

    mine, other = notes.call(), notes.call("users/2")
    await outcomes(
        by(mine, database.write_grouped(group, "a")),
        by(mine, database.write(single)),
        by(other, database.write_grouped(group, "b")),
        by(mine, database.write_grouped(group, "c")),
    )
    assert lists == [["a", "b"], ["single"], ["c"]]


async def test_a_write_inside_read_raises_and_vanishes(database: Database) -> None:
    def cheat(session: Session) -> None:
        notes.create(session, "a")

    with pytest.raises(sa.exc.DBAPIError):
        await database.read(cheat)
    assert await database.read(notes.all_notes) == {}


async def test_operations_cannot_commit(database: Database) -> None:
    with pytest.raises(RuntimeError, match="never commit"):
        await database.write(lambda session: session.commit())


async def test_an_operation_cannot_hide_an_error_of_the_database(database: Database) -> None:
    """PostgreSQL would answer such a COMMIT with a rollback, and nobody would know."""
    await database.write(notes.create, "a")

    def hide(session: Session) -> None:
        insert = sa.insert(Note).values(
            uid=new_uid(), name="a", project="", text="", count=0, revision=0
        )
        with contextlib.suppress(sa.exc.IntegrityError):
            session.execute(insert)

    with pytest.raises(RuntimeError, match="swallowed"):
        await database.write(hide)


async def test_a_read_sees_one_moment(sqlite_url: str) -> None:
    await notes.create_tables(sqlite_url)
    looked, written = threading.Event(), threading.Event()

    def look_twice(session: Session) -> tuple[int, int]:
        first = notes.count_rows(session, Note.__table__)
        looked.set()
        assert written.wait(10)
        return first, notes.count_rows(session, Note.__table__)

    async with await notes.open_notes(sqlite_url) as database:
        reading = asyncio.create_task(database.read(look_twice))
        await asyncio.to_thread(looked.wait)
        await database.write(notes.create, "a")
        written.set()
        assert await reading == (0, 0)


async def test_a_read_on_postgresql_is_one_read_only_snapshot(postgres_url: str) -> None:
    await notes.create_tables(postgres_url)

    def show(session: Session) -> list[str]:
        names = ("transaction_isolation", "transaction_read_only")
        return [session.scalars(sa.text(f"SHOW {name}")).one() for name in names]

    async with await notes.open_notes(postgres_url) as database:
        assert await database.read(show) == ["repeatable read", "on"]


async def test_a_cancelled_caller_neither_undoes_its_write_nor_breaks_the_batch(
    database: Database,
) -> None:
    tasks = [asyncio.create_task(database.write(notes.create, f"n{i}")) for i in range(8)]
    await asyncio.sleep(0)
    tasks[3].cancel()
    results = await outcomes(*tasks)
    assert isinstance(results[3], asyncio.CancelledError)
    assert [r for i, r in enumerate(results) if i != 3 and not isinstance(r, Note)] == []
    assert "n3" in await database.read(notes.all_notes)


async def test_a_full_queue_refuses_and_loses_nothing(database_url: str) -> None:
    await notes.create_tables(database_url)
    settings = DatabaseSettings(max_waiting=4, max_batch=2)
    async with await notes.open_notes(database_url, settings) as database:
        writes = (database.write(notes.create, f"n{i}") for i in range(12))
        results = await outcomes(*writes)
        refused = [r for r in results if isinstance(r, ResourceExhausted)]
        assert {error.reason for error in refused} == {"WRITE_QUEUE_FULL"}
        stored = await database.read(notes.all_notes)
        assert len(stored) == sum(isinstance(r, Note) for r in results) == 12 - len(refused)


async def test_a_read_that_finds_no_end_is_ended_and_the_next_one_is_served(
    database_url: str,
) -> None:
    def count_for_ever(session: Session) -> None:
        numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        session.execute(sa.text(f"{numbers} SELECT count(*) FROM n"))

    await notes.create_tables(database_url)
    # Long enough for a short read on a machine that is busy.
    settings = DatabaseSettings(readers=1, read_timeout_s=3)
    async with await notes.open_notes(database_url, settings) as database:
        with pytest.raises(DeadlineExceeded) as refused:
            await database.read(count_for_ever)
        assert refused.value.reason == "READ_TOO_SLOW"
        assert await database.read(notes.all_notes) == {}


async def test_the_time_of_a_read_on_sqlite_is_that_of_each_statement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on PostgreSQL: jobs read many statements, each of them short."""
    now = 0.0
    monkeypatch.setattr(engines, "time", SimpleNamespace(monotonic=lambda: now))
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000)"
    count = f"{numbers} SELECT count(*) FROM n"

    def read_for_long(session: Session) -> int:
        nonlocal now
        connection = session.connection()
        for _ in range(3):
            now += 15
            session.execute(sa.text(count))
            now += 15
            fetch_all(connection, count, ())
        return int(session.scalars(sa.text(count)).one())

    url = f"sqlite:///{tmp_path / 'test.db'}"
    await notes.create_tables(url)
    settings = DatabaseSettings(read_timeout_s=20)
    async with await notes.open_notes(url, settings) as database:
        assert await database.read(read_for_long) == 100_000


async def test_closing_answers_what_is_queued_and_takes_no_more(database_url: str) -> None:
    await notes.create_tables(database_url)
    database = await notes.open_notes(database_url)
    tasks = [asyncio.create_task(database.write(notes.create, f"n{i}")) for i in range(20)]
    await asyncio.sleep(0)
    await database.close()
    assert [type(r) for r in await outcomes(*tasks)] == [Note] * 20
    with pytest.raises(Unavailable):
        await database.write(notes.create, "late")


async def test_audit_rows_name_the_call_and_chain_without_gaps(database: Database) -> None:
    await database.write(notes.create, "a")
    await outcomes(
        *(
            by(
                notes.call(f"users/{i}", action="notes.increment"),
                database.write(notes.increment, "a"),
            )
            for i in range(5)
        ),
        by(notes.call("users/9"), database.write(record_refusal, code=7, reason="NOT_GRANTED")),
    )
    audit = await rows(database, TABLES.audit_events)
    assert [row["sequence"] for row in audit] == [1, 2, 3, 4, 5, 6]
    assert {row["actor"] for row in audit} == {*(f"users/{i}" for i in range(5)), "users/9"}
    assert (audit[0]["resource"], audit[0]["fields"]) == ("notes/a", ["count"])
    assert [row["code"] for row in audit if row["actor"] == "users/9"] == [7]
    chain = [row_of(tuple(row.values())) for row in audit]
    assert follow("", Position(), chain) == Position(6, audit[-1]["hash"])
    forged = chain[2].record._replace(actor="users/somebody-else")
    chain[2] = chain[2]._replace(record=forged)
    assert follow("", Position(), chain) == Broken(3, Problem.ALTERED)


async def test_no_way_of_failing_stops_the_committer(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(session: Session) -> None:
        raise StopIteration

    with pytest.raises(RuntimeError, match="StopIteration"):
        await database.write(stop)

    async def broken() -> None:
        raise OSError("the database went away after the commit")

    with monkeypatch.context() as patch:
        patch.setattr(database.feed, "publish", lambda events: False)
        patch.setattr(database.feed, "catch_up", broken)
        await database.write(notes.create, "a")
    await database.write(notes.create, "b")
    assert [event.name for event in await database.feed.read(0)] == ["a", "b"]


async def test_among_takes_any_number_of_any_type(database: Database) -> None:
    made = [await database.write(notes.create, name) for name in "abc"]

    def names(session: Session, column: Any, values: list[Any]) -> list[str]:
        query = sa.select(Note.name).where(among(column, values)).order_by(Note.name)
        return list(session.scalars(query))

    uids = [note.uid for note in made]
    assert await database.read(names, Note.uid, uids[1:]) == ["b", "c"]
    assert await database.read(names, Note.revision, [1, 3, 7]) == ["a", "c"]
    assert await database.read(names, Note.name, []) == []
    assert await database.read(names, Note.name, ["b"] + [f"-{i}" for i in range(40_000)]) == ["b"]


async def test_ping_answers(database: Database) -> None:
    await database.ping()


async def test_a_lost_race_runs_again_as_a_whole(postgres_url: str) -> None:
    """Two replicas that lock the same rows in opposite order: one is the victim, both succeed."""
    await notes.create_tables(postgres_url)
    first, second = await notes.open_notes(postgres_url), await notes.open_notes(postgres_url)

    def both(session: Session, *names: str) -> None:
        for name in names:
            notes.increment(session, name)

    async with first, second:
        await first.write(notes.create, "a")
        await first.write(notes.create, "b")
        results = await outcomes(
            *(first.write(both, "a", "b") for _ in range(10)),
            *(second.write(both, "b", "a") for _ in range(10)),
        )
        assert results == [None] * 20
        stored = await first.read(notes.all_notes)
        assert (stored["a"].count, stored["b"].count) == (20, 20)


async def test_a_dropped_connection_is_made_again(postgres_url: str) -> None:
    await notes.create_tables(postgres_url)
    admin = await asyncpg.connect(postgres_url)
    async with await notes.open_notes(postgres_url) as database:
        for i in range(5):
            await admin.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await database.write(notes.create, f"n{i}")
            assert len(await database.read(notes.all_notes)) == i + 1
    await admin.close()


async def test_a_connection_lost_in_commit_is_an_unknown_outcome(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The backend dies between the last statement and COMMIT: nobody can tell from here."""
    await notes.create_tables(postgres_url)
    admin = await asyncpg.connect(postgres_url)
    async with await notes.open_notes(postgres_url) as database:
        pids: list[int] = []

        def doomed(session: Session) -> None:
            notes.create(session, "doomed")
            pids.append(session.scalars(sa.text("SELECT pg_backend_pid()")).one())
            session.execute(sa.text("CREATE TABLE IF NOT EXISTS slow (id int)"))

        # A deferred trigger terminates the backend from within COMMIT.
        await admin.execute(
            "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$; "
            "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW WHEN (NEW.name = 'doomed') EXECUTE FUNCTION die()"
        )
        with pytest.raises(Unavailable) as failure:
            await database.write(doomed)
        assert failure.value.reason == "COMMIT_UNKNOWN"
        assert len(pids) == 1
        await database.write(notes.create, "next")
        assert list(await database.read(notes.all_notes)) == ["next"]
    await admin.close()
