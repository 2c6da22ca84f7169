"""Filters: what they say, and what is refused where."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from google.protobuf.struct_pb2 import NullValue
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from meshkit.errors import InvalidArgument
from meshkit.filters import Choices, Field, Fields, Kind, grammar
from tests.meshkit.filtered import FIELDS, NOW, THING, metadata, things
from weftapi.options.v1 import options_pb2


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
        "notes.f1 > 0.9 notes.f1 <= 0.93 notes.epochs = 3 -notes.epochs = 4",
        'notes.kind = "3" -notes.kind = 3 -notes.epochs = "3"',
        "notes.ok = true notes:tried notes.tried:* -notes:none -notes.absent < 1",
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
        ("speed = 3", 1, "fields are: count, create_time, facts.<key>, labels.<key>"),
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
        ("notes = 3", 1, "notes is a map"),
        ('notes.f1 > "0.9"', 1, "an order among numbers only"),
        ("notes.f1 > high", 1, "an order among numbers only"),
        ("labels.team > a", 1, "labels has no order"),
        (f"notes.{'a' * 257} = 3", 1, "at most 256 characters"),
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
