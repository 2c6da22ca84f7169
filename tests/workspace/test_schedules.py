"""ScheduleService: what people make and change, and who may."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from tests.workspace.harness import DEMO_EDITOR, EDITOR, VIEWER, policy, refused
from tests.workspace.scheduling import ALL, DEMO, NIGHTLY, SKIP, Plan, Schedule, planned
from tests.workspace.stacks import new_stack, new_store
from weftapi.workspace.v1 import (
    events_pb2,
    projects_pb2,
    run_types_pb2,
    schedule_types_pb2,
    schedules_pb2,
    snapshots_pb2,
    stacks_pb2,
    step_settings_pb2,
)

ACTIVE = schedule_types_pb2.SCHEDULE_STATE_ACTIVE
PAUSED = schedule_types_pb2.SCHEDULE_STATE_PAUSED
FINISHED = schedule_types_pb2.SCHEDULE_STATE_FINISHED


@pytest.fixture
async def plan(tmp_path: Path, database_url: str) -> AsyncIterator[Plan]:
    async with planned(tmp_path, database_url) as made:
        yield made


def stamp(time: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(time)
    return message


async def update(plan: Plan, schedule: Schedule, *paths: str, token: str | None = None) -> Schedule:
    mask = FieldMask(paths=paths) if paths else None
    request = schedules_pb2.UpdateScheduleRequest(schedule=schedule, update_mask=mask)
    return await plan.ws.schedules(token).UpdateSchedule(request)


async def pause(plan: Plan, **more: Any) -> Schedule:
    request = schedules_pb2.PauseScheduleRequest(name=NIGHTLY, **more)
    return await plan.ws.schedules().PauseSchedule(request)


async def resume(plan: Plan) -> Schedule:
    request = schedules_pb2.ResumeScheduleRequest(name=NIGHTLY)
    return await plan.ws.schedules().ResumeSchedule(request)


async def test_a_schedule_is_made_got_changed_and_listed(plan: Plan) -> None:
    made = await plan.create(cron="0  7 * * 1-5", time_zone="Europe/Berlin", labels={"team": "a"})
    assert (made.cron, made.state, made.overlap) == ("0 7 * * 1-5", ACTIVE, SKIP)
    assert made.next_run_time.ToDatetime(UTC) > plan.now
    assert await plan.get() == made
    changed = await update(plan, Schedule(name=NIGHTLY, description="why", etag=made.etag))
    assert (changed.description, changed.cron) == ("why", "0 7 * * 1-5")
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await update(plan, Schedule(name=NIGHTLY, description="late", etag=made.etag))
    hourly = plan.message(name=NIGHTLY)
    other = await update(plan, hourly, "interval", "time_zone", "catch_up_limit")
    assert (other.WhichOneof("timing"), other.interval.seconds) == ("interval", 3600)
    assert other.next_run_time.ToDatetime(UTC) == plan.now + timedelta(hours=1)
    await plan.create("hourly")
    stub, parent = plan.ws.schedules(), DEMO
    listed = await stub.ListSchedules(schedules_pb2.ListSchedulesRequest(parent=parent))
    assert [s.name.rpartition("/")[2] for s in listed.schedules] == ["hourly", "nightly"]
    filters = {
        "state = ACTIVE": 2,
        "state = PAUSED": 0,
        f'snapshot = "{plan.snapshot.rpartition("/")[2]}"': 2,
        f'creator = "{EDITOR}"': 0,
    }
    for filter_, count in filters.items():
        request = schedules_pb2.ListSchedulesRequest(parent=parent, filter=filter_)
        assert len((await stub.ListSchedules(request)).schedules) == count


async def test_bad_schedules_are_refused(plan: Plan) -> None:
    await plan.create()
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await plan.create()
    soon, late = stamp(plan.now + timedelta(hours=1)), stamp(plan.now - timedelta(hours=1))
    wrong: list[dict[str, Any]] = [
        {"cron": "61 * * * *"},
        {"cron": "0 0 30 2 *"},
        {"cron": "* * * * * *"},
        {"cron": "0 0 * * *", "time_zone": "Mars/Olympus"},
        {"cron": "x" * 200},
        {"every": timedelta(seconds=59)},
        {"every": timedelta(seconds=90.5)},
        {"run_at": late},
        {"end_time": late},
        {"start_time": soon, "end_time": late},
        {"run_at": soon, "time_zone": "UTC"},
        {"max_runs": -1},
        {"catch_up_limit": 101},
        {"overlap": 99},
        {"snapshot": ""},
        {"labels": {"a": "x" * 300}},
    ]
    for number, fields in enumerate(wrong):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await plan.create(f"wrong-{number}", **fields)
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await plan.create("../evil")
    for snapshot in (f"{DEMO}/snapshots/absent", "projects/other/snapshots/first"):
        async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
            await plan.create("absent", snapshot=snapshot)
    timeless = schedules_pb2.CreateScheduleRequest(
        parent=DEMO, schedule_id="timeless", schedule=Schedule(snapshot=plan.snapshot)
    )
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await plan.ws.schedules().CreateSchedule(timeless)


async def test_what_could_not_run_is_refused_when_it_is_made(plan: Plan) -> None:
    schema = {"type": "object", "properties": {"rows": {"type": "integer"}}, "required": ["rows"]}
    typed = await plan.ws.create_snapshot(parameters_schema=schema)
    async with refused("INVALID_ARGUMENT", "INVALID_PARAMETERS"):
        await plan.create(snapshot=typed.name, parameters={"rows": "many"})
    made = await plan.create(snapshot=typed.name, parameters={"rows": 3})
    assert dict(made.parameters) == {"rows": 3}
    bare = await plan.ws.create_snapshot(code=False)
    async with refused("FAILED_PRECONDITION", "SNAPSHOT_WITHOUT_CODE"):
        await plan.create("bare", snapshot=bare.name)
    async with refused("INVALID_ARGUMENT", "INVALID_PARAMETERS"):
        await update(plan, Schedule(name=NIGHTLY, parameters={"rows": "x"}), "parameters")


async def test_bad_changes_are_refused(plan: Plan) -> None:
    await plan.create()
    for unnamed in ("", f"{DEMO}/runs/nightly"):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await update(plan, Schedule(name=unnamed, description="x"))
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await update(plan, Schedule(name=NIGHTLY), "run_count")
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await update(plan, Schedule(name=NIGHTLY), "interval")
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await update(plan, Schedule(name=NIGHTLY), "snapshot")
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await update(plan, Schedule(name=f"{DEMO}/schedules/absent", description="x"))


async def test_making_with_one_request_id_makes_one(plan: Plan) -> None:
    request = schedules_pb2.CreateScheduleRequest(
        parent=DEMO, schedule_id="once", schedule=plan.message(), request_id=str(uuid4())
    )
    first = await plan.ws.schedules().CreateSchedule(request)
    assert await plan.ws.schedules().CreateSchedule(request) == first
    request.schedule.max_runs = 3
    async with refused("INVALID_ARGUMENT", "REQUEST_ID_REUSED"):
        await plan.ws.schedules().CreateSchedule(request)


async def test_a_paused_schedule_rests_and_goes_on_from_now(plan: Plan) -> None:
    made = await plan.create()
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await pause(plan, etag="other")
    paused = await pause(plan, etag=made.etag)
    assert (paused.state, paused.HasField("next_run_time")) == (PAUSED, False)
    assert await pause(plan) == paused
    assert await plan.wait(hours=5) == 0
    changed = await update(
        plan, plan.message(name=NIGHTLY, every=timedelta(minutes=30)), "interval"
    )
    assert (changed.state, changed.HasField("next_run_time")) == (PAUSED, False)
    resumed = await resume(plan)
    assert resumed.next_run_time.ToDatetime(UTC) == plan.now + timedelta(minutes=30)
    assert await resume(plan) == resumed
    assert await plan.runs() == []
    await plan.wait(minutes=30)
    assert len(await plan.runs()) == 1


async def test_what_is_over_does_not_rest(plan: Plan) -> None:
    await plan.create(run_at=stamp(plan.now + timedelta(hours=1)))
    await plan.wait(hours=1)
    assert (await plan.get()).state == FINISHED
    async with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
        await pause(plan)
    again = Schedule(name=NIGHTLY, run_at=stamp(plan.now + timedelta(hours=2)))
    assert (await update(plan, again)).state == ACTIVE
    absent = f"{DEMO}/schedules/absent"
    for call, request in (
        ("PauseSchedule", schedules_pb2.PauseScheduleRequest(name=absent)),
        ("ResumeSchedule", schedules_pb2.ResumeScheduleRequest(name=absent)),
        ("TriggerSchedule", schedules_pb2.TriggerScheduleRequest(name=absent)),
        ("GetSchedule", schedules_pb2.GetScheduleRequest(name=absent)),
        ("DeleteSchedule", schedules_pb2.DeleteScheduleRequest(name=absent)),
        ("ListScheduleFirings", schedules_pb2.ListScheduleFiringsRequest(parent=absent)),
    ):
        async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
            await getattr(plan.ws.schedules(), call)(request)


async def test_a_trigger_runs_at_once_as_whoever_asks(plan: Plan) -> None:
    await plan.create(parameters={"rows": 3})
    await pause(plan)
    request = schedules_pb2.TriggerScheduleRequest(
        name=NIGHTLY, run_id="now", request_id=str(uuid4())
    )
    stub = plan.ws.schedules(plan.ws.token(EDITOR))
    run = await stub.TriggerSchedule(request)
    assert (run.name, run.creator, run.started_by) == (f"{DEMO}/runs/now", EDITOR, NIGHTLY)
    assert run.trigger == run_types_pb2.RUN_TRIGGER_SCHEDULE
    assert await stub.TriggerSchedule(request) == run
    firings = schedules_pb2.ListScheduleFiringsRequest(parent=NIGHTLY)
    (firing,) = (await stub.ListScheduleFirings(firings)).firings
    assert (firing.requester, firing.run) == (EDITOR, run.name)
    assert (await plan.get()).last_run == run.name
    assert (await plan.get()).run_count == 0
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await stub.TriggerSchedule(schedules_pb2.TriggerScheduleRequest(name=NIGHTLY, run_id="now"))


async def test_a_preview_says_when_it_would_fire(plan: Plan) -> None:
    berlin = Schedule(cron="30 2 * * *", time_zone="Europe/Berlin")
    request = schedules_pb2.PreviewScheduleRequest(
        parent=DEMO, schedule=berlin, count=3, after=stamp(datetime(2026, 3, 27, 12, tzinfo=UTC))
    )
    stub = plan.ws.schedules(plan.ws.token(VIEWER))
    times = [time.ToDatetime() for time in (await stub.PreviewSchedule(request)).fire_times]
    assert [f"{time:%m-%d %H:%M}" for time in times] == [
        "03-28 01:30",
        "03-29 01:00",
        "03-30 00:30",
    ]
    hourly = schedules_pb2.PreviewScheduleRequest(parent=DEMO, schedule=plan.message())
    assert len((await stub.PreviewSchedule(hourly)).fire_times) == 5
    past = Schedule(run_at=stamp(plan.now - timedelta(days=1)))
    none = schedules_pb2.PreviewScheduleRequest(parent=DEMO, schedule=past)
    assert not (await stub.PreviewSchedule(none)).fire_times
    for far in (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)):
        request.after.FromDatetime(far)
        await stub.PreviewSchedule(request)
    request.schedule.cron = "nonsense"
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await stub.PreviewSchedule(request)


async def test_a_deleted_schedule_leaves_its_runs(plan: Plan) -> None:
    made = await plan.create()
    await plan.wait(hours=1)
    stub = plan.ws.schedules()
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await stub.DeleteSchedule(schedules_pb2.DeleteScheduleRequest(name=NIGHTLY, etag=made.etag))
    async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
        await plan.ws.projects().DeleteProject(projects_pb2.DeleteProjectRequest(name=DEMO))
    assert refusal.error
    assert "schedules" in refusal.error.metadata["dependents"]
    await stub.DeleteSchedule(schedules_pb2.DeleteScheduleRequest(name=NIGHTLY))
    assert [run.started_by for run in await plan.runs()] == [NIGHTLY]
    assert await plan.wait(hours=5) == 0
    # Its name is free, and its runs are not those of the next one.
    await plan.create()
    await plan.wait(hours=1)
    first, second = await plan.runs()
    assert first.name != second.name


async def test_a_schedule_runs_a_snapshot_or_a_template(plan: Plan) -> None:
    publish, snapshots = snapshots_pb2.PublishSnapshotRequest, plan.ws.snapshots()
    await snapshots.PublishSnapshot(publish(name=plan.snapshot, template="daily"))
    for fields, code, reason in (
        ({"snapshot": "", "template": "none"}, "NOT_FOUND", "RESOURCE_NOT_FOUND"),
        ({"template": "daily"}, "INVALID_ARGUMENT", "INVALID_FIELDS"),
        ({"snapshot": "", "template": "No"}, "INVALID_ARGUMENT", "INVALID_FIELDS"),
    ):
        async with refused(code, reason):
            await plan.create(**fields)
    made = await plan.create(snapshot="", template="daily")
    # A name that schedules run does not vanish.
    unpublish = snapshots_pb2.UnpublishSnapshotRequest(name=plan.snapshot)
    async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
        await snapshots.UnpublishSnapshot(unpublish)
    assert refusal.error
    assert refusal.error.metadata["dependents"] == made.name
    changed = await update(plan, Schedule(name=NIGHTLY, snapshot=plan.snapshot), "snapshot")
    assert (changed.snapshot, changed.template) == (plan.snapshot, "")
    await snapshots.UnpublishSnapshot(unpublish)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await update(plan, Schedule(name=NIGHTLY, template="daily"), "template")


async def test_a_snapshot_in_use_by_a_schedule_stays(plan: Plan) -> None:
    await plan.create()
    async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
        await plan.ws.snapshots().DeleteSnapshot(
            snapshots_pb2.DeleteSnapshotRequest(name=plan.snapshot)
        )
    assert refusal.error
    assert refusal.error.metadata["dependents"] == NIGHTLY


async def test_nobody_schedules_what_they_may_not_run(plan: Plan) -> None:
    """Neither by making a schedule, nor by changing somebody else's."""
    pushed = policy(revision=2)
    planner = "users/00000000-0000-0000-0000-000000000077"
    verbs = ["schedules.create", "schedules.update", "schedules.trigger"]
    pushed.roles.add(role="planner", permissions=verbs)
    pushed.grants.add(subject=planner, role="planner", resource="projects/demo")
    plan.ws.apply_policy(pushed)
    token = plan.ws.token(planner)
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await plan.create(token=token)
    await plan.create(token=plan.ws.token(DEMO_EDITOR))
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await update(plan, Schedule(name=NIGHTLY, max_runs=3), token=token)
    trigger = schedules_pb2.TriggerScheduleRequest(name=NIGHTLY)
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await plan.ws.schedules(token).TriggerSchedule(trigger)
    # Once its creator may run nothing, nobody makes it run for them.
    (gone,) = [g for g in pushed.grants if g.subject == DEMO_EDITOR]
    pushed.grants.remove(gone)
    pushed.revision = 3
    plan.ws.apply_policy(pushed)
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await update(plan, Schedule(name=NIGHTLY, max_runs=3))


async def test_watchers_see_schedules_fire(plan: Plan) -> None:
    made = await plan.create(catch_up=ALL)
    await plan.wait(hours=1)
    request = events_pb2.ListEventsRequest(
        parent=DEMO, after_revision=made.revision, resource_types=["weft.dev/Schedule"]
    )
    (event,) = (await plan.ws.events().ListEvents(request)).events
    assert event.schedule.run_count == 1
    assert event.schedule.last_outcome == schedule_types_pb2.FIRING_OUTCOME_STARTED


async def test_a_schedule_says_where_and_how_the_steps_of_its_runs_run(plan: Plan) -> None:
    ws = plan.ws
    for stack in ("lab", "other"):
        await new_stack(ws, stack, await new_store(ws, f"{stack}-store"))
    settings = {"fit": step_settings_pb2.StepSettings(environment={"SEED": "1"})}
    made = await plan.create(stack="stacks/lab", step_settings=settings)
    assert (made.stack, made.step_settings["fit"].environment["SEED"]) == ("stacks/lab", "1")
    run = await ws.schedules().TriggerSchedule(schedules_pb2.TriggerScheduleRequest(name=NIGHTLY))
    assert (run.stack, run.step_settings) == (made.stack, made.step_settings)
    delete = stacks_pb2.DeleteStackRequest(name="stacks/lab")
    async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as caught:
        await ws.stacks().DeleteStack(delete)
    assert caught.error
    assert NIGHTLY in caught.error.metadata["dependents"]
    moved = await update(plan, Schedule(name=NIGHTLY, stack="stacks/other"), "stack")
    bare = await update(plan, Schedule(name=NIGHTLY), "stack", "step_settings")
    assert (moved.stack, bare.stack, len(bare.step_settings)) == ("stacks/other", "", 0)
    for fields, code, reason in (
        ({"stack": "stacks/absent"}, "NOT_FOUND", "RESOURCE_NOT_FOUND"),
        ({"stack": "stacks/../x"}, "INVALID_ARGUMENT", "INVALID_FIELDS"),
        (
            {"step_settings": {"absent": step_settings_pb2.StepSettings()}},
            "INVALID_ARGUMENT",
            "INVALID_FIELDS",
        ),
    ):
        async with refused(code, reason):
            await plan.create("wrong", **fields)
        async with refused(code, reason):
            await update(plan, Schedule(name=NIGHTLY, **fields), *fields)
