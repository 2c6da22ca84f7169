"""The page of a run: why first, then what."""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.dashboard.looking import Visitor
from tests.system.people import Person
from tests.system.project import Project

Visit = Callable[[Person], Visitor]
PHONE = {"width": 360, "height": 740}


def test_a_run_that_failed_says_why_and_is_retried_once_it_is_mended(
    visit: Visit, editor: Person, project: Project, tmp_path: Path
) -> None:
    mended = tmp_path / "mended"
    run = project.submit("failing.py", mended=mended)
    visitor = visit(editor)
    page = visitor.page
    visitor.go(project)
    visitor.row(run).get_by_role("link").click()
    expect(page.get_by_role("button", name="Retry what failed")).to_be_visible()
    expect(page.get_by_text("ZeroDivisionError: division by zero").first).to_be_visible()
    expect(page.get_by_label("Where it failed")).to_contain_text("return number / divisor")
    visitor.assert_accessible()
    visitor.row("divide").get_by_role("link").click()
    for pane, said in (
        ("Attempts", "Attempt 1"),
        ("Data", "number"),
        ("Config", "failing:divide"),
        ("Code", "def divide(number"),
    ):
        page.get_by_role("tab", name=pane).click()
        expect(page.get_by_role("tabpanel")).to_contain_text(said)
        visitor.assert_accessible()
    page.reload()
    expect(page.get_by_role("tabpanel")).to_contain_text("def divide(number")
    mended.touch()
    page.get_by_role("button", name="Retry what failed").click()
    expect(page.get_by_role("definition").filter(has_text=run.rpartition("/")[2])).to_be_visible()
    expect(visitor.row("divide")).to_contain_text("Succeeded")
    expect(visitor.row("prepare")).to_contain_text("Cached")


def test_steps_change_before_ones_eyes_and_a_viewer_has_nothing_to_press(
    visit: Visit, viewer: Person, project: Project, gate: Path
) -> None:
    run = project.submit("gated.py", gate=gate)
    visitor = visit(viewer)
    visitor.go(project, f"runs/{run.rpartition('/')[2]}")
    expect(visitor.row("first")).to_contain_text("Running")
    expect(visitor.row("second")).to_contain_text("Pending")
    gate.touch()
    expect(visitor.row("second")).to_contain_text("Succeeded")
    for action in ("Stop", "Pause", "Run again", "Retry what failed"):
        expect(visitor.page.get_by_role("button", name=action)).to_have_count(0)


def test_a_run_is_told_by_those_before_it(
    visit: Visit, viewer: Person, project: Project, gate: Path
) -> None:
    gate.touch()
    before = project.submit("gated.py", gate=gate)
    project.watch_to_end(before)
    gate.unlink()
    run = project.submit("gated.py", "--no-cache", gate=gate)
    visitor = visit(viewer)
    page = visitor.page
    visitor.go(project, f"runs/{run.rpartition('/')[2]}")
    facts = page.get_by_role("definition")
    expect(page.get_by_text("By the last success")).to_be_visible()
    expect(facts.filter(has_text=re.compile("about .* left|longer than the usual"))).to_be_visible()
    expect(facts.filter(has_text="a snapshot")).to_be_visible()
    gate.touch()
    told = facts.filter(has_text=re.compile("faster|slower|as fast"))
    expect(told).to_contain_text(before.rpartition("/")[2])
    expect(page.get_by_text("By the last success")).to_have_count(0)
    visitor.assert_accessible()
    told.get_by_role("link", name="Compare").click()
    heads = page.get_by_role("columnheader")
    expect(heads.filter(has_text=before.rpartition("/")[2])).to_be_visible()
    expect(heads.filter(has_text=run.rpartition("/")[2])).to_be_visible()


def test_a_failure_is_read_on_a_phone(
    visit: Visit, viewer: Person, project: Project, tmp_path: Path
) -> None:
    run = project.submit("failing.py", mended=tmp_path / "never")
    project.watch_to_end(run)
    visitor = visit(viewer)
    visitor.page.set_viewport_size(PHONE)
    visitor.go(project, f"runs/{run.rpartition('/')[2]}")
    expect(visitor.page.get_by_text("division by zero").first).to_be_in_viewport()
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    visitor.assert_accessible()


def test_a_run_that_is_not_there_is_said_to_be_missing(
    visit: Visit, viewer: Person, project: Project
) -> None:
    visitor = visit(viewer)
    visitor.go(project, "runs/never-was")
    expect(visitor.page.get_by_role("heading", name="There is nothing here")).to_be_visible()
    expect(visitor.page.get_by_role("alert")).to_contain_text("Request")
    visitor.assert_accessible()
