"""Statistics of days: what they count, who reads them, and that they are what happened."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from meshkit.database import Database
from meshkit.errors import MeshError
from meshkit.migrations import migrate
from tests.cases import on_one_server
from tests.templates import WORKSPACE
from tests.workspace.harness import (
    DEMO_EDITOR,
    STRANGER,
    Harness,
    refused,
    run_report,
    step_report,
)
from weftapi.workspace.v1 import run_types_pb2, runs_pb2, statistics_pb2
from workspace.backup.checks import check
from workspace.database import open_database
from workspace.encoding import EventEncoder
from workspace.lifecycle import RunState, StepState
from workspace.operations import projects, reports, runs, steps
from workspace.operations.reports import Report, RunReport, StepReport
from workspace.shown import SHOWN
from workspace.store import runs as run_store
from workspace.store import steps as step_store
from workspace.store.base import metadata
from workspace.tally import day_number, day_of
from workspace.upgrade import MIGRATIONS

DAY = datetime(2026, 7, 30, 23, 59, 50, tzinfo=UTC)
DEMO, TRAIN = "projects/demo", "projects/demo/pipelines/train"


async def tell(ws: Harness, run: run_types_pb2.Run, *told: Any) -> None:
    """Reports of a run, ten seconds apart, from shortly before midnight on."""
    for place, report in enumerate(told):
        report.sequence = place + 1
        report.time.FromDatetime(DAY + place * timedelta(seconds=10))
    answer = await ws.report(run.name, str(uuid4()), *told)
    assert not [result for result in answer.results if result.error.code]


async def a_night(ws: Harness) -> run_types_pb2.Run:
    """A run that begins before midnight and fails after it."""
    run = await ws.create_run()
    await ws.add_steps(run.name, "load", "fit", "test", "late")
    await tell(
        ws,
        run,
        run_report(0, "RUNNING"),
        step_report(0, "load", "CACHED"),
        step_report(0, "fit", "RUNNING"),
        step_report(0, "fit", "RETRYING"),
        step_report(0, "fit", "RUNNING", attempt=2),
        step_report(0, "fit", "SUCCEEDED", attempt=2),
        step_report(0, "test", "RUNNING"),
        step_report(0, "test", "FAILED"),
        run_report(0, "FAILED"),
    )
    return run


async def read(ws: Harness, token: str | None = None, **fields: Any) -> statistics_pb2.Statistics:
    asked = {"parent": DEMO, "start_day": "2026-07-01", "end_day": "2026-07-31", **fields}
    return await ws.statistics(token).GetStatistics(statistics_pb2.GetStatisticsRequest(**asked))


async def days(ws: Harness, **fields: Any) -> statistics_pb2.ListDailyStatisticsResponse:
    asked = {"parent": DEMO, "start_day": "2026-07-01", "end_day": "2026-07-31", **fields}
    request = statistics_pb2.ListDailyStatisticsRequest(**asked)
    return await ws.statistics().ListDailyStatistics(request)


NIGHT = {
    "started_run_count": 1,
    "failed_run_count": 1,
    "run_seconds": 80,
    "cached_step_count": 1,
    "succeeded_step_count": 1,
    "failed_step_count": 1,
    "skipped_step_count": 1,
    "step_seconds": 40,
    "retry_count": 1,
}


async def test_everything_counts_on_the_day_on_which_it_happened(ws: Harness) -> None:
    await a_night(ws)
    assert await read(ws) == statistics_pb2.Statistics(**NIGHT)
    listed = await days(ws)
    assert [day.day for day in listed.daily_statistics] == ["2026-07-31", "2026-07-30"]
    morning, evening = (day.statistics for day in listed.daily_statistics)
    assert evening == statistics_pb2.Statistics(started_run_count=1)
    assert morning == statistics_pb2.Statistics(**NIGHT | {"started_run_count": 0})
    today = await read(ws, start_day="", end_day="")
    assert today == statistics_pb2.Statistics(created_run_count=1)
    assert await check(ws.workspace.settings.database) == []


async def test_a_pipeline_has_statistics_of_its_own_and_projects_add_up(ws: Harness) -> None:
    await ws.create_project("other")
    await a_night(ws)
    other = await ws.create_run(project="other")
    await tell(ws, other, run_report(0, "RUNNING"), run_report(0, "SUCCEEDED"))
    await ws.runs().CreateRun(
        runs_pb2.CreateRunRequest(
            parent=DEMO, run=run_types_pb2.Run(pipeline="projects/demo/pipelines/score")
        )
    )
    assert await read(ws, pipeline=TRAIN) == statistics_pb2.Statistics(**NIGHT)
    assert (await read(ws, pipeline=f"{DEMO}/pipelines/never")).ByteSize() == 0
    everywhere = await read(ws, parent="projects/-")
    assert (everywhere.failed_run_count, everywhere.succeeded_run_count) == (1, 1)
    in_demo = await read(ws, ws.token(DEMO_EDITOR), parent="projects/-")
    assert (in_demo.failed_run_count, in_demo.succeeded_run_count) == (1, 0)


async def test_what_happened_stays_when_its_run_is_deleted(ws: Harness) -> None:
    run = await a_night(ws)
    await a_night(ws)
    before = await days(ws)
    await ws.runs().DeleteRun(runs_pb2.DeleteRunRequest(name=run.name))
    assert await days(ws) == before
    assert await check(ws.workspace.settings.database) == []


async def test_steps_that_a_retry_takes_over_count_as_cached(ws: Harness) -> None:
    snapshot = await ws.create_snapshot()
    run = await ws.create_run(snapshot=snapshot.name)
    await tell(ws, run, run_report(0, "RUNNING"), step_report(0, "load", "RUNNING"))
    old = await ws.workspace.database.read(run_store.get, "demo", run.name.rpartition("/")[2])
    assert old
    [load, *_] = await ws.workspace.database.read(step_store.of_run, old.uid)
    again = runs.NewRun(
        "demo", "", "users/x", snapshot=snapshot.name.rpartition("/")[2], reused=[load]
    )
    await ws.workspace.database.write_grouped(runs.create, again)
    assert await read(ws, start_day="", end_day="") == statistics_pb2.Statistics(
        created_run_count=2, cached_step_count=1
    )
    assert await check(ws.workspace.settings.database) == []


async def test_days_come_in_pages(ws: Harness) -> None:
    await a_night(ws)
    first = await days(ws, page_size=1)
    assert [day.day for day in first.daily_statistics] == ["2026-07-31"]
    second = await days(ws, page_size=1, page_token=first.next_page_token)
    assert [day.day for day in second.daily_statistics] == ["2026-07-30"]
    assert second.next_page_token == ""
    async with refused("INVALID_ARGUMENT", "INVALID_PAGE_TOKEN"):
        await days(ws, page_size=1, page_token=first.next_page_token, end_day="2026-08-01")


@on_one_server(
    ("fields", "code", "reason"),
    [
        ({"end_day": "2026-02-30"}, "INVALID_ARGUMENT", "INVALID_FIELDS"),
        ({"end_day": "0000-01-01"}, "INVALID_ARGUMENT", "INVALID_FIELDS"),
        ({"start_day": "yesterday"}, "INVALID_ARGUMENT", "INVALID_FIELDS"),
        ({"start_day": "2026-08-01"}, "INVALID_ARGUMENT", "INVALID_FIELDS"),
        ({"parent": "projects/never"}, "NOT_FOUND", "RESOURCE_NOT_FOUND"),
        ({"pipeline": "projects/other/pipelines/p"}, "NOT_FOUND", "RESOURCE_NOT_FOUND"),
        ({"parent": "projects/-", "pipeline": TRAIN}, "NOT_FOUND", "RESOURCE_NOT_FOUND"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    ws: Harness, fields: dict[str, str], code: str, reason: str
) -> None:
    async with refused(code, reason):
        await read(ws, **fields)
    async with refused(code, reason):
        await days(ws, **fields)


async def test_statistics_are_for_members(ws: Harness) -> None:
    for parent in (DEMO, "projects/-"):
        async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
            await read(ws, ws.token(STRANGER), parent=parent)


async def test_what_reporters_say_of_times_cannot_break_the_sums(ws: Harness) -> None:
    run = await ws.create_run()
    first, last = run_report(1, "RUNNING"), run_report(2, "SUCCEEDED")
    first.time.FromDatetime(datetime(1, 1, 1, tzinfo=UTC))
    last.time.FromDatetime(datetime.max.replace(tzinfo=UTC))
    await ws.report(run.name, str(uuid4()), first, last)
    ended = await read(ws, start_day="9999-12-31", end_day="9999-12-31")
    assert ended == statistics_pb2.Statistics(
        succeeded_run_count=1, run_seconds=round(timedelta(days=3660).total_seconds())
    )
    assert (await read(ws, start_day="0001-01-01", end_day="0001-01-01")).started_run_count == 1
    assert (await ws.runs().GetRun(runs_pb2.GetRunRequest(name=run.name))).start_time == first.time
    assert await check(ws.workspace.settings.database) == []


@given(st.dates())
def test_days_are_numbered_and_back(day: Any) -> None:
    assert day_of(day_number(day)) == day


times = st.sampled_from([None, DAY, DAY + timedelta(seconds=30), DAY - timedelta(days=3)])
said_of_steps = st.builds(
    StepReport,
    step_id=st.sampled_from("ab"),
    attempt=st.integers(0, 3),
    state=st.sampled_from(StepState),
)
said = st.one_of(said_of_steps, said_of_steps, st.builds(RunReport, st.sampled_from(RunState)))
told = st.builds(Report, st.integers(1, 12), said, times)
histories = st.lists(
    st.tuples(st.sampled_from(["tell", "tell", "tell", "stop", "delete"]), st.integers(0, 2), told),
    max_size=30,
)


@contextmanager
def database(folder: Path) -> Iterator[tuple[asyncio.AbstractEventLoop, Database, str]]:
    loop, url = asyncio.new_event_loop(), f"sqlite:///{folder / 'test.db'}"

    async def opened() -> Database:
        WORKSPACE.fill(url)
        await migrate(url, MIGRATIONS, metadata)
        return await open_database(url, EventEncoder(SHOWN))

    made = loop.run_until_complete(opened())
    try:
        yield loop, made, url
    finally:
        loop.run_until_complete(made.close())
        loop.close()


async def play(database: Database, history: list[Any]) -> None:
    """Three runs of a project of their own; what may not happen is refused, and changes nothing."""
    project, reporter = f"p-{uuid4()}", uuid4()
    await database.write(
        projects.create,
        project,
        display_name="",
        description="",
        labels={},
        max_concurrent_runs=0,
        creator="users/x",
    )
    new = [steps.NewStep(step, []) for step in "ab"]
    for place in range(3):
        run = runs.NewRun(project, f"r{place}", "users/x", pipeline=f"p{place % 2}")
        await database.write_grouped(runs.create, run)
        await database.write_grouped(steps.add, steps.NewSteps(project, f"r{place}", new))
    for what, place, report in history:
        run_id = f"r{place}"
        try:
            if what == "tell":
                batch = reports.Batch(project, run_id, reporter, [report])
                await database.write_grouped(reports.apply, batch)
            elif what == "stop":
                stop = {"mode": "FORCE", "reason": "", "etag": "", "requester": "users/x"}
                await database.write(runs.stop, project, run_id, **stop)
            else:
                await database.write(runs.delete, project, run_id, etag="")
        except MeshError:
            continue


def test_statistics_are_what_happened_whatever_happens(tmp_path: Path) -> None:
    with database(tmp_path) as (loop, opened, url):

        @settings(max_examples=60, deadline=None)
        @given(histories)
        def any_history(history: list[Any]) -> None:
            loop.run_until_complete(play(opened, history))
            assert loop.run_until_complete(check(url)) == []

        any_history()
