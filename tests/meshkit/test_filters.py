"""Filters: one grammar, and two meanings (SQL, memory) that never disagree."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from uuid import UUID

import pytest
import sqlalchemy as sa
from google.protobuf.struct_pb2 import NullValue
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import StaticPool
from weftapi.options.v1 import options_pb2

from meshkit.errors import InvalidArgument
from meshkit.filters import Choices, Field, Fields, Kind, grammar
from meshkit.filters.grammar import And, Compare, Expression, Not, Now, Operator, Or, Text
from meshkit.schema import Json, UtcDateTime

NOW = datetime(2025, 6, 15, 12, tzinfo=UTC)
STATES = Choices({"RUNNING": 1, "FAILED": 2, "STOPPED": 3}, "RUN_STATE_")

metadata = sa.MetaData()
things = sa.Table(
    "things",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, index=True),
    sa.Column("uid", sa.Uuid),
    sa.Column("state", sa.Text),
    sa.Column("level", sa.Integer),
    sa.Column("paused", sa.Boolean),
    sa.Column("count", sa.Integer),
    sa.Column("score", sa.Double),
    sa.Column("create_time", UtcDateTime),
    sa.Column("labels", Json),
)
FIELDS = Fields(
    Field("name", Kind.STRING, things.c.name),
    Field("uid", Kind.UUID, things.c.uid),
    Field("state", Kind.ENUM, things.c.state, choices=STATES),
    Field("level", Kind.ENUM, things.c.level, choices=STATES),
    Field("paused", Kind.BOOL, things.c.paused),
    Field("count", Kind.INT, things.c.count),
    Field("score", Kind.FLOAT, things.c.score),
    Field("create_time", Kind.TIMESTAMP, things.c.create_time),
    Field("labels", Kind.MAP, things.c.labels),
)
THING = {
    "name": "projects/demo/runs/nightly",
    "uid": UUID(int=7),
    "state": "RUNNING",
    "level": 2,
    "paused": False,
    "count": 3,
    "score": 0.5,
    "create_time": NOW - timedelta(hours=1),
    "labels": {"team": "vision", "a.b": "x y"},
}


def holds(text: str, thing: Any = THING) -> bool:
    return FIELDS.parse(text, now=NOW).predicate()(thing)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "state = RUNNING",
        "state=RUN_STATE_RUNNING",
        'state = "RUNNING"',
        "level != RUNNING",
        "name = projects/demo/*",
        'name = "*nightly"',
        "name:demo",
        "name:*",
        "count < 3 OR count = 3",
        "-paused = true",
        "NOT paused=true count=3",
        "count >= 3 AND score < 1e0 AND score > -1",
        "(state = FAILED OR count = 3) labels.team = vision",
        "labels:team -labels:owner",
        'labels."a.b" = "x y"',
        'create_time > now()-"24h" create_time < now()',
        "create_time > now() - 90m",
        "create_time = 2025-06-15T11:00:00Z",
        "create_time = 2025-06-15T13:00:00+02:00",
        'create_time < "2025-06-15T11:00:00.5Z"',
        "uid = 00000000-0000-0000-0000-000000000007",
        "labels.owner != vision",
        'labels.owner = ""',
        "NOT NOT count = 3",
    ],
)
def test_filter_that_holds(text: str) -> None:
    assert holds(text)
    assert not holds(f"NOT ({text})" if text.strip() else "count = 4")


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("state", 6, "expected one of = != <"),
        ("state = ", 9, "expected a value"),
        ("state = RUNING", 1, "one of FAILED, RUNNING, STOPPED"),
        ("speed = 3", 1, "fields are: count, create_time, labels.<key>, level"),
        ("count = 3 speed.x.y = 3", 11, 'no field "speed.x.y"'),
        ("count = three", 1, "count takes a whole number"),
        ("count = 9223372036854775808", 1, "count takes a whole number"),
        ("count = \u0661", 1, "count takes a whole number"),
        ("score = 1e999", 1, "score takes a number"),
        ("score = nan", 1, "score takes a number"),
        ("paused = 1", 1, "paused takes true or false"),
        ("uid = 7", 1, "uid takes a UUID"),
        ("create_time > yesterday", 1, "create_time takes a time"),
        ("create_time > 2025-02-30T00:00:00Z", 1, "create_time takes a time"),
        ("create_time > 0001-01-01T00:00:00+10:00", 1, "create_time takes a time"),
        ("create_time > now()-1y", 21, "expected a duration"),
        ("create_time > now()-99999999d", 21, "expected a duration"),
        ("count = now()", 1, "count takes a whole number"),
        ("name < b", 1, "name has no order"),
        ("state > FAILED", 1, "state has no order"),
        ("count:3", 1, "count takes a whole number"),
        ("count = 3*", 1, "count takes a whole number"),
        ("labels = x", 1, "labels is a map"),
        ("labels:t*", 1, "labels is a map"),
        ("name = a*b", 8, "only at an end"),
        (r'name = "a\n"', 10, "are escapes"),
        ('name = "a', 8, "quotes are not closed"),
        ("name = 'a'", 8, "double quotes"),
        ("count = 1 AND state = FAILED OR count = 2", 30, "put parentheses"),
        ("count = 1 OR state = FAILED count = 2", 29, "put parentheses"),
        ("(count = 1", 11, "expected )"),
        ("count = 1)", 10, "expected AND, OR or the end"),
        ('name="a"count=1', 9, "expected a space"),
        ("count = 1 AND", 14, "expected a field"),
        ("AND count = 1", 1, "not AND"),
        ("name = a\x00", 9, "control characters"),
        ("name = \ud800", 8, "control characters"),
        ("(" * 7 + "count = 1" + ")" * 7, 7, "nest at most 5"),
        ("NOT " * 6 + "count = 1", 25, "nest at most 5"),
        ("count=1 " * 21, 161, "at most 20 terms"),
        ("name = " + "é" * 1024, 1, "at most 2048 bytes"),
    ],
)
def test_bad_filter_is_refused_with_its_position(text: str, position: int, words: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        FIELDS.parse(text, now=NOW)
    assert caught.value.reason == "INVALID_FILTER"
    assert words in caught.value.message
    assert caught.value.metadata == {"position": str(position)}


def test_limits_are_reached_before_they_are_exceeded() -> None:
    assert holds("(" * 5 + "count = 3" + ")" * 5)
    assert holds("count=3 " * 20)
    assert not holds("name = " + "a" * (grammar.MAX_BYTES - 7))


def test_default_getters_follow_messages() -> None:
    fields = Fields(
        Field("seconds", Kind.INT),
        Field("required", Kind.BOOL),
        Field("minimum", Kind.FLOAT),
        Field("null_value", Kind.ENUM, choices=Choices({"NULL_VALUE": NullValue.NULL_VALUE})),
    )
    assert fields.parse("seconds = 5", now=NOW).predicate()(Timestamp(seconds=5))
    rules = options_pb2.FieldRules(required=True)
    assert fields.parse("required = true -minimum = 0", now=NOW).predicate()(rules)
    rules.minimum = 0
    assert fields.parse("minimum = 0 minimum:*", now=NOW).predicate()(rules)


def test_times_of_messages_are_instants() -> None:
    stamp = Timestamp()
    stamp.FromDatetime(NOW - timedelta(hours=1))
    assert holds('create_time >= now()-"1h" create_time <= now()-"1h"', {"create_time": stamp})


def test_choices_of_an_enum_lose_their_prefix() -> None:
    choices = Choices.of(options_pb2.Listener.DESCRIPTOR)
    assert choices.numbers == {"EDGE": 1, "MESH": 2}
    assert choices.find("LISTENER_MESH") == choices.find("MESH") is not None
    assert choices.find("UNSPECIFIED") is None


def test_a_table_knows_its_unindexed_fields() -> None:
    assert "name" not in FIELDS.unindexed()
    assert "state" in FIELDS.unindexed()


def test_an_enum_needs_choices_and_names_are_unique() -> None:
    with pytest.raises(ValueError, match="has choices"):
        Field("state", Kind.ENUM)
    with pytest.raises(ValueError, match="same name"):
        Fields(Field("a", Kind.INT), Field("a", Kind.BOOL))


def test_values_reach_sql_as_parameters_only() -> None:
    hostile = "x' OR 1=1; --"
    where = FIELDS.parse(f'name = "{hostile}" OR labels."{hostile}":"{hostile}"', now=NOW).where()
    for dialect in (sa.dialects.sqlite.dialect(), sa.dialects.postgresql.dialect()):
        assert hostile not in str(where.compile(dialect=dialect))


def test_prefixes_and_equality_use_the_index(tmp_path: Any) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'things.db'}")
    metadata.create_all(engine)
    with engine.connect() as connection:
        for text in ("name = abc", "name = abc*"):
            query = sa.select(things.c.id).where(FIELDS.parse(text, now=NOW).where())
            compiled = query.compile(dialect=engine.dialect)
            parameters = tuple(compiled.params[name] for name in compiled.positiontup or ())
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", parameters)
            assert "SEARCH things USING" in str(plan.all()), text
    engine.dispose()


# --- properties -----------------------------------------------------------------------------

# Few letters, so that random filters meet random rows; all that LIKE, GLOB and quotes fear.
LETTERS = "aAbé%_*?[]^-\\\"' 😀"
texts = st.text(LETTERS, max_size=3)
times = st.integers(-3, 3).map(lambda minutes: NOW + timedelta(minutes=minutes, microseconds=1))
keys = st.sampled_from(["team", "a.b", 'q"', "é", "0"])
integers = st.sampled_from([0, 1, -1, 2, 2**31 - 1, -(2**31)])
floats = st.sampled_from([0.0, 0.1, -1.5, 1e300])
uuids = st.sampled_from([UUID(int=1), UUID(int=2**127)])

rows = st.fixed_dictionaries(
    {
        "name": st.none() | texts,
        "uid": st.none() | uuids,
        "state": st.none() | st.sampled_from(sorted(STATES.numbers)),
        "level": st.none() | st.sampled_from([1, 2, 3]),
        "paused": st.none() | st.booleans(),
        "count": st.none() | integers,
        "score": st.none() | floats,
        "create_time": st.none() | times,
        "labels": st.none() | st.dictionaries(keys, texts, max_size=2),
    }
)


def patterns(bodies: st.SearchStrategy[str]) -> st.SearchStrategy[Text]:
    def build(body: str, *, start: bool, end: bool) -> Text:
        return Text(body, start, end) if body else Text("", start and end, start and end)

    return st.builds(build, bodies, start=st.booleans(), end=st.booleans())


def compares(path: Any, operators: str, values: Any) -> st.SearchStrategy[Compare]:
    chosen = st.sampled_from([Operator(sign) for sign in operators.split()])
    return st.builds(Compare, path, chosen, values)


def one(name: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.just((name,))


STAR = Text("", True, True)
ORDERED = "= != < <= > >="
comparisons = st.one_of(
    compares(one("name"), "= != :", patterns(texts)),
    compares(st.tuples(st.just("labels"), keys), "= != :", patterns(texts)),
    compares(one("labels"), ":", keys.map(Text)),
    compares(
        st.sampled_from([("state",), ("level",)]),
        "= !=",
        st.builds(Text, st.sampled_from(sorted(STATES.numbers))),
    ),
    compares(one("paused"), "= !=", st.sampled_from([Text("true"), Text("false")])),
    compares(one("uid"), "= !=", uuids.map(lambda uid: Text(str(uid)))),
    compares(
        one("count"), ORDERED, (integers | st.just(2**40)).map(lambda number: Text(str(number)))
    ),
    compares(one("score"), ORDERED, floats.map(lambda number: Text(repr(number)))),
    compares(one("create_time"), ORDERED, times.map(lambda at: Text(at.isoformat()))),
    compares(
        one("create_time"),
        ORDERED,
        st.integers(-3, 3).map(lambda n: Now(timedelta(minutes=n, microseconds=1))),
    ),
    compares(
        st.sampled_from([(name,) for name in THING if name != "labels"]), ": = !=", st.just(STAR)
    ),
)


def joined(terms: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(terms, min_size=2, max_size=3).map(tuple)
    return st.one_of(st.builds(Not, terms), st.builds(And, several), st.builds(Or, several))


# Two levels of joints and a NOT above: within MAX_DEPTH and MAX_TERMS.
inner = comparisons | joined(comparisons)
expressions: st.SearchStrategy[Expression] = inner | joined(inner) | st.builds(Not, joined(inner))


class Bench:
    """A table of things in a database; what is inserted is rolled back."""

    def __init__(self, url: str) -> None:
        self._url = sa.make_url(url)
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        self._runner.run(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._engine.dispose() if self._engine else asyncio.sleep(0))
        self._runner.close()

    async def _open(self) -> None:
        self._engine = None
        if self._url.get_backend_name() == "postgresql":
            url = self._url.set(drivername="postgresql+asyncpg")
            self._engine = create_async_engine(url, poolclass=StaticPool)
            async with self._engine.begin() as connection:
                await connection.run_sync(metadata.create_all)
        else:
            self._sync = sa.create_engine(self._url, poolclass=StaticPool)
            metadata.create_all(self._sync)

    def matching(self, items: list[dict[str, Any]], where: sa.ColumnElement[bool]) -> set[int]:
        def work(connection: sa.Connection) -> set[int]:
            connection.execute(things.insert(), [{"id": n, **item} for n, item in enumerate(items)])
            found = set(connection.scalars(sa.select(things.c.id).where(where)))
            connection.rollback()
            return found

        if self._engine is None:
            with self._sync.connect() as connection:
                return work(connection)
        return self._runner.run(self._in_postgres(work))

    async def _in_postgres(self, work: Any) -> set[int]:
        assert self._engine is not None
        async with self._engine.connect() as connection:
            return await connection.run_sync(work)


@pytest.fixture
def bench(database_url: str) -> Iterator[Bench]:
    with Bench(database_url) as bench:
        yield bench


def test_sql_and_memory_agree(bench: Bench) -> None:
    @settings(max_examples=400, deadline=None, database=None)
    @given(st.lists(rows, min_size=1, max_size=6), expressions)
    def agree(items: list[dict[str, Any]], expression: Expression) -> None:
        found = FIELDS.parse(grammar.unparse(expression), now=NOW)
        predicate = found.predicate()
        in_memory = {number for number, item in enumerate(items) if predicate(item)}
        assert bench.matching(items, found.where()) == in_memory

    agree()


def test_no_letter_is_special_in_sql(bench: Bench) -> None:
    """All texts of two letters against all patterns of one: exhaustive where chance is not."""
    items = [{"name": first + second} for first in LETTERS for second in LETTERS]
    for body in LETTERS:
        for start, end in ((True, False), (False, True), (True, True)):
            expression = Compare(("name",), Operator.EQ, Text(body, start, end))
            found = FIELDS.parse(grammar.unparse(expression), now=NOW)
            predicate = found.predicate()
            in_memory = {number for number, item in enumerate(items) if predicate(item)}
            assert bench.matching(items, found.where()) == in_memory
            assert len(in_memory) == (2 * len(LETTERS) - 1 if start and end else len(LETTERS))


@settings(deadline=None, database=None)
@given(expressions)
def test_parse_reads_what_unparse_writes(expression: Expression) -> None:
    assert grammar.parse(grammar.unparse(expression)) == expression


WORDS = 'AND OR NOT - ( ) name labels . = != < : " \\ * now() 24h count 3 2025-01-01T00:00:00Z é ,'
words = st.sampled_from([*WORDS.split(), " ", "\n", "\x00"])


@settings(max_examples=300, deadline=None, database=None)
@given(st.text(max_size=80) | st.lists(words, max_size=30).map("".join))
def test_garbage_raises_nothing_but_invalid_argument(text: str) -> None:
    try:
        found = FIELDS.parse(text, now=NOW)
    except InvalidArgument as refusal:
        error = refusal
    else:
        assert found.predicate()(THING) in {True, False}
        return
    assert error.reason == "INVALID_FILTER"
    assert 1 <= int(error.metadata["position"]) <= len(text) + 1


@pytest.mark.parametrize("piece", ["(", "NOT ", "-", '"', "\\", '"\\', "a.", "*", "1h", "1.", " "])
@pytest.mark.parametrize("start", ["", "name = ", 'name = "', "create_time > now()-", 'labels."'])
def test_repetition_ends_in_an_error_not_in_backtracking(start: str, piece: str) -> None:
    """What would not be linear in time would run into the suite's time limit."""
    repeats = (grammar.MAX_BYTES - len(start) - 1) // len(piece)
    with pytest.raises(InvalidArgument):
        FIELDS.parse(start + piece * repeats + "(", now=NOW)
