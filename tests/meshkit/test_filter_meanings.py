"""A filter means the same in SQL, on both databases, and in memory."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Self
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import StaticPool

from meshkit.filters import grammar, scalar
from meshkit.filters.grammar import And, Compare, Expression, Not, Now, Operator, Or, Text
from tests.meshkit.filtered import FIELDS, NOW, STATES, THING, metadata, things, values

# Few letters, so that random filters meet random rows; all that LIKE, GLOB and quotes fear.
LETTERS = "aAbé%_*?[]^-\\\"' 😀"
texts = st.text(LETTERS, max_size=3)
times = st.integers(-3, 3).map(lambda minutes: NOW + timedelta(minutes=minutes, microseconds=1))
keys = st.sampled_from(["team", "a.b", 'q"', "é", "0"])
numbers = st.sampled_from([0, 1, -1, 0.1, -1.5, 1e300, 2**53])
# Also what only counts as being there: lists, objects, long texts.
anything = (
    st.none() | st.booleans() | numbers | texts | st.sampled_from(["1", "true", [1], {}, "a" * 257])
)
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
        "notes": st.none() | st.dictionaries(keys, anything, max_size=3),
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
MAPS = st.sampled_from(["labels", "tags"])
VALUES = st.sampled_from(["notes", "facts"])
literals = st.sampled_from(["true", "false", "1"]) | texts
comparisons = st.one_of(
    compares(one("name"), "= != :", patterns(texts)),
    compares(st.tuples(MAPS, keys), "= != :", patterns(texts)),
    compares(st.tuples(VALUES, keys), "= != :", patterns(literals)),
    compares(st.tuples(VALUES, keys), "= != :", literals.map(lambda t: Text(t, is_quoted=True))),
    compares(st.tuples(VALUES, keys), ORDERED, numbers.map(lambda number: Text(repr(number)))),
    compares(st.tuples(MAPS | VALUES), ":", keys.map(Text)),
    compares(st.tuples(MAPS | VALUES, keys), ": = !=", st.just(STAR)),
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
        st.sampled_from([(name,) for name in THING if name not in ("labels", "notes")]),
        ": = !=",
        st.just(STAR),
    ),
)


def joined(terms: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(terms, min_size=2, max_size=3).map(tuple)
    return st.one_of(st.builds(Not, terms), st.builds(And, several), st.builds(Or, several))


# Two levels of joints and a NOT above: within MAX_DEPTH and MAX_TERMS.
inner = comparisons | joined(comparisons)
expressions: st.SearchStrategy[Expression] = inner | joined(inner) | st.builds(Not, joined(inner))


def beside(number: int, item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The maps of an item as they are kept to be found by."""
    for name in ("labels", "notes"):
        for key, value in (item.get(name) or {}).items():
            plain = scalar(value)
            if plain is not None:
                yield {
                    "thing": number,
                    "key": f"{name}.{key}",
                    "text": plain if isinstance(plain, str) else None,
                    "number": plain if isinstance(plain, float) else None,
                }


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
            kept = [row for n, item in enumerate(items) for row in beside(n, item)]
            if kept:
                connection.execute(values.insert(), kept)
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
