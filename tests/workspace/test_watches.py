"""Watches and lists of events: order, resumption, filters, ends."""

import asyncio
import random
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc

from meshkit.feed import renew_epoch
from tests.workspace.harness import (
    DEMO_EDITOR,
    VIEWER,
    Harness,
    policy,
    refused,
    run_report,
    step_report,
    workspace,
)
from tests.workspace.reading import reading
from weftapi.workspace.v1 import events_pb2, run_types_pb2, runs_pb2
from workspace.encoding import left, messages

WatchRun = runs_pb2.WatchRunRequest
WatchRuns = runs_pb2.WatchRunsRequest
WatchEvents = events_pb2.WatchEventsRequest
ListEvents = events_pb2.ListEventsRequest


async def story(ws: Harness) -> str:
    """A run with two steps, from its creation to its end."""
    run, me = (await ws.create_run()).name, str(uuid4())
    await ws.add_steps(run, "a", "b")
    await ws.report(run, me, run_report(1, "RUNNING"))
    for number, step in enumerate(("a", "b")):
        await ws.report(run, me, step_report(2 * number + 2, step, "RUNNING"))
        await ws.report(run, me, step_report(2 * number + 3, step, "SUCCEEDED"))
    await ws.report(run, me, run_report(6, "SUCCEEDED"))
    return run


async def everything(ws: Harness, **fields: Any) -> list[Any]:
    found: list[Any] = []
    request = ListEvents(parent="projects/demo", page_size=3, **fields)
    while True:
        page = await ws.events().ListEvents(request)
        found += page.events
        request.after_revision = page.revision
        if not page.more:
            return found


async def test_a_run_is_followed_from_its_state_to_its_end(ws: Harness) -> None:
    run, me = (await ws.create_run()).name, str(uuid4())
    await ws.add_steps(run, "a")
    async with reading(ws.runs().WatchRun(WatchRun(name=run, send_initial_state=True))) as reader:
        first = await reader.next()
        assert first.epoch
        assert first.more_in_revision
        await reader.until(lambda response: response.bookmark.initial_complete)
        kinds = [(event.type, event.name) for event in reader.events]
        snapshot = events_pb2.EVENT_TYPE_SNAPSHOT
        assert kinds == [(snapshot, run), (snapshot, f"{run}/steps/a")]
        await ws.report(run, me, run_report(1, "RUNNING"), step_report(2, "a", "RUNNING"))
        await ws.report(run, me, step_report(3, "a", "SUCCEEDED"), run_report(4, "SUCCEEDED"))
        await reader.until(lambda response: response.end_of_stream)
        assert await reader.next() is grpc.aio.EOF
    moves = [
        (event.name.rpartition("/")[2], event.transition.to)
        for event in reader.events
        if event.HasField("transition")
    ]
    short = run.rpartition("/")[2]
    assert sorted(moves) == sorted(
        [(short, "RUNNING"), ("a", "RUNNING"), ("a", "SUCCEEDED"), (short, "SUCCEEDED")]
    )
    order = [(event.revision, event.index) for event in reader.events[2:]]
    assert order == sorted(set(order))


async def test_a_finished_run_says_so_at_once(ws: Harness) -> None:
    run = await story(ws)
    head = (await ws.events().GetFeedInfo(events_pb2.GetFeedInfoRequest())).revision
    async with reading(ws.runs().WatchRun(WatchRun(name=run, after_revision=head))) as reader:
        assert (await reader.metadata())["x-weft-ended"] == "true"
        await reader.until(lambda response: response.end_of_stream)
        assert not reader.events
    state = WatchRun(name=run, send_initial_state=True)
    async with reading(ws.runs().WatchRun(state)) as reader:
        assert "x-weft-ended" not in await reader.metadata()
        await reader.until(lambda response: response.end_of_stream)
        assert len(reader.events) == 3
    async with reading(ws.runs().WatchRun(WatchRun(name=run, after_revision=2))) as reader:
        await reader.until(lambda response: response.end_of_stream)
        assert reader.events[-1].run.state == run_types_pb2.RUN_STATE_SUCCEEDED


async def test_resumed_watches_join_into_the_list_of_events(ws: Harness) -> None:
    for _ in range(3):
        await story(ws)
    listed = await everything(ws)
    assert len(listed) > 30
    # Revision 0 would mean the head: the reader begins behind the first one.
    first, head = listed[0].revision, listed[-1].revision
    later = [event for event in listed if event.revision > first]
    chance = random.Random(7)
    for _ in range(10):
        position = first
        joined: list[Any] = []
        while position < head:
            request = WatchEvents(parent="projects/demo", after_revision=position)
            async with reading(ws.events().WatchEvents(request)) as reader:
                for _ in range(chance.randint(1, 3)):
                    await reader.next()
                    if reader.revision >= head:
                        break
                # What came of a torn revision comes again: the reader knows it by its number.
                joined += [event for event in reader.events if event.revision <= reader.revision]
                position = max(position, reader.revision)
        assert joined == later


async def test_the_list_of_events_waits_for_the_first_one(ws: Harness) -> None:
    info = await ws.events().GetFeedInfo(events_pb2.GetFeedInfoRequest())
    request = ListEvents(parent="projects/demo", after_revision=info.revision)
    assert not (await ws.events().ListEvents(request)).events
    request.wait.seconds = 20
    waiting = asyncio.ensure_future(ws.events().ListEvents(request))
    run = await ws.create_run()
    page = await waiting
    assert run.name in {event.name for event in page.events}
    assert page.revision > info.revision


async def test_events_can_be_chosen_by_kind(ws: Harness) -> None:
    await story(ws)
    only = await everything(ws, resource_types=["weft.dev/Step"])
    assert {event.resource_type for event in only} == {"weft.dev/Step"}
    request = WatchEvents(
        parent="projects/demo", after_revision=1, resource_types=["weft.dev/Pipeline"]
    )
    async with reading(ws.events().WatchEvents(request)) as reader:
        await reader.until(lambda response: response.events)
        assert {event.resource_type for event in reader.events} == {"weft.dev/Pipeline"}


async def test_cursors_outside_of_history_are_refused(ws: Harness) -> None:
    run = (await ws.create_run()).name
    for stub, request in (
        (ws.runs().WatchRun, WatchRun(name=run)),
        (ws.runs().WatchRuns, WatchRuns(parent="projects/demo")),
        (ws.events().WatchEvents, WatchEvents(parent="projects/demo")),
    ):
        request.after_revision = 10_000
        async with refused("OUT_OF_RANGE", "REVISION_IN_FUTURE"):
            await stub(request).read()
        request.after_revision, request.epoch = 1, str(uuid4())
        async with refused("OUT_OF_RANGE", "EPOCH_CHANGED"):
            await stub(request).read()
    ws.workspace.database.feed.compacted(3)
    async with refused("OUT_OF_RANGE", "REVISION_COMPACTED"):
        await ws.runs().WatchRun(WatchRun(name=run, after_revision=1)).read()
    async with refused("OUT_OF_RANGE", "REVISION_COMPACTED"):
        await ws.events().ListEvents(ListEvents(parent="projects/demo", after_revision=1))


async def test_a_watch_ends_where_its_history_is_replaced(ws: Harness) -> None:
    database = ws.workspace.database
    run = (await ws.create_run()).name
    async with reading(ws.runs().WatchRun(WatchRun(name=run))) as reader:
        await reader.next()
        await database.write(
            lambda session: renew_epoch(session.connection(), database.tables) and None
        )
        async with refused("OUT_OF_RANGE", "EPOCH_CHANGED"):
            await database.feed.catch_up()
            await reader.next()


async def test_everybody_who_watches_the_same_gets_the_same(ws: Harness) -> None:
    run, other, me = (await ws.create_run()).name, (await ws.create_run()).name, str(uuid4())
    await ws.add_steps(run, "a")
    async with AsyncExitStack() as stack:
        readers = [
            await stack.enter_async_context(reading(call))
            for call in (
                *(ws.runs().WatchRun(WatchRun(name=run)) for _ in range(3)),
                *(ws.events().WatchEvents(WatchEvents(parent="projects/demo")) for _ in range(2)),
                ws.runs().WatchRun(WatchRun(name=other)),
            )
        ]
        await asyncio.gather(*(reader.next() for reader in readers))
        await ws.report(other, me, run_report(1, "RUNNING"))
        await ws.report(run, me, run_report(1, "RUNNING"), step_report(2, "a", "RUNNING"))
        await ws.report(run, me, step_report(3, "a", "SUCCEEDED"), run_report(4, "SUCCEEDED"))
        await ws.report(other, me, run_report(2, "SUCCEEDED"))
        for reader in (*readers[:3], readers[5]):
            await reader.until(lambda response: response.end_of_stream)
        head = ws.workspace.database.feed.head
        for reader in readers[3:5]:
            await reader.until(lambda response: response.revision == head)
    listed = [event for event in await everything(ws) if event.revision > readers[3].first]
    of_run = [event for event in listed if event.name.startswith(run)]
    assert [reader.events for reader in readers[:3]] == [of_run] * 3
    assert [reader.events for reader in readers[3:5]] == [listed] * 2
    assert readers[5].events == [event for event in listed if event.name.startswith(other)]


async def test_a_display_may_ask_for_the_newest_only(ws: Harness) -> None:
    first = (await ws.create_run()).name
    head = ws.workspace.database.feed.head
    run, other = await story(ws), await story(ws)
    end = ws.workspace.database.feed.head
    calls = (
        ws.runs().WatchRuns(WatchRuns(parent="projects/demo", after_revision=head, conflate=True)),
        ws.runs().WatchRuns(
            WatchRuns(
                parent="projects/demo",
                after_revision=head,
                conflate=True,
                filter="state = SUCCEEDED",
            )
        ),
    )
    for call in calls:
        async with reading(call) as reader:
            await reader.until(lambda response: response.revision == end)
        assert [event.name for event in reader.events] == [run, other]
        states = {event.run.state for event in reader.events}
        assert states == {run_types_pb2.RUN_STATE_SUCCEEDED}
    one = WatchRun(name=run, after_revision=head, conflate=True)
    async with reading(ws.runs().WatchRun(one)) as reader:
        await reader.until(lambda response: response.end_of_stream)
    names = [event.name for event in reader.events]
    assert sorted(names) == [run, f"{run}/steps/a", f"{run}/steps/b"]
    assert names[-1] == run
    assert first not in names


async def test_watching_what_is_not_there(ws: Harness) -> None:
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.runs().WatchRun(WatchRun(name="projects/demo/runs/absent")).read()
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.runs().WatchRuns(WatchRuns(parent="projects/absent")).read()
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.events().WatchEvents(WatchEvents(parent="projects/absent")).read()
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.events().ListEvents(ListEvents(parent="projects/absent"))


async def test_a_run_that_stops_matching_is_sent_once_more(ws: Harness) -> None:
    run, me = (await ws.create_run()).name, str(uuid4())
    request = WatchRuns(parent="projects/demo", send_initial_state=True, filter="state = PENDING")
    async with reading(ws.runs().WatchRuns(request)) as reader:
        await reader.until(lambda response: response.bookmark.initial_complete)
        await ws.report(run, me, run_report(1, "RUNNING"))
        await ws.add_steps(run, "a")
        other = await ws.create_run()
        await reader.until(lambda response: any(e.name == other.name for e in response.events))
    seen = [(event.name, event.matches_filter) for event in reader.events]
    assert seen == [(run, True), (run, False), (other.name, True)]


async def test_a_watch_without_its_beginning_reports_leaving_once(ws: Harness) -> None:
    run, me = (await ws.create_run()).name, str(uuid4())
    request = WatchRuns(parent="projects/demo", filter="state = PENDING")
    async with reading(ws.runs().WatchRuns(request)) as reader:
        await reader.next()
        await ws.report(run, me, run_report(1, "RUNNING"))
        await ws.add_steps(run, "a")
        other = await ws.create_run()
        await reader.until(lambda response: any(e.name == other.name for e in response.events))
    seen = [(event.name, event.matches_filter) for event in reader.events]
    assert seen == [(run, False), (other.name, True)]


async def test_a_watch_across_projects_shows_what_the_reader_may_see(ws: Harness) -> None:
    await ws.create_project("other")
    request = WatchEvents(parent="projects/-")
    async with reading(ws.events(ws.token(DEMO_EDITOR)).WatchEvents(request)) as reader:
        await reader.next()
        await ws.create_run(project="other")
        mine = await ws.create_run()
        await reader.until(lambda response: any(e.name == mine.name for e in response.events))
    assert {event.project for event in reader.events} == {"projects/demo"}


async def test_a_reader_who_loses_the_right_is_cut_off(ws: Harness) -> None:
    request = WatchEvents(parent="projects/demo")
    call = ws.events(ws.token(VIEWER)).WatchEvents(request)
    async with reading(call) as reader:
        await reader.next()
        changed = policy(revision=2)
        del changed.grants[:]
        ws.apply_policy(changed)
        async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
            while True:
                await reader.next()


async def test_an_idle_watch_says_how_far_it_has_come(tmp_path: Path, database_url: str) -> None:
    async with workspace(tmp_path, database_url, bookmark_s=0.05) as ws:
        await ws.create_project()
        await ws.create_project("other")
        async with reading(ws.events().WatchEvents(WatchEvents(parent="projects/other"))) as reader:
            at_once = await reader.next()
            await ws.create_run()
            later = await reader.until(
                lambda r: r.HasField("bookmark") and r.revision > at_once.revision
            )
            # It moved on past what does not concern it, and sent nothing of that.
            assert not reader.events
            assert later.revision == ws.workspace.database.feed.head


async def test_a_draining_server_asks_watches_to_come_back(
    tmp_path: Path, database_url: str
) -> None:
    async with workspace(tmp_path, database_url) as ws:
        await ws.create_project()
        async with (
            reading(ws.events().WatchEvents(WatchEvents(parent="projects/demo"))) as events,
            reading(ws.runs().WatchRuns(WatchRuns(parent="projects/demo"))) as runs,
        ):
            for reader in (events, runs):
                await reader.next()
            stopping = asyncio.ensure_future(ws.workspace.stop())
            for reader in (events, runs):
                last = await reader.until(lambda response: response.HasField("notice"))
                assert last.notice.reconnect
                assert last.notice.reason == "draining"
                assert not last.end_of_stream
            await stopping


async def test_a_large_resource_is_left_out_and_said_to_be(ws: Harness) -> None:
    big = {f"parameter{number}": "x" * 1000 for number in range(80)}
    run = await ws.create_run(parameters=big)
    (event,) = [e for e in await everything(ws) if e.name == run.name]
    assert event.truncated
    assert not event.HasField("run")


def test_messages_are_cut_by_count_and_by_size_and_torn_revisions_are_marked() -> None:
    event = events_pb2.Event(name="n", matches_filter=True).SerializeToString()
    parsed = [
        events_pb2.WatchResponse.FromString(message)
        for message in messages([(1, event)] * 600 + [(2, event)] * 600, revision=5)
    ]
    assert [len(message.events) for message in parsed] == [512, 512, 176]
    assert [(m.revision, m.more_in_revision) for m in parsed] == [(1, True), (2, True), (5, False)]
    large = events_pb2.Event(name="n" * 60_000).SerializeToString()
    sizes = [len(m) for m in messages([(number, large) for number in range(20)], revision=20)]
    assert max(sizes) <= 256 * 1024 + 64
    assert not events_pb2.Event.FromString(left(event)).matches_filter
