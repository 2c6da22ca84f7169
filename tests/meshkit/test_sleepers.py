"""Sleepers: woken by what concerns them, and never behind what does not."""

import asyncio
from collections.abc import Iterator, Sequence
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshkit.feed import Head, StoredEvent
from meshkit.sleepers import Sleeper, Sleepers
from meshkit.streams import Ending
from tests.meshkit.published import new_feed, publish

PATIENT = 3600.0


def keys_of(event: StoredEvent) -> Iterator[str]:
    yield event.name
    yield "any"


def asleep(
    sleepers: Sleepers, keys: Sequence[str], position: int = 0
) -> tuple[Sleeper, asyncio.Future[int]]:
    sleeper = Sleeper(sleepers, keys)
    return sleeper, sleeper.sleep(position)


@given(
    wanted=st.lists(st.sets(st.sampled_from("abcd"), min_size=1), min_size=1, max_size=5),
    history=st.lists(st.lists(st.sampled_from("abcdxyz"), min_size=1, max_size=3), max_size=12),
)
def test_whoever_sleeps_is_woken_by_the_first_news_for_them(
    wanted: list[set[str]], history: list[list[str]]
) -> None:
    async def live() -> None:
        feed, _ = new_feed()
        sleepers = Sleepers(feed, keys_of, patience_s=PATIENT)
        waiting = [asleep(sleepers, sorted(keys)) for keys in wanted]
        for names in history:
            publish(feed, *names)
        for keys, (sleeper, sleep) in zip(wanted, waiting, strict=True):
            concerned = [n for n, names in enumerate(history, 1) if keys & set(names)]
            sleeper.rouse()
            assert await sleep == (concerned[0] - 1 if concerned else len(history))
        assert len(sleepers) == 0

    asyncio.run(live())


async def test_nobody_sleeps_while_there_is_something_to_read() -> None:
    feed, _ = new_feed()
    sleepers = Sleepers(feed, keys_of, patience_s=PATIENT)
    publish(feed, "a")
    assert await Sleeper(sleepers, ["b"]).sleep(0) == 0


async def test_patience_ends_in_the_order_of_sleeping_with_all_that_was_not_for_them() -> None:
    feed, _ = new_feed()
    sleepers = Sleepers(feed, keys_of, patience_s=0.01)
    woken: list[str] = []
    first, second = [asleep(sleepers, [key]) for key in "ab"]
    for (_, sleep), name in ((first, "first"), (second, "second")):
        sleep.add_done_callback(lambda _, name=name: woken.append(name))
    publish(feed, "x")
    assert await asyncio.gather(first[1], second[1]) == [1, 1]
    assert woken == ["first", "second"]
    # And whoever sleeps again is woken again.
    assert await Sleeper(sleepers, ["a"]).sleep(1) == 1


async def test_another_history_wakes_everybody_where_they_were() -> None:
    feed, heads = new_feed()
    sleepers = Sleepers(feed, keys_of, patience_s=PATIENT)
    publish(feed, "x")
    _, sleep = asleep(sleepers, ["a"], position=1)
    publish(feed, "x")
    heads.append(Head(7, 7, UUID(int=2)))
    await feed.catch_up()
    assert await sleep == 1


async def test_whoever_gives_up_is_forgotten() -> None:
    feed, _ = new_feed()
    sleepers = Sleepers(feed, keys_of, patience_s=PATIENT)
    sleeper, sleep = asleep(sleepers, ["a", "b"])
    publish(feed, "a")
    sleep.cancel()
    sleeper.rouse()
    sleeper.rouse()
    assert len(sleepers) == 0
    publish(feed, "a", "b")
    await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await sleep


async def test_a_thousand_are_woken_a_few_at_a_time() -> None:
    feed, _ = new_feed()
    sleepers = Sleepers(feed, keys_of, patience_s=PATIENT)
    sleeps = [asleep(sleepers, ["a"])[1] for _ in range(1000)]
    publish(feed, "a")
    counts = []
    while len(sleepers):
        await asyncio.sleep(0)
        counts.append(sum(sleep.done() for sleep in sleeps))
    # In their order, and with turns for others between.
    assert len(counts) > 5
    for count in counts:
        assert all(sleep.done() for sleep in sleeps[:count])
    # What comes meanwhile changes nothing of where the news begin.
    assert set(await asyncio.gather(*sleeps)) == {0}


async def test_patience_that_ends_before_the_waking_skips_no_news() -> None:
    feed, _ = new_feed()
    sleepers = Sleepers(feed, keys_of, patience_s=PATIENT)
    sleeper, sleep = asleep(sleepers, ["a"])
    publish(feed, "x")
    publish(feed, "a")
    publish(feed, "x")
    sleeper.rouse()
    assert await sleep == 1


async def test_an_ending_calls_and_wakes_once_it_is_set() -> None:
    ending, called = Ending(), []
    ending.then(lambda: called.append("then"))
    waiting = asyncio.create_task(ending.wait())
    leaving = asyncio.create_task(ending.wait())
    await asyncio.sleep(0)
    leaving.cancel()
    assert not ending.is_set()
    assert not called
    ending.set()
    ending.set()
    assert await waiting
    assert await ending.wait()
    ending.then(lambda: called.append("late"))
    assert called == ["then", "late"]
