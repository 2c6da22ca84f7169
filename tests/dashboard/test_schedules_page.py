"""Schedules: when snapshots run by themselves, and what became of their times."""

import re
from collections.abc import Callable

from playwright.sync_api import Locator, expect

from tests.dashboard.looking import Visitor
from tests.system.people import Person
from tests.system.project import Project
from weftapi.workspace.v1 import runs_pb2, schedule_types_pb2, schedules_pb2, schedules_pb2_grpc

Visit = Callable[[Person], Visitor]
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
PHONE = {"width": 360, "height": 740}


def stub(project: Project) -> schedules_pb2_grpc.ScheduleServiceStub:
    return project.endpoint.stub(schedules_pb2_grpc.ScheduleServiceStub)


def add(project: Project, schedule_id: str, **fields: object) -> schedule_types_pb2.Schedule:
    """A schedule of the snapshot of a run that was made for it."""
    snapshot = project.run(project.submit("asking.py", "--rate=1", '--model={"depth": 1}')).snapshot
    schedule = schedule_types_pb2.Schedule(
        **{"snapshot": snapshot, "cron": "30 2 * * *", "time_zone": "Europe/Berlin", **fields}
    )
    request = schedules_pb2.CreateScheduleRequest(
        parent=project.name, schedule_id=schedule_id, schedule=schedule
    )
    return project.call(stub(project).CreateSchedule, request)


def type_zone(dialog: Locator, zone: str) -> None:
    """Key by key: what is half typed is no zone."""
    field = dialog.get_by_label("Time zone")
    field.clear()
    field.press_sequentially(zone)


def read(project: Project, schedule_id: str) -> schedule_types_pb2.Schedule:
    name = f"{project.name}/schedules/{schedule_id}"
    return project.call(stub(project).GetSchedule, schedules_pb2.GetScheduleRequest(name=name))


def test_a_schedule_is_made_looked_after_and_taken_away(
    visit: Visit, editor: Person, project: Project
) -> None:
    visitor = visit(editor)
    page = visitor.page
    visitor.go(project, "schedules")
    expect(page.get_by_text("No schedules yet")).to_be_visible()
    expect(page.get_by_text("weft schedules create nightly")).to_be_visible()
    visitor.assert_accessible()
    project.submit("asking.py", "--rate=1", '--model={"depth": 1}')
    page.get_by_role("button", name="Create a schedule").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Id").fill("nightly")
    dialog.get_by_label("Name").fill(HOSTILE)
    dialog.get_by_label("Cron").fill("30 25 * * *")
    expect(dialog.get_by_role("status")).to_be_visible()
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Request")
    expect(dialog.get_by_label("Name")).to_have_value(HOSTILE)
    dialog.get_by_label("Cron").fill("30 2 * * *")
    type_zone(dialog, "Asia/Tokyo")
    expect(dialog.get_by_role("listitem")).to_have_count(5)
    expect(dialog.get_by_role("listitem").first).to_contain_text("2:30")
    visitor.assert_accessible()
    dialog.get_by_role("button", name="Create").click()
    expect(visitor.row("nightly")).to_contain_text("30 2 * * * (Asia/Tokyo)")
    expect(visitor.row("nightly")).to_contain_text(HOSTILE)
    visitor.assert_accessible()

    visitor.row("nightly").get_by_role("link").click()
    expect(page.get_by_text("Its time has not come yet")).to_be_visible()
    expect(page.get_by_role("complementary").get_by_role("listitem")).to_have_count(5)
    page.get_by_role("button", name="Edit").click()
    dialog.get_by_label("Cron").fill("0 7 * * MON-FRI")
    dialog.get_by_label("While its newest run goes on").select_option("Start another beside it")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text("0 7 * * MON-FRI (Asia/Tokyo)")).to_be_visible()
    page.get_by_role("button", name="Run now").click()
    expect(visitor.row("told")).to_contain_text("Succeeded")
    page.go_back()
    expect(visitor.row("by hand")).to_contain_text("Started")
    visitor.assert_accessible()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("Active")).to_be_visible()
    kept = read(project, "nightly")
    assert kept.overlap == schedule_types_pb2.OVERLAP_ALLOW
    assert kept.creator == editor.user
    page.get_by_role("button", name="Delete").click()
    visitor.assert_accessible()
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No schedules yet")).to_be_visible()
    assert page.title() != "owned"


def test_what_a_colleague_changed_meanwhile_is_not_undone(
    visit: Visit, editor: Person, project: Project
) -> None:
    made = add(project, "nightly")
    visitor = visit(editor)
    page, dialog = visitor.page, visitor.page.get_by_role("dialog")
    visitor.go(project, "schedules/nightly")
    page.get_by_role("button", name="Edit").click()
    dialog.get_by_label("Cron").fill("0 7 * * *")
    project.call(stub(project).PauseSchedule, schedules_pb2.PauseScheduleRequest(name=made.name))
    expect(page.get_by_text("Paused")).to_be_visible()
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Request")
    expect(dialog.get_by_label("Cron")).to_have_value("0 7 * * *")
    dialog.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Edit").click()
    expect(dialog.get_by_label("Cron")).to_have_value("30 2 * * *")
    dialog.get_by_label("Cron").fill("0 7 * * *")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text("0 7 * * * (Europe/Berlin)")).to_be_visible()


def test_schedules_change_before_the_eyes_of_who_may_only_look(
    visit: Visit, viewer: Person, project: Project
) -> None:
    made = add(project, "nightly", parameters={"rate": 2.5})
    visitor = visit(viewer)
    page = visitor.page
    with page.expect_response("**/access:testPermissions"):
        visitor.go(project, "schedules?q=state+%3D+ACTIVE")
    expect(visitor.row("nightly")).to_contain_text("Active")
    expect(page.get_by_role("button", name="Create a schedule")).to_have_count(0)
    project.call(stub(project).PauseSchedule, schedules_pb2.PauseScheduleRequest(name=made.name))
    expect(page.get_by_text("No schedules match this filter")).to_be_visible()
    page.set_viewport_size(PHONE)
    visitor.go(project, "schedules/nightly")
    expect(page.get_by_text("Paused")).to_be_visible()
    expect(page.get_by_text("2.5")).to_be_visible()
    for action in ("Run now", "Pause", "Resume", "Edit", "Delete"):
        expect(page.get_by_role("button", name=action)).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    visitor.assert_accessible()
    visitor.go(project, "schedules/absent")
    expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()


def test_times_that_passed_are_made_up_for(visit: Visit, editor: Person, project: Project) -> None:
    given = {"title": "{{schedule.date}}", "rate": 1, "model": {"depth": 1}}
    add(project, "daily", parameters=given)
    visitor = visit(editor)
    page = visitor.page
    visitor.go(project, "schedules/daily")
    page.get_by_role("button", name="Backfill").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("From").fill("2026-01-05T00:00")
    dialog.get_by_label("To").fill("2026-01-01T00:00")
    visitor.assert_accessible()
    dialog.get_by_role("button", name="Make the runs").click()
    problem = re.compile("Must not lie before start_time")
    expect(dialog.get_by_label("To")).to_have_accessible_description(problem)
    dialog.get_by_label("To").fill("2026-01-07T00:00")
    dialog.get_by_role("button", name="Make the runs").click()
    expect(dialog.get_by_text("2 runs were made.")).to_be_visible()
    visitor.assert_accessible()
    dialog.get_by_role("button", name="Done").click()
    expect(page.get_by_role("row").filter(has_text="by hand")).to_have_count(2)
    titles = {
        run.parameters["title"]
        for run in project.call(
            project.runs.ListRuns,
            runs_pb2.ListRunsRequest(parent=project.name, filter="trigger = SCHEDULE"),
        ).runs
    }
    assert titles == {"2026-01-05", "2026-01-06"}
