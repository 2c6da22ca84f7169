"""Whatever reports come, in whatever order and how often: what never happens."""

import asyncio
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshkit.database import Database
from meshkit.feed import StoredEvent
from meshkit.migrations import migrate
from weftapi.workspace.v1 import run_types_pb2
from workspace.database import open_database
from workspace.encoding import EventEncoder, decode
from workspace.lifecycle import (
    RUN_EDGES,
    RUN_TERMINAL,
    STEP_EDGES,
    STEP_TERMINAL,
    RunState,
    StepState,
)
from workspace.operations import projects, reports, runs, steps
from workspace.operations.reports import Report, RunReport, StepReport
from workspace.shown import SHOWN
from workspace.store import runs as run_store
from workspace.store import steps as step_store
from workspace.store.base import metadata
from workspace.upgrade import MIGRATIONS

STEPS = ("a", "b", "c")

run_reports = st.builds(RunReport, st.sampled_from(RunState))
step_reports = st.builds(
    StepReport,
    step_id=st.sampled_from(STEPS),
    attempt=st.integers(0, 3),
    state=st.sampled_from(StepState),
    metadata=st.dictionaries(st.sampled_from("xy"), st.integers(0, 3), max_size=2),
)
sequences = st.integers(1, 12)
some_reports = st.lists(
    st.builds(Report, sequences, st.one_of(step_reports, step_reports, run_reports)),
    min_size=1,
    max_size=6,
)


def _reachable(edges: Any) -> dict[Any, set[Any]]:
    """States that lie behind each state, over however many edges."""
    found = {}
    for state in edges:
        seen, waiting = set(), list(edges[state])
        while waiting:
            here = waiting.pop()
            if here not in seen:
                seen.add(here)
                waiting.extend(edges[here])
        found[state] = seen
    return found


BEHIND = {"run": _reachable(RUN_EDGES), "step": _reachable(STEP_EDGES)}


class Story:
    """One run in a database, told by one reporter."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.reporter = uuid4()
        self.run: Any = None
        self.seen: dict[tuple[str, int], tuple[str, str]] = {}

    async def begin(self) -> None:
        new = runs.NewRun("demo", "", "users/x", pipeline="train")
        self.run = await self.database.write_grouped(runs.create, new)
        fresh = [steps.NewStep(step, []) for step in STEPS]
        await self.database.write_grouped(steps.add, steps.NewSteps("demo", self.run.id, fresh))

    async def tell(self, told: list[Report], reporter: UUID | None = None) -> Any:
        batch = reports.Batch("demo", self.run.id, reporter or self.reporter, told)
        return await self.database.write_grouped(reports.apply, batch)

    async def state(self) -> tuple[Any, list[Any]]:
        run = await self.database.read(run_store.get, "demo", self.run.id)
        assert run
        return run, await self.database.read(step_store.of_run, run.uid)

    async def visible(self) -> Any:
        """The state without the marks that only tell reports apart."""
        run, now = await self.state()
        return run.revision, [replace(step, last_sequence=0) for step in now]

    async def check(self, before: Any) -> None:
        """The invariants, between one state and the next."""
        (old_run, old_steps), (run, now) = before, await self.state()
        if old_run.state in RUN_TERMINAL:
            assert (run.state, run.end_time, run.changes) == (
                old_run.state,
                old_run.end_time,
                old_run.changes,
            )
        if run.state in RUN_TERMINAL:
            assert all(step.state in STEP_TERMINAL for step in now)
            assert run.end_time
        assert Counter(step.state for step in now) == Counter(run.step_counts)
        assert run.acked_sequence >= old_run.acked_sequence
        for old, new in zip(old_steps, now, strict=True):
            if old.state in STEP_TERMINAL:
                assert (new.state, new.metadata) == (old.state, old.metadata)
            assert new.last_sequence >= old.last_sequence
            assert new.attempt_count >= old.attempt_count

    async def check_events(self) -> None:
        """Every transition in the feed goes along the edges, and none out of an end."""
        events: list[StoredEvent] = await self.database.feed.read(self.run.revision - 1, 10_000)
        own = [e for e in events if e.name.startswith(self.run.name)]
        last: dict[str, str] = {}
        for event in own:
            transition = decode(event.event).transition
            if not transition.to:
                continue
            kind = "step" if "/steps/" in event.name else "run"
            states: Any = StepState if kind == "step" else RunState
            source, target = states(getattr(transition, "from")), states(transition.to)
            assert target in BEHIND[kind][source]
            assert last.get(event.name, source) == source
            last[event.name] = target
        run, now = await self.state()
        for row in (run, *now):
            assert last.get(row.name, row.state) == row.state
        final = [decode(e.event).run.state for e in own if e.name == self.run.name]
        assert final[-1] == run_types_pb2.RunState.Value(f"RUN_STATE_{run.state}")


_loop = asyncio.new_event_loop()
_database: list[Database] = []


async def _open() -> Database:
    if not _database:
        url = f"sqlite:///{Path(tempfile.mkdtemp(prefix='weft-test-')) / 'test.db'}"
        await migrate(url, MIGRATIONS, metadata)
        database = await open_database(url, EventEncoder(SHOWN))
        await database.write(
            projects.create,
            "demo",
            display_name="",
            description="",
            labels={},
            max_concurrent_runs=0,
            creator="users/x",
        )
        _database.append(database)
    return _database[0]


def teardown_module() -> None:
    if _database:
        _loop.run_until_complete(_database.pop().close())
    _loop.close()


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(batches=st.lists(some_reports, min_size=1, max_size=5))
def test_nothing_that_is_reported_breaks_what_is_known(batches: list[list[Report]]) -> None:
    async def play() -> None:
        story = Story(await _open())
        await story.begin()
        for batch in batches:
            before = await story.state()
            applied = await story.tell(batch)
            assert [outcome.sequence for outcome in applied.outcomes] == [
                report.sequence for report in batch
            ]
            await story.check(before)
        await story.check_events()

    _loop.run_until_complete(play())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(told=some_reports)
def test_telling_it_again_changes_nothing(told: list[Report]) -> None:
    async def play() -> None:
        story = Story(await _open())
        await story.begin()
        ordered = [Report(place, report.subject) for place, report in enumerate(told, start=1)]
        first = await story.tell(ordered)
        before = await story.visible()
        again = await story.tell(ordered)
        assert await story.visible() == before
        for one, two in zip(first.outcomes, again.outcomes, strict=True):
            if one.outcome == reports.REJECTED:
                assert two.outcome in (reports.REJECTED, reports.STALE, reports.RECORDED)
            else:
                assert two.outcome in (reports.DUPLICATE, reports.STALE)
        assert again.acked_sequence == len(ordered)

    _loop.run_until_complete(play())


def test_a_story_told_in_order_is_told_the_same_in_any_batches() -> None:
    told = [
        Report(1, RunReport(RunState.RUNNING)),
        Report(2, StepReport("a", 1, StepState.RUNNING)),
        Report(3, StepReport("a", 1, StepState.RETRYING)),
        Report(4, StepReport("a", 2, StepState.RUNNING)),
        Report(5, StepReport("a", 2, StepState.SUCCEEDED)),
        Report(6, StepReport("b", 1, StepState.RUNNING)),
        Report(7, StepReport("b", 1, StepState.FAILED)),
        Report(8, RunReport(RunState.FAILED)),
    ]

    async def play(size: int) -> Any:
        story = Story(await _open())
        await story.begin()
        for start in range(0, len(told), size):
            applied = await story.tell(told[start : start + size])
            assert {outcome.outcome for outcome in applied.outcomes} == {reports.APPLIED}
        await story.check_events()
        run, now = await story.state()
        return run.state, run.step_counts, run.failure, [(s.id, s.state) for s in now]

    assert len({repr(_loop.run_until_complete(play(size))) for size in range(1, 9)}) == 1
