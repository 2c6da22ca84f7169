"""The list of runs: what is there, what happens, and what one may do."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.dashboard.looking import Visitor
from tests.system.mesh import Mesh
from tests.system.people import Person
from tests.system.project import Project
from weftapi.workspace.v1 import run_types_pb2, runs_pb2

Visit = Callable[[Person], Visitor]
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>alert(1)</script>"


def stop(project: Project, run: run_types_pb2.Run) -> None:
    project.call(project.runs.StopRun, runs_pb2.StopRunRequest(name=run.name))


def test_an_empty_project_says_how_to_fill_it(
    visit: Visit, editor: Person, project: Project
) -> None:
    visitor = visit(editor)
    visitor.go(project)
    expect(visitor.page.get_by_text("weft run train.py")).to_be_visible()
    expect(visitor.page.get_by_role("button", name="Copy the command")).to_be_visible()
    visitor.assert_accessible()


def test_runs_come_and_change_before_ones_eyes(
    visit: Visit, viewer: Person, project: Project
) -> None:
    first = project.create_run("train")
    visitor = visit(viewer)
    visitor.go(project)
    expect(visitor.row(first.name)).to_contain_text("Pending")
    second = project.create_run("score")
    expect(visitor.row(second.name)).to_contain_text("score")
    stop(project, first)
    expect(visitor.row(first.name)).to_contain_text("Stopped")
    expect(visitor.page.get_by_role("button", name="Stopped 1")).to_be_visible()
    visitor.assert_accessible()


def test_a_filter_is_in_the_address_and_holds_for_what_comes(
    visit: Visit, viewer: Person, project: Project
) -> None:
    other, wanted = project.create_run("train"), project.create_run("score")
    visitor = visit(viewer)
    page = visitor.page
    visitor.go(project)
    page.keyboard.press("/")
    page.keyboard.type("pipeline = score")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Remove pipeline = score")).to_be_visible()
    expect(visitor.row(other.name)).to_have_count(0)
    expect(visitor.row(wanted.name)).to_be_visible()
    page.reload()
    expect(visitor.row(wanted.name)).to_be_visible()
    later = project.create_run("score")
    expect(visitor.row(later.name)).to_be_visible()
    page.get_by_role("button", name="Pending").click()
    stop(project, later)
    expect(visitor.row(later.name)).to_have_count(0)
    expect(visitor.row(other.name)).to_have_count(0)


def test_a_filter_that_is_refused_is_explained(
    visit: Visit, viewer: Person, project: Project
) -> None:
    visitor = visit(viewer)
    visitor.go(project, "runs?q=nonsense+%3D+1")
    expect(visitor.page.get_by_role("alert")).to_contain_text("nonsense")
    visitor.assert_accessible()
    visitor.page.get_by_role("button", name="Remove nonsense = 1").click()
    expect(visitor.page.get_by_text("No runs yet")).to_be_visible()


def test_who_may_only_look_is_offered_nothing_that_is_refused(
    visit: Visit, editor: Person, viewer: Person, project: Project
) -> None:
    runs = [project.create_run() for _ in range(2)]
    for person, stops in ((editor, 1), (viewer, 0)):
        visitor = visit(person)
        with visitor.page.expect_response("**/access:testPermissions"):
            visitor.go(project)
        for run in runs:
            visitor.row(run.name).get_by_role("checkbox").check()
        expect(visitor.page.get_by_role("button", name="Compare 2")).to_be_visible()
        expect(visitor.page.get_by_role("button", name="Stop 2")).to_have_count(stops)


def test_several_are_stopped_at_once_and_a_refusal_is_told(
    visit: Visit, editor: Person, project: Project
) -> None:
    runs = [project.create_run() for _ in range(3)]
    visitor = visit(editor)
    page = visitor.page
    visitor.go(project)
    for run in runs[:2]:
        visitor.row(run.name).get_by_role("checkbox").check()
    page.get_by_role("button", name="Stop 2").click()
    visitor.assert_accessible()
    page.get_by_role("button", name="Stop", exact=True).click()
    for run in runs[:2]:
        expect(visitor.row(run.name)).to_contain_text("Stopped")
    expect(visitor.row(runs[2].name)).to_contain_text("Pending")
    expect(page.get_by_role("status").filter(has_text="2 done")).to_be_visible()


def test_several_get_a_label_beside_those_that_they_have(
    visit: Visit, editor: Person, project: Project
) -> None:
    runs = [project.create_run() for _ in range(2)]
    update = runs_pb2.UpdateRunRequest(update_mask={"paths": ["labels"]})
    update.run.name, update.run.labels["team"] = runs[0].name, "vision"
    project.call(project.runs.UpdateRun, update)
    visitor = visit(editor)
    page = visitor.page
    visitor.go(project)
    for run in runs:
        visitor.row(run.name).get_by_role("checkbox").check()
    page.get_by_role("button", name="Label 2").click()
    page.get_by_label("Labels").fill(f"stage=trial\nnote={HOSTILE}")
    visitor.assert_accessible()
    page.get_by_role("button", name="Label", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="2 done")).to_be_visible()
    labels = [dict(project.run(run.name).labels) for run in runs]
    added = {"stage": "trial", "note": HOSTILE}
    assert labels == [{"team": "vision", **added}, added]


def test_names_that_attack_are_only_names(visit: Visit, viewer: Person, project: Project) -> None:
    request = runs_pb2.CreateRunRequest(parent=project.name)
    request.run.pipeline = f"{project.name}/pipelines/train"
    request.run.display_name = HOSTILE
    run = project.call(project.runs.CreateRun, request)
    visitor = visit(viewer)
    visitor.go(project)
    expect(visitor.row(run.name)).to_contain_text(HOSTILE)
    assert visitor.page.locator("img[src=x]").count() == 0
    expect(visitor.page).to_have_title("Runs · Weft")


def test_a_restart_of_the_gateway_loses_nothing_and_shows_nothing_twice(
    visit: Visit, viewer: Person, project: Project, mesh: Mesh
) -> None:
    before = project.create_run()
    visitor = visit(viewer)
    visitor.go(project)
    with mesh.without("gateway"):
        expect(visitor.page.get_by_text("Reconnecting")).to_be_visible()
        meanwhile = [project.create_run() for _ in range(3)]
        stop(project, before)
    expect(visitor.page.get_by_text("Live", exact=True)).to_be_visible()
    for run in meanwhile:
        expect(visitor.row(run.name)).to_have_count(1)
    expect(visitor.row(before.name)).to_contain_text("Stopped")


def test_a_restart_of_the_workspace_loses_nothing_either(
    visit: Visit, viewer: Person, project: Project, mesh: Mesh
) -> None:
    run = project.create_run()
    visitor = visit(viewer)
    visitor.go(project)
    mesh.kill("workspace")
    project.until_connected()
    stop(project, run)
    expect(visitor.row(run.name)).to_contain_text("Stopped")
    expect(visitor.page.get_by_text("Live", exact=True)).to_be_visible()


def test_two_tabs_with_two_projects_never_mix(
    visit: Visit, viewer: Person, project: Project, mesh: Mesh
) -> None:
    other = mesh.project(f"{project.id[:40]}-other")
    here, there = visit(viewer), visit(viewer)
    here.go(project)
    there.go(other)
    runs = project.create_run(), other.create_run()
    expect(here.row(runs[0].name)).to_be_visible()
    expect(there.row(runs[1].name)).to_be_visible()
    expect(here.row(runs[1].name)).to_have_count(0)
    expect(there.row(runs[0].name)).to_have_count(0)
    here.page.get_by_role("button", name=project.id).click()
    here.page.get_by_role("menuitemradio", name=other.id).click()
    expect(here.row(runs[1].name)).to_be_visible()
    expect(here.row(runs[0].name)).to_have_count(0)
