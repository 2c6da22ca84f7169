"""Pipelines: how each last went, what people say of it, and its runs."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.dashboard.looking import Visitor
from tests.system.people import Person
from tests.system.project import Project
from weftapi.workspace.v1 import pipelines_pb2, pipelines_pb2_grpc, runs_pb2

Visit = Callable[[Person], Visitor]
PHONE = {"width": 360, "height": 740}
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"


def stub(project: Project) -> pipelines_pb2_grpc.PipelineServiceStub:
    return project.endpoint.stub(pipelines_pb2_grpc.PipelineServiceStub)


def stop(project: Project, run: str) -> None:
    project.call(project.runs.StopRun, runs_pb2.StopRunRequest(name=run))


def test_pipelines_tell_live_how_their_last_runs_went(
    visit: Visit, viewer: Person, project: Project
) -> None:
    visitor = visit(viewer)
    page = visitor.page
    visitor.go(project, "pipelines")
    expect(page.get_by_text("No pipelines yet")).to_be_visible()
    visitor.assert_accessible()
    first = project.create_run("train")
    row = visitor.row("train")
    expect(row).to_contain_text("Pending")
    stop(project, first.name)
    expect(row).to_contain_text("Stopped")
    runs = [project.create_run("train") for _ in range(11)]
    project.create_run("etl")
    last = row.get_by_role("list", name="Last runs")
    expect(last.get_by_role("link")).to_have_count(10)
    expect(last.get_by_role("link").last).to_have_accessible_name(
        re.compile(f"^{runs[-1].name.rpartition('/')[2]}: Pending, ")
    )
    # The first is not among them any more; after a reload as little.
    expect(last.get_by_role("link", name="Stopped")).to_have_count(0)
    visitor.assert_accessible()
    page.reload()
    expect(last.get_by_role("link")).to_have_count(10)
    expect(last.get_by_role("link", name="Stopped")).to_have_count(0)
    stop(project, runs[-1].name)
    expect(last.get_by_role("link", name="Stopped")).to_have_count(1)
    project.call(project.runs.DeleteRun, runs_pb2.DeleteRunRequest(name=runs[-1].name))
    # There is room for one that was too old.
    expect(last.get_by_role("link").first).to_have_accessible_name(
        re.compile(f"^{runs[0].name.rpartition('/')[2]}: ")
    )
    expect(last.get_by_role("link")).to_have_count(10)
    last.get_by_role("link").last.click()
    expect(page.get_by_role("heading", name=runs[-2].name.rpartition("/")[2])).to_be_visible()


def test_pipelines_are_filtered(visit: Visit, viewer: Person, project: Project) -> None:
    for pipeline in ("train", "etl"):
        project.create_run(pipeline)
    visitor = visit(viewer)
    page = visitor.page
    visitor.go(project, "runs")
    page.keyboard.press("g")
    page.keyboard.press("i")
    expect(visitor.row("etl")).to_be_visible()
    query = page.get_by_label("Filter pipelines")
    query.fill("id:train")
    query.press("Enter")
    expect(visitor.row("etl")).to_have_count(0)
    expect(visitor.row("train")).to_be_visible()
    expect(page).to_have_url(re.compile("q=id"))
    visitor.go(project, "pipelines?q=state+%3D+FAILED")
    expect(page.get_by_role("alert")).to_contain_text("fields are: create_time")
    visitor.go(project, "pipelines?q=id:nothing")
    expect(page.get_by_text("No pipelines match this filter")).to_be_visible()


def test_a_pipeline_is_described_and_shows_its_runs(
    visit: Visit, editor: Person, viewer: Person, project: Project
) -> None:
    runs = [project.create_run("train") for _ in range(2)]
    other = project.create_run("etl")
    visitor = visit(editor)
    page = visitor.page
    visitor.go(project, "pipelines/train")
    expect(visitor.row(runs[0].name)).to_be_visible()
    expect(visitor.row(other.name)).to_have_count(0)
    expect(page.get_by_role("button", name="Delete", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(HOSTILE)
    dialog.get_by_label("Description").fill(f"Nightly\n{HOSTILE}")
    dialog.get_by_label("Labels").fill("team=vision")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name=HOSTILE)).to_be_visible()
    expect(page.get_by_text("vision")).to_be_visible()
    stop(project, runs[0].name)
    durations = page.get_by_role("list", name="How long the last runs took")
    expect(durations.get_by_role("link").first).to_have_accessible_name(re.compile("Stopped"))
    visitor.assert_accessible()
    page.set_viewport_size(PHONE)
    visitor.assert_accessible()
    onlooker = visit(viewer)
    onlooker.go(project, "pipelines/train")
    expect(onlooker.page.get_by_role("heading", name=HOSTILE)).to_be_visible()
    expect(onlooker.page.get_by_role("button", name="Edit")).to_have_count(0)


def test_a_pipeline_without_runs_is_deleted(visit: Visit, editor: Person, project: Project) -> None:
    run = project.create_run("once")
    visitor = visit(editor)
    page = visitor.page
    visitor.go(project, "pipelines/once")
    expect(visitor.row(run.name)).to_be_visible()
    stop(project, run.name)
    project.call(project.runs.DeleteRun, runs_pb2.DeleteRunRequest(name=run.name))
    expect(page.get_by_text("No runs")).to_be_visible()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No pipelines yet")).to_be_visible()
    request = pipelines_pb2.ListPipelinesRequest(parent=project.name)
    assert not project.call(stub(project).ListPipelines, request).pipelines
