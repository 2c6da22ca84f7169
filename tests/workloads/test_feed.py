"""The state machine, the feed and the retention, without a single process."""

import asyncio
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshkit.errors import NotFound, OutOfRange
from tests.workloads.observed import key
from workloads.feed import Feed
from workloads.launchers import Observation
from workloads.lifecycle import TRANSITIONS, WorkloadState, path
from workloads.model import Workload, WorkloadKey, WorkloadSpec
from workloads.retention import Retention

STATES = st.sampled_from(list(WorkloadState))
OWNERS = [UUID(int=1), UUID(int=2)]


def workload(key: WorkloadKey, **changes) -> Workload:
    spec = WorkloadSpec(("-V",))
    new = Workload(key, uuid4(), spec, WorkloadState.RUNNING, datetime.now(UTC))
    return replace(new, **changes)


@given(STATES, STATES)
def test_a_way_takes_legal_edges_alone_and_leaves_no_terminal_state(start, target):
    way = path(start, target)
    if start is target:
        assert way == []
    elif start.is_terminal:
        assert way is None
    elif way is not None:
        assert way[-1] is target
        for before, after in pairwise([start, *way]):
            assert after in TRANSITIONS[before]


def test_the_table_is_the_contracts():
    text = {
        "QUEUED": "SUBMITTING CANCELLED FAILED",
        "SUBMITTING": "PENDING QUEUED FAILED CANCELLING",
        "PENDING": "RUNNING FAILED LOST CANCELLING",
        "RUNNING": "SUCCEEDED FAILED LOST CANCELLING",
        "CANCELLING": "CANCELLED SUCCEEDED FAILED LOST",
        "SUCCEEDED": "",
        "FAILED": "",
        "CANCELLED": "",
        "LOST": "",
    }
    table = {s.value: {t.value for t in after} for s, after in TRANSITIONS.items()}
    assert table == {state: set(after.split()) for state, after in text.items()}


def test_what_was_slept_through_is_passed_through():
    queued, pending, done = WorkloadState.QUEUED, WorkloadState.PENDING, WorkloadState.SUCCEEDED
    assert path(queued, done) == [
        WorkloadState.SUBMITTING,
        WorkloadState.PENDING,
        WorkloadState.RUNNING,
        WorkloadState.SUCCEEDED,
    ]
    assert path(pending, done) == [WorkloadState.RUNNING, WorkloadState.SUCCEEDED]
    assert path(WorkloadState.CANCELLING, WorkloadState.RUNNING) is None


CHANGES = st.lists(
    st.tuples(st.sampled_from(OWNERS), st.sampled_from("abc"), st.booleans(), st.booleans()),
    max_size=60,
)


@given(CHANGES)
def test_a_watcher_who_comes_and_goes_knows_what_is(changes):
    """At every point where it looks, its picture is the owner's workloads, exactly."""
    feed, truth = Feed(), {}
    position = dict.fromkeys(OWNERS, 0)
    picture: dict[UUID, dict] = {owner: {} for owner in OWNERS}
    for owner, id_, is_deleted, looks in changes:
        name = key(id_, owner)
        if is_deleted and name not in truth:
            continue
        change = workload(name)
        feed.hear(Observation(change, is_deleted=is_deleted))
        truth[name] = change
        if is_deleted:
            del truth[name]
        if not looks:
            continue
        for found in feed.changes(owner, position[owner]):
            assert found.revision > position[owner]
            picture[owner][found.key] = found.workload
        position[owner] = feed.revision
        seen = {name: w for name, w in picture[owner].items() if w is not None}
        assert seen == {name: w for name, w in truth.items() if name.owner == owner}
        assert {found.key: found.workload for found in feed.present(owner)} == seen


async def test_a_wait_ends_with_the_next_change():
    feed = Feed()
    waiting = asyncio.create_task(feed.wait(0))
    await asyncio.sleep(0)
    assert not waiting.done()
    feed.hear(Observation(workload(key("a"))))
    await waiting
    await feed.wait(0)


async def test_forgotten_deletions_and_the_future_are_out_of_range():
    feed = Feed(deletions_kept=2)
    for id_ in "abc":
        feed.hear(Observation(workload(key(id_))))
        feed.hear(Observation(workload(key(id_)), is_deleted=True))
    owner = key("a").owner
    with pytest.raises(OutOfRange) as caught:
        feed.changes(owner, 1)
    assert caught.value.reason == "REVISION_COMPACTED"
    assert caught.value.metadata == {"compactRevision": "2", "currentRevision": "6"}
    assert [found.key.id for found in feed.changes(owner, 2)] == ["b", "c"]
    with pytest.raises(OutOfRange) as caught:
        feed.changes(owner, 7)
    assert caught.value.reason == "REVISION_IN_FUTURE"
    with pytest.raises(OutOfRange) as caught:
        feed.check_epoch(str(uuid4()))
    assert caught.value.metadata == {"epoch": str(feed.epoch)}


class StoppedClock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()


class Deleter:
    """The part of a launcher that retention uses, over a feed."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        # How many are deleted before another manager leads.
        self.leads_for = math.inf

    def leads(self) -> bool:
        self.leads_for -= 1
        return self.leads_for >= 0

    async def delete(self, key: WorkloadKey) -> None:
        if key.id == "stuck":
            raise NotFound("RESOURCE_NOT_FOUND", "gone")
        self.feed.hear(Observation(self.feed.get(key)[0], is_deleted=True))


async def test_ended_workloads_are_kept_for_their_time():
    feed, clock = Feed(), StoppedClock()
    retention = Retention(feed, Deleter(feed), default_ttl_s=100, clock=clock)
    hour = WorkloadSpec(("-V",), ttl_s=3600)
    ended = {"state": WorkloadState.SUCCEEDED, "end_time": clock.time}
    feed.hear(Observation(workload(key("stuck"), **ended)))
    feed.hear(Observation(workload(key("default"), **ended)))
    feed.hear(Observation(workload(key("hour"), spec=hour, **ended)))
    feed.hear(Observation(workload(key("running"))))

    async def left_after(seconds: float) -> set[str]:
        clock.time += timedelta(seconds=seconds)
        await retention.sweep()
        return {w.key.id for w in feed.all()} - {"stuck"}

    assert await left_after(99) == {"default", "hour", "running"}
    assert await left_after(1) == {"hour", "running"}
    assert await left_after(3500) == {"running"}


async def test_a_manager_that_leads_no_more_deletes_no_more():
    feed, clock = Feed(), StoppedClock()
    deleter = Deleter(feed)
    retention = Retention(feed, deleter, default_ttl_s=100, clock=clock)
    ended = {"state": WorkloadState.SUCCEEDED, "end_time": clock.time}
    for name in ("a", "b", "c"):
        feed.hear(Observation(workload(key(name), **ended)))
    clock.time += timedelta(seconds=200)
    deleter.leads_for = 1
    await retention.sweep()
    assert {w.key.id for w in feed.all()} == {"b", "c"}
    await retention.sweep()
    assert {w.key.id for w in feed.all()} == {"b", "c"}
    deleter.leads_for = math.inf
    await retention.sweep()
    assert not list(feed.all())
