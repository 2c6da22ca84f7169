"""Runs side by side: what differs between them, and how their numbers go together."""

import platform
import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, expect

from tests.dashboard.looking import Visitor
from tests.system.people import Person
from tests.system.project import Project
from weftapi.workspace.v1 import reports_pb2, runs_pb2

Visit = Callable[[Person], Visitor]
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>alert(1)</script>"
MOST = 200
PHONE = {"width": 360, "height": 740}


def create(project: Project, **parameters: Any) -> str:
    """A run of these parameters that the caller executes; its id."""
    request = runs_pb2.CreateRunRequest(parent=project.name)
    request.run.pipeline = f"{project.name}/pipelines/train"
    request.run.parameters.update(parameters)
    return id_of(project.call(project.runs.CreateRun, request).name)


def measure(project: Project, run: str, **values: Any) -> None:
    request = reports_pb2.WriteMetadataRequest(run=f"{project.name}/runs/{run}")
    request.values.update(values)
    project.call(project.reports.WriteMetadata, request)


def id_of(run: str) -> str:
    return run.rpartition("/")[2]


def go(visitor: Visitor, project: Project, *runs: str, more: str = "") -> None:
    visitor.go(project, f"compare?runs={'+'.join(runs)}{more}")


def fact(visitor: Visitor, name: str) -> Locator:
    """The row of a fact, by its name."""
    header = visitor.page.get_by_role("rowheader").filter(has_text=name)
    return visitor.page.get_by_role("row").filter(has=header)


def test_runs_that_are_selected_in_the_list_are_compared_by_whoever_may_look(
    visit: Visit, viewer: Person, project: Project
) -> None:
    runs = [create(project, rate=rate, depth=3) for rate in (0.1, 0.2)]
    visitor = visit(viewer)
    page = visitor.page
    visitor.go(project)
    visitor.row(runs[0]).get_by_role("checkbox").check()
    expect(page.get_by_role("button", name=re.compile(r"^Compare \d"))).to_have_count(0)
    visitor.row(runs[1]).get_by_role("checkbox").check()
    page.get_by_role("button", name="Compare 2").click()
    expect(page).to_have_title("Compare 2 runs · Weft")
    # The list shows the newest first.
    expect(page).to_have_url(re.compile(rf"/compare\?runs={runs[1]}\+{runs[0]}$"))
    expect(fact(visitor, "rate")).to_contain_text("0.2")
    expect(fact(visitor, "rate")).to_contain_text("less than the baseline: 0.1")
    expect(fact(visitor, "depth")).not_to_contain_text("differs")
    visitor.assert_accessible()


def test_code_environment_steps_and_what_they_made_are_laid_side_by_side(
    visit: Visit, viewer: Person, project: Project
) -> None:
    runs = [project.submit("comparing.py", rate=rate) for rate in (0.1, 0.4)]
    for run in runs:
        project.watch_to_end(run)
    visitor = visit(viewer)
    page = visitor.page
    go(visitor, project, *map(id_of, runs))
    expect(fact(visitor, "state")).to_contain_text("Succeeded")
    expect(fact(visitor, "code of train")).not_to_contain_text("differs")
    expect(fact(visitor, "python")).to_contain_text(platform.python_version())
    region = page.get_by_role("region", name="Comparison")
    region.evaluate("region => region.scrollTo({ top: region.scrollHeight })")
    expect(fact(visitor, "rows / ")).to_contain_text(re.compile("=.*@1.*@2"))
    expect(fact(visitor, "train / ")).to_contain_text("differs from the baseline")
    expect(fact(visitor, "train: accuracy")).to_contain_text("less than the baseline: 0.6")
    visitor.assert_accessible()
    page.get_by_label("Only differences").check()
    expect(fact(visitor, "rows / ")).to_have_count(0)
    expect(fact(visitor, "archive")).to_have_count(0)
    expect(fact(visitor, "rate")).to_be_visible()
    fact(visitor, "train / ").get_by_role("link").last.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("@2")


def test_the_address_holds_all_that_one_sees(
    visit: Visit, viewer: Person, project: Project
) -> None:
    runs = [create(project, rate=rate, depth=3) for rate in (1, 2, 4)]
    visitor = visit(viewer)
    page = visitor.page
    go(visitor, project, *runs)
    # Of more than two runs only differences are shown.
    expect(fact(visitor, "rate")).to_be_visible()
    expect(fact(visitor, "depth")).to_have_count(0)
    page.get_by_label("Only differences").uncheck()
    page.get_by_role("button", name=f"Baseline: {runs[1]}").click()
    for _ in ("as it was chosen", "as it was sent to a colleague"):
        expect(fact(visitor, "depth")).to_contain_text("3")
        cells = fact(visitor, "rate").get_by_role("cell")
        expect(cells.nth(0)).to_contain_text("less than the baseline: 1")
        expect(cells.nth(1)).to_have_text("2")
        expect(cells.nth(2)).to_contain_text("more than the baseline: 4")
        page.reload()
    page.get_by_role("button", name=f"Leave {runs[0]} out").click()
    expect(page.get_by_role("columnheader", name=runs[0])).to_have_count(0)
    page.go_back()
    expect(page.get_by_role("columnheader", name=runs[0])).to_be_visible()


def test_runs_that_go_on_change_before_ones_eyes_and_deleted_ones_are_told(
    visit: Visit, viewer: Person, project: Project
) -> None:
    going, other, gone = (create(project, rate=rate) for rate in (1, 2, 3))
    visitor = visit(viewer)
    page = visitor.page
    go(visitor, project, going, other, gone, "never-there")
    missing = page.get_by_role("columnheader").filter(has_text="Deleted, or never there")
    expect(missing).to_have_count(1)
    measure(project, going, accuracy=0.5)
    expect(fact(visitor, "accuracy")).to_contain_text("0.5")
    for run in (other, gone):
        request = runs_pb2.StopRunRequest(name=f"{project.name}/runs/{run}")
        project.call(project.runs.StopRun, request)
    expect(page.get_by_role("columnheader", name=other)).to_contain_text("Stopped")
    expect(fact(visitor, "state")).to_contain_text("differs from the baseline: Stopped")
    request = runs_pb2.DeleteRunRequest(name=f"{project.name}/runs/{gone}")
    project.call(project.runs.DeleteRun, request)
    expect(missing).to_have_count(2)
    visitor.assert_accessible()


def test_names_and_values_that_attack_are_only_texts(
    visit: Visit, viewer: Person, project: Project
) -> None:
    runs = [create(project, **{HOSTILE: HOSTILE + str(at), "__proto__": at}) for at in range(2)]
    visitor = visit(viewer)
    page = visitor.page
    go(visitor, project, *runs, '"+OR+state+=+FAILED', "%3Cscript%3E", more="&show=differences")
    expect(fact(visitor, "<img").get_by_role("cell").first).to_contain_text(HOSTILE + "0")
    expect(fact(visitor, "__proto__")).to_contain_text("more than the baseline: 1")
    assert page.locator("img[src=x]").count() == 0
    # What no run can be called is in no command that somebody may paste.
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy as a command").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"weft runs compare {runs[0]} {runs[1]}"
    visitor.assert_accessible()


def test_numbers_are_lines_that_keys_go_through(
    visit: Visit, viewer: Person, project: Project
) -> None:
    runs = [create(project, rate=10.0**-power, seed=7) for power in (1, 3, 5)]
    visitor = visit(viewer)
    page = visitor.page
    go(visitor, project, *runs)
    expect(fact(visitor, "rate")).to_be_visible()
    expect(page.get_by_role("link", name="Parallel coordinates")).to_have_count(0)
    for at, run in enumerate(runs[:2]):
        measure(project, run, accuracy=0.9 - at / 10)
    page.get_by_role("link", name="Parallel coordinates").click()
    plot = page.get_by_role("group", name="Parallel coordinates")
    expect(plot).to_contain_text("(log)")
    plot.press("ArrowDown")
    expect(page.get_by_text(f"{runs[0]}: rate 0.1, accuracy 0.9")).to_be_visible()
    visitor.assert_accessible()
    plot.press("ArrowUp")
    expect(page.get_by_text(f"{runs[2]}: rate 1.00e-5, accuracy none")).to_be_visible()
    page.reload()
    plot.press("ArrowDown")
    plot.press("ArrowDown")
    plot.press("Enter")
    expect(page).to_have_title(f"{runs[1]} · Runs · Weft")


def test_two_hundred_runs_are_compared_and_more_are_refused_kindly(
    visit: Visit, viewer: Person, project: Project
) -> None:
    runs = [create(project, rate=rate) for rate in range(MOST + 1)]
    visitor = visit(viewer)
    page = visitor.page
    go(visitor, project, *runs)
    expect(page.get_by_text("At most 200 runs are compared at once")).to_be_visible()
    visitor.assert_accessible()
    page.get_by_role("button", name="Compare the first 200").click()
    table = page.get_by_role("table", name="Comparison")
    expect(table).to_have_attribute("aria-colcount", str(MOST + 1))
    expect(fact(visitor, "rate").get_by_role("cell").first).to_have_text("0")
    # Only those in sight are drawn.
    assert page.get_by_role("columnheader").count() < MOST / 4
    region = page.get_by_role("region", name="Comparison")
    region.evaluate("region => region.scrollTo({ left: region.scrollWidth })")
    last = page.get_by_role("columnheader", name=runs[MOST - 1])
    expect(last).to_have_attribute("aria-colindex", str(MOST + 1))
    expect(fact(visitor, "rate").get_by_role("cell").last).to_contain_text("199")
    expect(fact(visitor, "rate").get_by_role("rowheader")).to_be_in_viewport()
    visitor.assert_accessible()


def test_fewer_than_two_runs_are_told_where_to_choose_them_also_on_a_phone(
    new_page: Callable[..., Visitor], editor: Person, project: Project
) -> None:
    runs = [create(project, rate=rate) for rate in (1, 2)]
    visitor = new_page(viewport=PHONE)
    visitor.sign_in(editor)
    page = visitor.page
    page.goto(f"/w/default/p/{project.id}/compare")
    expect(page.get_by_text("Choose two runs at least")).to_be_visible()
    visitor.assert_accessible()
    page.goto(f"/w/default/p/{project.id}/compare?runs={'+'.join(runs)}")
    expect(fact(visitor, "rate")).to_contain_text("more than the baseline: 2")
    visitor.assert_accessible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_runs_that_do_not_differ_say_so(visit: Visit, viewer: Person, project: Project) -> None:
    runs = [create(project, rate=1) for _ in range(2)]
    visitor = visit(viewer)
    go(visitor, project, *runs, more="&show=differences")
    expect(visitor.page.get_by_text("These runs do not differ")).to_be_visible()
