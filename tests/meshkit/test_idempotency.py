import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from meshkit.database import Database
from meshkit.errors import InvalidArgument, NotFound
from meshkit.idempotency import RETENTION, Once, once, purge
from tests.meshkit import notes
from tests.meshkit.notes import TABLES, Base


def asked(request_id: str = "id-1", *, content: bytes = b"a", principal: str = "users/1") -> Once:
    return Once(principal, "/weft.Notes/Create", request_id, content, StringValue)


async def create(database: Database, name: str, asked: Once) -> StringValue:
    return await database.write(notes.create, name, once=asked, reply=notes.note_reply)


async def test_a_repetition_answers_the_stored_reply(database: Database) -> None:
    first = await create(database, "a", asked())
    await database.write(notes.increment, "a")
    with notes.calling(notes.call()) as call:
        assert await create(database, "a", asked()) == first == StringValue(value="a@1")
    assert (call.revision, database.feed.head) == (1, 2)


async def test_an_id_answers_one_request_only(database: Database) -> None:
    await create(database, "a", asked())
    with pytest.raises(InvalidArgument) as refusal:
        await create(database, "b", asked(content=b"b"))
    assert refusal.value.reason == "REQUEST_ID_REUSED"
    assert list(await database.read(notes.all_notes)) == ["a"]


async def test_ids_of_different_principals_do_not_meet(database: Database) -> None:
    await create(database, "a", asked())
    reply = await create(database, "b", asked(principal="users/2", content=b"b"))
    assert reply.value == "b@2"


async def test_50_duplicates_at_once_have_one_effect(database: Database) -> None:
    replies = await asyncio.gather(*(create(database, "a", asked()) for _ in range(50)))
    assert {reply.value for reply in replies} == {"a@1"}
    assert database.feed.head == 1


async def test_a_duplicate_outlives_the_caller_who_came_first(database: Database) -> None:
    first = asyncio.create_task(create(database, "a", asked()))
    second = asyncio.create_task(create(database, "a", asked()))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).value == "a@1"


async def test_another_request_under_an_id_in_flight_is_refused(database: Database) -> None:
    results: list[Any] = await asyncio.gather(
        create(database, "a", asked()),
        create(database, "b", asked(content=b"b")),
        return_exceptions=True,
    )
    assert results[0].value == "a@1"
    assert isinstance(results[1], InvalidArgument)


async def test_a_failed_write_stores_nothing_and_may_be_repeated(database: Database) -> None:
    with pytest.raises(NotFound):
        await database.write(
            notes.create_then_fail, "a", once=asked(), reply=lambda _: StringValue()
        )
    assert (await create(database, "a", asked())).value == "a@1"


async def test_items_of_a_group_are_replayed_one_by_one(database: Database) -> None:
    await database.write(notes.create, "a")

    async def append(letter: str, request_id: str) -> str:
        reply = await database.write_grouped(
            notes.append_texts,
            ("a", letter),
            once=asked(request_id, content=letter.encode()),
            reply=lambda text: StringValue(value=text),
        )
        return reply.value

    assert await append("x", "1") == "x"
    assert await asyncio.gather(append("x", "1"), append("y", "2")) == ["x", "xy"]


async def test_replicas_that_get_the_same_requests_apply_each_once(postgres_url: str) -> None:
    await notes.create_tables(postgres_url)
    replicas = [await notes.open_notes(postgres_url) for _ in range(3)]
    await replicas[0].write(notes.create, "a")

    def increment(replica: Database, i: int) -> Awaitable[StringValue]:
        request = asked(str(i), content=b"increment")
        return replica.write(notes.increment, "a", once=request, reply=notes.note_reply)

    everywhere = [(replica, i) for i in range(10) for replica in replicas]
    replies = await asyncio.gather(*(increment(*where) for where in everywhere))

    assert (await replicas[0].read(notes.all_notes))["a"].count == 10
    by_request = {
        i: {r.value for r, (_, j) in zip(replies, everywhere, strict=True) if i == j}
        for i in range(10)
    }
    assert all(len(values) == 1 for values in by_request.values())
    await asyncio.gather(*(replica.close() for replica in replicas))


@dataclass
class SetClock:
    time: datetime

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()


async def test_replies_are_forgotten_after_their_day(database_url: str) -> None:
    await notes.create_tables(database_url)
    clock = SetClock(datetime(2030, 1, 1, tzinfo=UTC))
    async with await Database.open(
        database_url, metadata=Base.metadata, encode_event=notes.encode_event, clock=clock
    ) as database:
        await create(database, "a", asked())
        await create(database, "b", asked("id-2"))
        clock.time += RETENTION - timedelta(microseconds=1)
        assert (await create(database, "a", asked())).value == "a@1"
        clock.time += timedelta(microseconds=1)
        assert (await create(database, "c", asked())).value == "c@3"
        assert await database.write(purge, Base.metadata) == 1
        kept = await database.read(notes.count_rows, TABLES.idempotency_replies)
        assert kept == 1


def test_once_names_the_call_and_its_exact_request() -> None:
    @dataclass
    class Request:
        request_id: str
        content: bytes = b"a"

        def SerializeToString(self, *, deterministic: bool = False) -> bytes:
            return self.content

    with notes.calling(notes.call()):
        named = once(Request("id"), StringValue)
        other = once(Request("id", b"b"), StringValue)
        assert once(Request(""), StringValue) is None
    assert named is not None
    assert other is not None
    assert named.key == other.key == ("id", "users/1", "/weft.Notes/Do")
    assert other.request_hash != named.request_hash
