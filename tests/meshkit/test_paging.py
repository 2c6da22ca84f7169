"""Pages: every item exactly once, whatever the order, and tokens nobody can bend."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from google.protobuf.wrappers_pb2 import BytesValue, Int64Value
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import StaticPool

from meshkit import paging
from meshkit.errors import InvalidArgument
from meshkit.paging import Cursor, ListQuery, Order, OrderKey, Orders, PageTokens
from meshkit.schema import UtcDateTime

metadata = sa.MetaData()
things = sa.Table(
    "things",
    metadata,
    sa.Column("uid", sa.Uuid, primary_key=True),
    sa.Column("create_time", UtcDateTime, nullable=False),
    sa.Column("end_time", UtcDateTime),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("score", sa.Double),
)
UID = OrderKey("uid", things.c.uid)
ORDERS = Orders(
    (
        UID,
        OrderKey("create_time", things.c.create_time),
        OrderKey("end_time", things.c.end_time, nullable=True),
        OrderKey("score", things.c.score, nullable=True),
    ),
    uid=UID,
)
QUERY = ListQuery("/a.B/ListThings", "projects/demo", "state = RUNNING", "create_time desc", 1)
TOKENS = PageTokens([bytes(32)])
START = datetime(2025, 1, 1, tzinfo=UTC)


@dataclasses.dataclass(frozen=True, slots=True)
class Thing:
    uid: UUID
    create_time: datetime
    end_time: datetime | None
    title: str
    score: float | None


times = st.integers(0, 2).map(lambda n: START + timedelta(microseconds=n))
things_lists = st.lists(
    st.builds(
        Thing,
        uid=st.integers(0, 2**128 - 1).map(lambda n: UUID(int=n)),
        create_time=times,
        end_time=st.none() | times,
        title=st.just("x"),
        score=st.none() | st.sampled_from([-1.5, 0.0, 0.1, 1e300]),
    ),
    max_size=12,
    unique_by=lambda thing: thing.uid,
)
order_texts = st.builds(
    lambda key, direction: f"{key} {direction}".strip(),
    st.sampled_from(["uid", "create_time", "end_time", "score"]),
    st.sampled_from(["", "asc", "desc"]),
)


def read_all(items: list[Thing], order_by: str, size: int, fetch: Any) -> list[UUID]:
    """Follows the pages to the end, as a client does."""
    query = dataclasses.replace(QUERY, order_by=order_by)
    read: list[UUID] = []
    token = ""
    while True:
        window = TOKENS.window(query, ORDERS, size=size, token=token)
        rows = fetch(window)
        by_uid = {thing.uid: thing for thing in items}
        page = window.page(
            [by_uid[row.uid] for row in rows], lambda row: Uid(row.uid), revision=7 + len(read)
        )
        assert page.revision == 7
        assert len(page.items) <= size
        read.extend(item.uid for item in page.items)
        token = page.next_page_token
        if not token:
            return read


@dataclasses.dataclass(frozen=True, slots=True)
class Uid:
    """Stands for an encoded item."""

    uid: UUID

    def ByteSize(self) -> int:
        return 16


@given(things_lists, order_texts, st.integers(1, 5))
@settings(deadline=None, database=None)
def test_pages_in_memory_hold_every_item_once_in_order(
    items: list[Thing], order_by: str, size: int
) -> None:
    read = read_all(items, order_by, size, lambda window: window.pick(items))
    order = ORDERS.parse(order_by)
    assert read == [thing.uid for thing in order.pick(items, None)]
    assert sorted(read) == sorted(thing.uid for thing in items)
    keys = [order.key.read(thing) for uid in read for thing in items if thing.uid == uid]
    present = [key for key in keys if key is not None]
    assert present == sorted(present, reverse=order.descending)


async def test_pages_in_sql_are_those_in_memory(database_url: str) -> None:
    samples = [[_sample(n) for n in range(count)] for count in (0, 1, 7, 12)]
    url = sa.make_url(database_url)
    if url.get_backend_name() == "postgresql":
        engine = create_async_engine(url.set(drivername="postgresql+asyncpg"), poolclass=StaticPool)
        async with engine.begin() as connection:
            await connection.run_sync(_compare_with_memory, samples)
        await engine.dispose()
    else:
        sync = sa.create_engine(url)
        with sync.begin() as plain:
            _compare_with_memory(plain, samples)
        sync.dispose()


def _sample(n: int) -> Thing:
    """Many keys are equal, many absent; uids are spread over their whole range."""
    return Thing(
        uid=UUID(int=(n * 0x9E3779B97F4A7C15F39CC0605CEDC835) % 2**128),
        create_time=START + timedelta(microseconds=n % 3),
        end_time=None if n % 2 else START + timedelta(microseconds=n % 4),
        title="x",
        score=[None, -1.5, 0.1, 0.1, 1e300][n % 5],
    )


def _compare_with_memory(connection: sa.Connection, samples: list[list[Thing]]) -> None:
    metadata.create_all(connection)
    for items in samples:
        connection.execute(things.delete())
        if items:
            connection.execute(things.insert(), [dataclasses.asdict(item) for item in items])
        for key in ("uid", "create_time", "end_time", "score"):
            for order_by in (key, f"{key} desc"):
                for size in (1, 2, 5):
                    read = read_all(
                        items,
                        order_by,
                        size,
                        lambda window: connection.execute(window.apply(sa.select(things))).all(),
                    )
                    in_memory = ORDERS.parse(order_by).pick(items, None)
                    assert read == [thing.uid for thing in in_memory]


keys = st.one_of(
    st.none(),
    st.text(max_size=128),
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.floats(allow_nan=False),
    st.datetimes(),
    st.datetimes(timezones=st.just(UTC)),
    st.uuids(),
)


@given(keys, st.uuids(), st.integers(0, 2**63 - 1))
@settings(deadline=None, database=None)
def test_a_token_brings_the_cursor_back(key: Any, uid: UUID, revision: int) -> None:
    cursor = Cursor(key, uid, revision)
    token = TOKENS.seal(cursor, QUERY)
    assert TOKENS.unseal(token, QUERY) == cursor
    assert type(TOKENS.unseal(token, QUERY).key) is type(key)
    assert len(token) <= paging.MAX_TOKEN_LENGTH
    assert token.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    "change",
    [
        {"method": "/a.B/ListOthers"},
        {"parent": "projects/other"},
        {"filter": ""},
        {"order_by": "create_time"},
        {"view": 2},
        {"show_deleted": True},
        # The same letters in another place.
        {"parent": "projects/demostate", "filter": " = RUNNING"},
    ],
)
def test_a_token_fits_its_own_query_only(change: dict[str, Any]) -> None:
    token = TOKENS.seal(Cursor("a", "b", 1), QUERY)
    with pytest.raises(InvalidArgument) as caught:
        TOKENS.unseal(token, dataclasses.replace(QUERY, **change))
    assert caught.value.reason == "INVALID_PAGE_TOKEN"


def test_every_changed_byte_of_a_token_is_noticed() -> None:
    token = TOKENS.seal(Cursor("a", "b", 1), QUERY)
    raw = paging._decode(token)
    assert raw is not None
    for at in range(len(raw)):
        changed = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        bent = paging.base64.urlsafe_b64encode(changed).decode()
        with pytest.raises(InvalidArgument, match="page token"):
            TOKENS.unseal(bent, QUERY)


@given(st.text(min_size=1, max_size=40) | st.binary(max_size=60).map(lambda raw: raw.hex() + "A"))
def test_garbage_is_no_token(token: str) -> None:
    with pytest.raises(InvalidArgument, match="page token"):
        TOKENS.unseal(token, QUERY)


def test_a_long_token_is_refused_unread() -> None:
    with pytest.raises(InvalidArgument, match="page token"):
        TOKENS.unseal("A" * (paging.MAX_TOKEN_LENGTH + 1), QUERY)


def test_tokens_are_unreadable_and_never_equal() -> None:
    cursor = Cursor("a secret name", "b", 1)
    tokens = {TOKENS.seal(cursor, QUERY) for _ in range(10)}
    assert len(tokens) == 10
    raw = paging._decode(tokens.pop())
    assert raw is not None
    assert b"secret" not in raw


def test_keys_rotate() -> None:
    old, new = bytes(32), bytes(31) + b"\x01"
    token = PageTokens([old]).seal(Cursor("a", "b", 1), QUERY)
    assert PageTokens([new, old]).unseal(token, QUERY).key == "a"
    with pytest.raises(InvalidArgument):
        PageTokens([new]).unseal(token, QUERY)
    for keys_ in ([], [b"short"]):
        with pytest.raises(ValueError, match="32 bytes"):
            PageTokens(keys_)


@pytest.mark.parametrize(
    ("requested", "size"), [(0, 50), (1, 1), (499, 499), (500, 500), (501, 500), (2**31 - 1, 500)]
)
def test_page_sizes(requested: int, size: int) -> None:
    assert paging.page_size(requested) == size


def test_negative_page_size_is_refused() -> None:
    with pytest.raises(InvalidArgument) as caught:
        paging.page_size(-1)
    assert [violation.field for violation in caught.value.violations] == ["page_size"]


@pytest.mark.parametrize(
    "text",
    [
        "title",
        "create_time up",
        "create_time desc desc",
        "create_time, uid",
        "uid; DROP TABLE things",
        " ",
        "CREATE_TIME",
        "a " * 5000,
    ],
)
def test_only_listed_orders_are_taken(text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        ORDERS.parse(text)
    assert caught.value.reason == "INVALID_ORDER"
    assert "create_time" in caught.value.message


def test_the_default_order() -> None:
    assert ORDERS.parse("") == Order(ORDERS.keys[1], UID, descending=True)


def test_a_page_is_cut_by_bytes_and_goes_on_behind_the_cut() -> None:
    items = [Thing(UUID(int=n), START, None, "x", None) for n in range(5)]
    window = TOKENS.window(dataclasses.replace(QUERY, order_by="uid"), ORDERS, size=5, token="")
    big = BytesValue(value=bytes(900 * 1024))
    page = window.page(window.pick(items), lambda _: big, revision=1)
    assert len(page.items) == 2
    assert sum(item.ByteSize() for item in page.items) <= paging.MAX_PAGE_BYTES
    cursor = TOKENS.unseal(page.next_page_token, window.query)
    assert cursor.uid == items[1].uid


def test_an_item_beyond_the_limit_stands_alone() -> None:
    items = [Thing(UUID(int=n), START, None, "x", None) for n in range(2)]
    window = TOKENS.window(dataclasses.replace(QUERY, order_by="uid"), ORDERS, size=5, token="")
    huge = BytesValue(value=bytes(paging.MAX_PAGE_BYTES))
    page = window.page(window.pick(items), lambda _: huge, revision=1)
    assert len(page.items) == 1
    assert page.next_page_token


def test_the_last_page_has_no_token() -> None:
    window = TOKENS.window(QUERY, ORDERS, size=5, token="")
    page = window.page([], lambda _: Int64Value(), revision=3)
    assert (page.items, page.next_page_token, page.revision) == ((), "", 3)


def test_an_order_in_memory_has_no_sql() -> None:
    order = Order(OrderKey("create_time"), OrderKey("uid"))
    with pytest.raises(TypeError, match="no column"):
        order.clauses()
