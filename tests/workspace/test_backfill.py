"""Making up for times of schedules that have passed."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.json_format import MessageToDict

from tests.workspace.harness import EDITOR, VIEWER, refused
from tests.workspace.scheduling import DEMO, NIGHTLY, Plan, SetClock, planned
from weftapi.workspace.v1 import schedules_pb2

Backfill = schedules_pb2.BackfillScheduleRequest
DAY = timedelta(days=1)


@pytest.fixture
async def plan(tmp_path: Path, database_url: str) -> AsyncIterator[Plan]:
    async with planned(tmp_path, database_url) as made:
        yield made


async def backfill(
    plan: Plan, start: datetime, end: datetime | None = None, *, token: str | None = None
) -> schedules_pb2.BackfillScheduleResponse:
    request = Backfill(name=NIGHTLY)
    request.start_time.FromDatetime(start)
    if end:
        request.end_time.FromDatetime(end)
    return await plan.ws.schedules(token).BackfillSchedule(request)


def midnight(plan: Plan) -> datetime:
    """The last one."""
    return plan.now.replace(hour=0)


async def test_each_time_of_a_span_gets_the_run_that_it_has_not(plan: Plan) -> None:
    parameters = {"rows": 3}
    made = await plan.create(cron="0 0 * * *", parameters=parameters)
    end = midnight(plan)
    editor = plan.ws.token(EDITOR)
    first = await backfill(plan, end - 2 * DAY, end - DAY, token=editor)
    assert (len(first.runs), first.present_count) == (2, 0)
    assert {run.creator for run in first.runs} == {EDITOR}
    assert {run.started_by for run in first.runs} == {NIGHTLY}
    again = await backfill(plan, end - 3 * DAY, token=editor)
    assert (len(again.runs), again.present_count) == (2, 2)
    ids = [int(run.name.rpartition("-")[2]) for run in (*again.runs, *first.runs)]
    assert sorted(ids) == [int((end - n * DAY).timestamp()) for n in (3, 2, 1, 0)]
    # By itself it goes on as it would have.
    now = await plan.get()
    assert (now.next_run_time, now.last_run, now.run_count) == (made.next_run_time, "", 0)
    listed = await plan.ws.schedules().ListScheduleFirings(
        schedules_pb2.ListScheduleFiringsRequest(parent=NIGHTLY)
    )
    assert {firing.requester for firing in listed.firings} == {EDITOR}
    assert len(listed.firings) == 4


async def test_times_that_it_fires_at_by_itself_are_left_to_it(plan: Plan) -> None:
    await plan.create(every=timedelta(hours=1))
    plan.ws.clock.move(hours=3)
    made = await backfill(plan, plan.now - DAY)
    assert not made.runs
    assert await plan.look() == 1


async def test_parameters_may_be_the_time_of_their_run(tmp_path: Path, database_url: str) -> None:
    clock = SetClock(datetime(2026, 7, 3, 12, tzinfo=UTC))
    async with planned(tmp_path, database_url, clock=clock) as plan:
        wanted = {"title": "{{schedule.time}}", "options": ["{{schedule.date}}"]}
        await plan.create(cron="30 0 * * *", time_zone="Europe/Berlin", parameters=wanted)
        made = await backfill(plan, datetime(2026, 7, 1, 12, tzinfo=UTC))
        found = [MessageToDict(run.parameters) for run in made.runs]
        assert found == [
            {"title": "2026-07-01T22:30:00Z", "options": ["2026-07-02"]},
            {"title": "2026-07-02T22:30:00Z", "options": ["2026-07-03"]},
        ]
        await plan.wait(hours=10, minutes=30)
        (*_, fired) = await plan.runs()
        assert MessageToDict(fired.parameters)["title"] == "2026-07-03T22:30:00Z"
        async with refused("INVALID_ARGUMENT", "INVALID_PARAMETERS"):
            await plan.create("wrong", parameters={"title": "{{schedule.year}}"})


async def test_bad_spans_are_refused_and_make_nothing(plan: Plan) -> None:
    await plan.create(cron="* * * * *")
    now = plan.now
    spans: list[tuple[Any, Any]] = [
        (now - DAY, None),
        (now, now + DAY),
        (now, now - DAY),
        (datetime(1, 1, 1, tzinfo=UTC), now),
        (datetime(9999, 12, 31, tzinfo=UTC), None),
    ]
    for span in spans:
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await backfill(plan, *span)
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await plan.ws.schedules().BackfillSchedule(Backfill(name=NIGHTLY))
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await backfill(plan, now - DAY, token=plan.ws.token(VIEWER))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        absent = Backfill(name=f"{DEMO}/schedules/{uuid4()}")
        absent.start_time.FromDatetime(now)
        await plan.ws.schedules().BackfillSchedule(absent)
    assert (await plan.get()).last_fire_time.seconds == 0
