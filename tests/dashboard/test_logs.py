"""Logs in the browser: live, searched, linked to, and inert whatever they hold."""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.dashboard.looking import Visitor
from tests.system.people import Person
from tests.system.project import Project
from weftapi.workspace.v1 import logs_pb2

Visit = Callable[[Person], Visitor]
LINES = 2500


def line(page: Page, number: int) -> str:
    """What the page shows as a line, from 1."""
    item = page.get_by_role("listitem").filter(has=page.get_by_label(f"Line {number}", exact=True))
    return item.inner_text()


def test_a_log_is_followed_searched_and_linked_to(
    visit: Visit, viewer: Person, project: Project, gate: Path
) -> None:
    run = project.submit("noisy.py", gate=gate, lines=LINES)
    project.until_step(run, "write")
    visitor = visit(viewer)
    page = visitor.page
    visitor.go(project, f"runs/{run.rpartition('/')[2]}?step=write&pane=logs")

    expect(page.get_by_text("red alarm")).to_be_visible()
    expect(page.get_by_text("<script>alert(1)</script>")).to_be_visible()
    assert page.locator("img[src=x]").count() == 0
    visitor.assert_accessible()

    page.get_by_label("Search the log").fill("needle")
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 lines", exact=True)).to_be_visible()
    expect(page.get_by_role("mark")).to_have_count(2)
    visitor.assert_accessible()
    page.get_by_label("Line 1701", exact=True).click()
    expect(page.get_by_label("Line 1701", exact=True)).to_be_in_viewport()
    assert page.url.endswith("#L1701")
    page.reload()
    expect(page.get_by_label("Line 1701", exact=True)).to_be_in_viewport()
    expect(page.get_by_text("line 1700 has the needle")).to_be_visible()

    gate.touch()
    page.get_by_role("button", name="Follow", exact=True).click()
    expect(page.get_by_text("the very last line")).to_be_visible()
    expect(page).to_have_title(f"{run.rpartition('/')[2]} · Runs · Weft")


def test_all_logs_of_a_run_are_in_one_place_and_are_taken_along(
    visit: Visit, viewer: Person, project: Project, gate: Path
) -> None:
    gate.touch()
    run = project.submit("noisy.py", gate=gate, lines=5)
    project.watch_to_end(run)
    visitor = visit(viewer)
    page = visitor.page
    visitor.go(project, f"runs/{run.rpartition('/')[2]}?view=logs")
    expect(page.get_by_text("the very last line")).to_be_visible()
    visitor.assert_accessible()
    assert line(page, 1).endswith("line 0")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    stream = project.steps_of(run)["write"].log_stream
    text = Path(download.value.path()).read_text()
    assert text.splitlines() == project.log_lines(stream)


def test_logs_show_the_part_of_a_run_that_its_timeline_shows(
    visit: Visit, viewer: Person, project: Project, gate: Path
) -> None:
    run = project.submit("noisy.py", gate=gate, lines=5)
    visitor = visit(viewer)
    page = visitor.page
    visitor.go(project, f"runs/{run.rpartition('/')[2]}?step=write&pane=logs")
    expect(page.get_by_text("red alarm")).to_be_visible()
    gate.touch()
    project.watch_to_end(run)
    stream = project.steps_of(run)["write"].log_stream
    page_of_lines = project.call(project.logs.ReadLogs, logs_pb2.ReadLogsRequest(log_stream=stream))
    last = page_of_lines.lines[-1].time.ToMilliseconds()

    visitor.go(project, f"runs/{run.rpartition('/')[2]}?view=logs&span={last}-{last + 1000}")
    expect(page.get_by_text("1 line", exact=True)).to_be_visible()
    expect(page.get_by_text("the very last line")).to_be_visible()
    expect(page.get_by_text(re.compile(r"Lines from .+ s to .+ s of the run"))).to_be_visible()
    expect(page.get_by_text("red alarm")).to_have_count(0)
    visitor.assert_accessible()
    page.get_by_role("button", name="Whole run").click()
    expect(page.get_by_text("red alarm")).to_be_visible()
    expect(page).not_to_have_url(re.compile("span="))

    page.get_by_role("link", name="Timeline").click()
    page.get_by_role("button", name="Zoom in").click()
    expect(page).to_have_url(re.compile("span="))
    page.get_by_role("link", name="Logs", exact=True).click()
    page.get_by_label("Search the log").fill("no such line")
    page.keyboard.press("Enter")
    expect(page.get_by_text("0 lines", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Whole run")).to_be_visible()
