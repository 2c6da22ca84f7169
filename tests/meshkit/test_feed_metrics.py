"""What operators see of a feed: where it stands, what it went through, who is behind."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from meshkit.compaction import compact
from meshkit.database import Database, DatabaseSettings
from meshkit.feed import Head
from meshkit.feed_metrics import Delays, expose_feed, expose_followers
from meshkit.telemetry import Metrics
from tests.meshkit import notes
from tests.meshkit.notes import TABLES
from tests.meshkit.published import new_feed, publish

NO_AGE = timedelta(seconds=-1)


def shown(metrics: Metrics, name: str, **labels: str) -> float:
    value = metrics.registry.get_sample_value(name, labels)
    assert value is not None, f"{name} {labels} is not exposed"
    return value


def exposed(database: Database) -> Metrics:
    metrics = Metrics()
    expose_feed(metrics, database.feed)
    return metrics


async def test_a_feed_shows_where_it_stands_and_what_it_went_through(database_url: str) -> None:
    await notes.create_tables(database_url)
    async with await notes.open_notes(database_url, DatabaseSettings(ring_events=4)) as database:
        metrics = exposed(database)
        for number in range(6):
            await database.write(notes.create, f"{number}")
        assert shown(metrics, "weft_feed_revision") == 6
        assert shown(metrics, "weft_feed_ring_events") == 4
        kept = sum(len(event.event) for event in await database.feed.read(2))
        assert shown(metrics, "weft_feed_ring_bytes") == kept
        assert shown(metrics, "weft_feed_ring_evicted_events_total") == 2
        assert shown(metrics, "weft_feed_outbox_reads_total") == 0
        assert len(await database.feed.read(0)) == 6
        assert shown(metrics, "weft_feed_outbox_reads_total") == 1
        await compact(database, keep_events=1, keep_age=NO_AGE)
        assert shown(metrics, "weft_feed_compact_revision") == 5
        assert shown(metrics, "weft_feed_compacted_events_total") == 5
        assert shown(metrics, "weft_feed_ring_events") == 1
        assert shown(metrics, "weft_feed_holes_total") == 0


def put_again(session: Any, revision: int) -> None:
    """The only event there is once more, as another revision, past the door."""
    events, head = TABLES.feed_events, TABLES.feed_head
    row = session.execute(sa.select(events)).mappings().one()
    session.execute(events.insert(), [{**row, "revision": revision}])
    session.execute(head.update().values(revision=revision))


async def test_a_hole_in_history_is_counted_and_waited_for(database: Database) -> None:
    metrics = exposed(database)
    await database.write(notes.create, "a")
    # What nothing of ours ever does: revision 2 is missing, revision 3 is there.
    await database.write(put_again, 3)
    await database.feed.catch_up()
    assert shown(metrics, "weft_feed_holes_total") >= 1
    assert shown(metrics, "weft_feed_revision") == 1


async def test_what_no_hint_announced_is_counted(postgres_url: str) -> None:
    await notes.create_tables(postgres_url)
    first, second = await notes.open_notes(postgres_url), await notes.open_notes(postgres_url)
    async with first, second:
        metrics = exposed(second)
        # It listens from now on: a first note has come to it.
        await first.write(notes.create, "a")
        await second.feed.wait(0)
        before = shown(metrics, "weft_feed_unannounced_reads_total")
        # A commit whose hint is lost: nobody announces it.
        await first.write(put_again, 2)
        await second.feed.wait(1)
        while shown(metrics, "weft_feed_unannounced_reads_total") == before:  # noqa: ASYNC110
            await asyncio.sleep(0)


@dataclass
class Followers:
    """Watches of a certain number, the slowest of which stands somewhere."""

    count: int = 0
    position: int = 0
    delays: Delays = field(default_factory=Delays)

    def __len__(self) -> int:
        return self.count

    def lowest_position(self) -> int:
        return self.position


class Noon:
    def now(self) -> datetime:
        return datetime(2026, 1, 1, 12, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0


async def test_the_slowest_watch_is_shown_in_revisions_and_in_seconds() -> None:
    feed, heads = new_feed()
    metrics, followers = Metrics(), Followers(count=3)
    expose_followers(metrics, feed, followers, Noon())
    assert shown(metrics, "weft_feed_watchers") == 3
    assert shown(metrics, "weft_feed_lag_seconds") == 0
    for _ in range(5):
        publish(feed, "a")
    followers.position = 2
    assert shown(metrics, "weft_feed_lag_revisions") == 3
    # Those notes are of midnight.
    assert shown(metrics, "weft_feed_lag_seconds") == 12 * 3600
    followers.position = 5
    assert shown(metrics, "weft_feed_lag_revisions") == 0
    assert shown(metrics, "weft_feed_lag_seconds") == 0
    heads.append(Head(9, 9, heads[0].epoch))
    await feed.catch_up()
    assert shown(metrics, "weft_feed_lag_seconds") == 0


@given(st.lists(st.floats(0, 100, allow_nan=False), max_size=50))
def test_delays_are_a_cumulative_histogram(seconds: list[float]) -> None:
    delays = Delays()
    for each in seconds:
        delays.add(each)
    family = delays.family("name", "text")
    for sample in family.samples:
        if sample.name == "name_bucket":
            bound = float(sample.labels["le"])
            assert sample.value == sum(each <= bound for each in seconds)
        elif sample.name == "name_count":
            assert sample.value == len(seconds)
        elif sample.name == "name_sum":
            assert sample.value == pytest.approx(sum(seconds))
