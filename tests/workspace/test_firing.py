"""Schedules that fire: once for each time, whoever looks, however late, and whatever dies."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from meshkit.errors import MeshError
from tests.forks import forks
from tests.workspace.harness import ADMIN, policy
from tests.workspace.replicas import die, replica
from tests.workspace.scheduling import (
    ALL,
    ALLOW,
    BUFFER_ONE,
    DEMO,
    LATEST,
    NIGHTLY,
    Plan,
    SetClock,
    outcome,
    planned,
)
from weftapi.workspace.v1 import (
    run_types_pb2,
    schedule_types_pb2,
    schedules_pb2,
    snapshots_pb2,
)
from workspace.operations.schedule_log import KEPT
from workspace.scheduler import Scheduler

FINISHED = schedule_types_pb2.SCHEDULE_STATE_FINISHED
STARTED, MISSED = ("STARTED", ""), ("SKIPPED", "MISSED")
HELD, WAITS = ("SKIPPED", "OVERLAP"), ("BUFFERED", "OVERLAP")
HOUR = timedelta(hours=1)


@pytest.fixture
async def plan(tmp_path: Path, database_url: str) -> AsyncIterator[Plan]:
    async with planned(tmp_path, database_url) as made:
        yield made


def stamp(time: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(time)
    return message


async def test_a_time_makes_a_run_that_is_launched(plan: Plan) -> None:
    made = await plan.create(parameters={"rows": 3}, cache_disabled=True)
    assert await plan.wait(minutes=59) == 0
    assert await plan.wait(minutes=1) == 1
    assert await plan.look() == 0
    (run,) = await plan.runs()
    assert run.name == f"{DEMO}/runs/sched-{made.uid.replace('-', '')[-8:]}-{plan.now:%s}"
    assert (run.started_by, run.creator, run.cache_disabled) == (NIGHTLY, ADMIN, True)
    assert run.trigger == run_types_pb2.RUN_TRIGGER_SCHEDULE
    assert dict(run.parameters) == {"rows": 3}
    assert run.workload
    after = await plan.get()
    assert (after.run_count, after.last_run) == (1, run.name)
    assert after.next_run_time.ToDatetime(UTC) == plan.now + HOUR
    assert after.last_fire_time.ToDatetime(UTC) == plan.now
    assert await plan.firings() == [STARTED]


async def test_a_schedule_of_a_template_runs_what_is_published_by_then(plan: Plan) -> None:
    publish, snapshots = snapshots_pb2.PublishSnapshotRequest, plan.ws.snapshots()
    await snapshots.PublishSnapshot(publish(name=plan.snapshot, template="nightly"))
    made = await plan.create(snapshot="", template="nightly", overlap=ALLOW)
    assert (made.snapshot, made.template) == ("", "nightly")
    await plan.wait(hours=1)
    newer = (await plan.ws.create_snapshot()).name
    await snapshots.PublishSnapshot(publish(name=newer, template="nightly", move=True))
    await plan.wait(hours=1)
    asked = schedules_pb2.TriggerScheduleRequest(name=NIGHTLY)
    now = await plan.ws.schedules().TriggerSchedule(asked)
    assert [run.snapshot for run in await plan.runs()] == [plan.snapshot, newer, newer]
    assert now.snapshot == newer
    # The rights are those to what is published by then.
    policies = plan.ws.workspace.policies
    refusals: list[str] = []
    refuse = policies.refusal

    def watched(subject: str, permission: str, resource: str) -> MeshError | None:
        refusals.append(resource)
        return refuse(subject, permission, resource)

    plan.scheduler = Scheduler(
        plan.ws.workspace.database, watched, clock=plan.ws.clock, wake=lambda: None
    )
    await plan.wait(hours=1)
    assert refusals == [newer]


async def test_what_nobody_saw_pass_is_not_made_up_for(plan: Plan) -> None:
    await plan.create(overlap=ALLOW)
    await plan.wait(hours=5, minutes=30)
    assert await plan.runs() == []
    request = schedules_pb2.ListScheduleFiringsRequest(parent=NIGHTLY)
    (firing,) = (await plan.ws.schedules().ListScheduleFirings(request)).firings
    assert (outcome(firing.outcome), firing.reason) == MISSED
    missed = firing.until_time.ToDatetime() - firing.fire_time.ToDatetime()
    assert missed == 4 * HOUR
    # A little late is not missed.
    await plan.wait(minutes=33)
    assert await plan.firings() == [MISSED, STARTED]


async def test_the_latest_of_them_fires_where_it_should(plan: Plan) -> None:
    await plan.create(overlap=ALLOW, catch_up=LATEST)
    await plan.wait(hours=5, minutes=30)
    assert await plan.firings() == [MISSED, STARTED]
    (run,) = await plan.runs()
    assert run.name.endswith(f"-{plan.now - timedelta(minutes=30):%s}")


async def test_all_of_them_fire_within_the_bound(plan: Plan) -> None:
    await plan.create(overlap=ALLOW, catch_up=ALL, catch_up_limit=3)
    await plan.wait(hours=2)
    assert await plan.firings() == [STARTED] * 2
    await plan.wait(days=60)
    assert await plan.firings() == [STARTED] * 2 + [MISSED] + [STARTED] * 3
    assert len({run.name for run in await plan.runs()}) == 5
    assert (await plan.get()).next_run_time.ToDatetime(UTC) == plan.now + HOUR


async def test_a_run_that_goes_on_holds_the_next_off(plan: Plan) -> None:
    await plan.create()
    await plan.wait(hours=1)
    await plan.wait(hours=1)
    assert await plan.firings() == [STARTED, HELD]
    (run,) = await plan.runs()
    assert run.name.rpartition("/")[2] in (await plan.get()).last_message
    await plan.end(run.name)
    await plan.wait(hours=1)
    assert await plan.firings() == [STARTED, HELD, STARTED]


async def test_one_time_waits_for_a_run_to_end(plan: Plan) -> None:
    await plan.create(overlap=BUFFER_ONE)
    for _ in range(3):
        await plan.wait(hours=1)
    assert await plan.firings() == [STARTED, WAITS, HELD]
    (first,) = await plan.runs()
    waited_for = plan.now - HOUR
    await plan.end(first.name)
    assert await plan.wait(minutes=10) == 1
    assert await plan.firings() == [STARTED, WAITS, HELD, STARTED]
    _, second = await plan.runs()
    assert second.name.endswith(f"-{waited_for:%s}")
    assert await plan.look() == 0


async def test_runs_beside_each_other_where_that_is_allowed(plan: Plan) -> None:
    await plan.create(overlap=ALLOW)
    for _ in range(3):
        await plan.wait(hours=1)
    assert len(await plan.runs()) == 3


async def test_a_schedule_ends(plan: Plan) -> None:
    end = stamp(plan.now + timedelta(hours=2, minutes=30))
    await plan.create("counted", max_runs=2, overlap=ALLOW, catch_up=ALL)
    await plan.create("until", end_time=end, overlap=ALLOW)
    await plan.create("once", run_at=stamp(plan.now + HOUR))
    await plan.create("from", start_time=stamp(plan.now + 3 * HOUR), overlap=ALLOW)
    for _ in range(5):
        await plan.wait(hours=1)
    made = Counter(run.started_by.rpartition("/")[2] for run in await plan.runs())
    assert made == {"counted": 2, "until": 2, "once": 1, "from": 3}
    for name in ("counted", "until", "once"):
        over = await plan.get(f"{DEMO}/schedules/{name}")
        assert (over.state, over.HasField("next_run_time")) == (FINISHED, False)
    # More than it may make, all at once.
    await plan.create("burst", max_runs=2, overlap=ALLOW, catch_up=ALL)
    await plan.wait(hours=9)
    assert (await plan.get(f"{DEMO}/schedules/burst")).run_count == 2


async def test_who_may_not_run_it_any_more_makes_nothing(plan: Plan) -> None:
    await plan.create()
    nobody = policy(revision=2)
    kept = [grant for grant in nobody.grants if grant.subject != ADMIN]
    del nobody.grants[:]
    nobody.grants.extend(kept)
    plan.ws.apply_policy(nobody)
    await plan.wait(hours=1)
    plan.ws.apply_policy(policy(revision=3))
    assert await plan.firings() == [("FAILED", "NOT_PERMITTED")]
    assert await plan.runs() == []
    assert "permission" in (await plan.get()).last_message
    # Nor does anybody while nobody knows what counts; and then it goes on.
    await plan.wait(days=3, linked=False)
    plan.ws.apply_policy(policy(revision=4))
    assert (await plan.firings())[-1] == ("FAILED", "POLICY_EXPIRED")
    await plan.wait(hours=1)
    assert (await plan.firings("outcome = STARTED")) == [STARTED]


async def test_a_run_that_cannot_be_made_is_told_and_the_next_is_tried(plan: Plan) -> None:
    made = await plan.create(overlap=ALLOW)
    taken = f"sched-{made.uid.replace('-', '')[-8:]}-{plan.now + HOUR:%s}"
    await plan.ws.create_run(run_id=taken)
    await plan.wait(hours=1)
    await plan.wait(hours=1)
    assert await plan.firings() == [("FAILED", "RESOURCE_EXISTS"), STARTED]


async def test_what_became_of_times_is_forgotten_after_a_while(plan: Plan) -> None:
    await plan.create(overlap=ALLOW)
    await plan.wait(hours=1)
    await plan.wait(hours=1)
    await plan.wait(days=KEPT.days)
    assert await plan.firings() == [STARTED, MISSED, STARTED]
    await plan.wait(hours=1)
    assert await plan.firings() == [MISSED, STARTED, STARTED]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (datetime(2040, 3, 24, tzinfo=UTC), ["24 01:30", "25 01:00", "26 00:30"]),
        (datetime(2040, 10, 27, tzinfo=UTC), ["27 00:30", "28 00:30", "29 01:30"]),
    ],
)
async def test_a_night_in_which_clocks_change(
    day: datetime, expected: list[str], plan: Plan
) -> None:
    """02:30 in Berlin: one night skips it, another shows it twice, and it comes once a day."""
    clock = plan.ws.clock
    assert isinstance(clock, SetClock)
    berlin = {"cron": "30 2 * * *", "time_zone": "Europe/Berlin"}
    await plan.create(**berlin, overlap=ALLOW, start_time=stamp(day))
    clock.go_to(day)
    for _ in range(3 * 24 * 6):
        await plan.wait(minutes=10)
    fired = [int(run.name.rpartition("-")[2]) for run in await plan.runs()]
    assert [f"{datetime.fromtimestamp(at, UTC):%d %H:%M}" for at in fired] == expected


@pytest.mark.parametrize("count", [2, 3])
async def test_replicas_that_look_at_once_make_one_run_each(
    count: int, plan: Plan, database_url: str
) -> None:
    clock = plan.ws.clock
    assert isinstance(clock, SetClock)
    for number in range(3):
        await plan.create(f"every-{number}", overlap=ALLOW)
    async with AsyncExitStack() as stack:
        replicas = [
            await stack.enter_async_context(replica(database_url, clock, f"replica-{number}"))
            for number in range(count)
        ]
        for _ in range(8):
            clock.move(hours=1)
            await asyncio.gather(*(own.look() for own in replicas), plan.look())
    made = Counter(run.started_by for run in await plan.runs())
    assert set(made.values()) == {8}
    for number in range(3):
        assert await plan.firings(name=f"{DEMO}/schedules/every-{number}") == [STARTED] * 8


@pytest.mark.fault
async def test_whoever_dies_while_firing_leaves_one_run_for_each_time(
    plan: Plan, database_url: str
) -> None:
    """Twenty-two kills at writes and commits; whoever comes next finds it done, or does it."""
    await plan.create(overlap=ALLOW)
    random, died_early = Random(4), 0
    for turn in range(1, 23):
        plan.ws.clock.move(hours=1)
        # The first turns go through every statement; then come others by the seed.
        point = turn if turn <= 15 else random.randint(1, 15)
        child = forks.Process(target=die, args=(database_url, plan.now, f"child-{turn}", point))
        child.start()
        await asyncio.to_thread(child.join)
        assert child.exitcode == -signal.SIGKILL
        died_early += await plan.look()
        assert len(await plan.runs()) == turn
        assert (await plan.get()).run_count == turn
    assert await plan.firings() == [STARTED] * 22
    # Some died with nothing done, others when all was.
    assert 0 < died_early < 22
