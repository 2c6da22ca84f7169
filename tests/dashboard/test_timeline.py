"""The time line of a run: when each step waited and ran, closer where one looks, and growing."""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.dashboard.looking import Visitor
from tests.system.people import Person
from tests.system.project import Project
from weftapi.workspace.v1 import reports_pb2

Visit = Callable[[Person], Visitor]
MANY = 3000
PHONE = {"width": 360, "height": 740}


def test_bars_grow_while_steps_run_and_say_which_the_run_waited_for(
    visit: Visit, viewer: Person, project: Project, gate: Path
) -> None:
    run = project.submit("gated.py", gate=gate)
    visitor = visit(viewer)
    page = visitor.page
    visitor.go(project, f"runs/{run.rpartition('/')[2]}?view=timeline")
    expect(visitor.row("first")).to_contain_text("has run for")
    expect(visitor.row("first")).to_contain_text("running")
    expect(visitor.row("second")).to_contain_text("waits for other steps")
    visitor.assert_accessible()
    gate.touch()
    expect(visitor.row("second")).to_contain_text("on the critical path")
    expect(visitor.row("first")).to_contain_text(re.compile(r"ran [\d.]+ m?s.*critical path"))
    visitor.row("second").get_by_role("link").focus()
    expect(page.get_by_role("region", name="Timeline")).to_contain_text(re.compile("second.*ran"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("complementary", name="Step second")).to_be_visible()
    visitor.assert_accessible()


def test_one_looks_closer_by_keys_buttons_wheel_and_dragging_and_sends_it_to_a_colleague(
    visit: Visit, viewer: Person, project: Project, tmp_path: Path
) -> None:
    run = project.submit("failing.py", mended=tmp_path / "never")
    project.watch_to_end(run)
    visitor = visit(viewer)
    page = visitor.page
    visitor.go(project, f"runs/{run.rpartition('/')[2]}?view=timeline")
    whole = page.get_by_role("button", name="Whole run")
    expect(whole).to_be_disabled()
    axis = page.locator("[data-axis]")
    for look_closer in (
        lambda: page.keyboard.press("+"),
        lambda: page.get_by_role("button", name="Zoom in").click(),
        lambda: axis.evaluate(
            "axis => axis.dispatchEvent(new WheelEvent('wheel', "
            "{ bubbles: true, cancelable: true, ctrlKey: true, deltaY: -300 }))"
        ),
        lambda: axis.drag_to(
            axis, source_position={"x": 60, "y": 10}, target_position={"x": 200, "y": 10}
        ),
    ):
        look_closer()
        expect(whole).to_be_enabled()
        expect(page).to_have_url(re.compile(r"span=\d+-\d+"))
        page.keyboard.press("0")
        expect(whole).to_be_disabled()
        expect(page).not_to_have_url(re.compile("span="))
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Critical path only").click()
    expect(page).to_have_url(re.compile("path=critical"))
    expect(page).to_have_url(re.compile(r"span=\d+-\d+"))
    ticks = axis.text_content()
    page.reload()
    expect(whole).to_be_enabled()
    expect(axis).to_have_text(ticks or "")
    visitor.assert_accessible()
    page.set_viewport_size(PHONE)
    expect(visitor.row("divide").get_by_role("link")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_thousands_of_steps_are_rows_of_a_table(
    visit: Visit, viewer: Person, project: Project
) -> None:
    run = project.create_run()
    new = [reports_pb2.NewStep(step_id=f"s-{number}") for number in range(MANY)]
    for at in range(0, MANY, 500):
        request = reports_pb2.BatchCreateStepsRequest(parent=run.name, steps=new[at : at + 500])
        project.call(project.reports.BatchCreateSteps, request)
    visitor = visit(viewer)
    visitor.go(project, f"runs/{run.name.rpartition('/')[2]}?view=timeline")
    table = visitor.page.get_by_role("table", name="Steps over time")
    expect(table).to_have_attribute("aria-rowcount", str(MANY + 1))
    expect(visitor.row("s-0").first).to_contain_text("waits to start")
