"""The graph of a run: walked by keys, one box for many alike, and drawn whatever its size."""

from collections.abc import Callable

from playwright.sync_api import Locator, expect

from tests.dashboard.looking import Visitor
from tests.system.people import Person
from tests.system.project import Project
from tests.workspace.harness import run_report, step_report
from weftapi.workspace.v1 import reports_pb2, run_types_pb2

Visit = Callable[[Person], Visitor]
MANY = 5000
WIDTH = 40
REPORTER = "00000000-0000-4000-8000-000000000003"


def add(project: Project, run: run_types_pb2.Run, steps: dict[str, list[str]]) -> None:
    """Steps with those that they wait for."""
    new = [reports_pb2.NewStep(step_id=step, upstream=upstream) for step, upstream in steps.items()]
    for at in range(0, len(new), 500):
        request = reports_pb2.BatchCreateStepsRequest(parent=run.name, steps=new[at : at + 500])
        project.call(project.reports.BatchCreateSteps, request)


def tell(project: Project, run: run_types_pb2.Run, state: str, **steps: str) -> None:
    """Reports the run, then each step on its way to its state."""
    told = [run_report(1, state)]
    for step, last in steps.items():
        for each in dict.fromkeys(("RUNNING", last)):
            told.append(step_report(len(told) + 1, step, each))
    request = reports_pb2.BatchReportRequest(run=run.name, reporter=REPORTER, reports=told)
    project.call(project.reports.BatchReport, request)


def box(visitor: Visitor, name: str) -> Locator:
    return visitor.page.get_by_label(f"{name}: Pending", exact=True)


def test_a_graph_is_walked_by_keys_and_holds_many_alike_in_one_box(
    visit: Visit, viewer: Person, project: Project
) -> None:
    run = project.create_run()
    parts = {f"part-{number}": ["load"] for number in range(60)}
    add(project, run, {"load": [], "profile": ["load"], "train": ["profile"], **parts})
    visitor = visit(viewer)
    page = visitor.page
    visitor.go(project, f"runs/{run.name.rpartition('/')[2]}?view=graph")
    expect(box(visitor, "60 steps like part-0")).to_be_visible()
    visitor.assert_accessible()
    box(visitor, "load").focus()
    page.keyboard.press("ArrowRight")
    expect(box(visitor, "profile")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(box(visitor, "train")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("complementary", name="Step train")).to_be_visible()
    assert "step=train" in page.url
    visitor.assert_accessible()
    page.get_by_role("button", name="Top to bottom").click()
    expect(page.get_by_role("button", name="Left to right")).to_be_visible()
    add(project, run, {"late": ["train"]})
    expect(box(visitor, "late")).to_be_attached()


def test_a_group_opens_and_what_went_well_is_hidden(
    visit: Visit, viewer: Person, project: Project
) -> None:
    run = project.create_run()
    parts = {f"part-{number}": ["load"] for number in range(60)}
    add(project, run, {"load": [], "clean": ["load"], "train": ["clean"], **parts})
    tell(project, run, "RUNNING", load="SUCCEEDED", clean="SUCCEEDED", train="RUNNING")
    visitor = visit(viewer)
    page = visitor.page
    visitor.go(project, f"runs/{run.name.rpartition('/')[2]}?view=graph")
    box(visitor, "60 steps like part-0").focus()
    page.keyboard.press("Enter")
    expect(box(visitor, "part-0")).to_be_focused()
    expect(box(visitor, "60 steps like part-0")).to_have_count(0)
    page.reload()
    expect(box(visitor, "part-30")).to_be_visible()
    page.get_by_role("button", name="Close the groups").click()
    expect(box(visitor, "60 steps like part-0")).to_be_visible()
    page.get_by_role("button", name="Hide what went well").click()
    expect(page.get_by_label("clean: Succeeded")).to_have_count(0)
    expect(page.get_by_label("train: Running")).to_be_visible()
    visitor.assert_accessible()
    assert "hide=done" in page.url


def test_a_graph_of_which_all_went_well_says_so(
    visit: Visit, viewer: Person, project: Project
) -> None:
    run = project.create_run()
    add(project, run, {"load": []})
    tell(project, run, "RUNNING", load="SUCCEEDED")
    visitor = visit(viewer)
    visitor.go(project, f"runs/{run.name.rpartition('/')[2]}?view=graph&hide=done")
    expect(visitor.page.get_by_role("heading", name="All steps went well")).to_be_visible()
    visitor.page.get_by_role("button", name="Hide what went well").click()
    expect(visitor.page.get_by_label("load: Succeeded")).to_be_visible()


def test_five_thousand_steps_are_drawn(visit: Visit, viewer: Person, project: Project) -> None:
    run = project.create_run()
    steps: dict[str, list[str]] = {}
    for number in range(MANY):
        rank, lane = divmod(number, WIDTH)
        before = {f"s-{rank - 1}-{lane}", f"s-{rank - 1}-{lane * 7 % WIDTH}"} if rank else set()
        steps[f"s-{rank}-{lane}"] = sorted(before)
    add(project, run, steps)
    visitor = visit(viewer)
    visitor.go(project, f"runs/{run.name.rpartition('/')[2]}?view=graph")
    expect(visitor.page.locator(".react-flow__node").first).to_be_visible()
    first = visitor.page.locator('.react-flow__node[data-id^="s-0-"]')
    expect(first).to_have_count(0)
    graph_map = visitor.page.get_by_label("Map of the graph")
    height = graph_map.evaluate("map => map.clientHeight")
    graph_map.click(position={"x": 2, "y": height / 2})
    expect(first.first).to_be_visible()
    visitor.assert_accessible()
    visitor.page.get_by_role("link", name="Steps", exact=True).click()
    table = visitor.page.get_by_role("table", name="Steps")
    expect(table).to_have_attribute("aria-rowcount", str(MANY + 1))
