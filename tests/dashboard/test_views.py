"""Saved views of the list of runs: made, looked through, shared, and gone."""

import re
from collections.abc import Callable

from playwright.sync_api import Locator, expect

from tests.dashboard.looking import Visitor
from tests.system.people import Person
from tests.system.project import Project
from weftapi.workspace.v1 import runs_pb2, saved_views_pb2, saved_views_pb2_grpc

Visit = Callable[[Person], Visitor]
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>alert(1)</script>"


def save(project: Project, id_: str, **fields: object) -> None:
    """A shared view of an administrator."""
    stub = project.endpoint.stub(saved_views_pb2_grpc.SavedViewServiceStub)
    request = saved_views_pb2.CreateSavedViewRequest(parent=project.name, saved_view_id=id_)
    request.saved_view.MergeFrom(saved_views_pb2.SavedView(**fields))  # type: ignore[arg-type]
    request.saved_view.collection = "runs"
    request.saved_view.scope = saved_views_pb2.SAVED_VIEW_SCOPE_SHARED
    project.call(stub.CreateSavedView, request)


def narrow(project: Project, id_: str, filter_: str) -> None:
    """What an administrator has a view show from now on."""
    stub = project.endpoint.stub(saved_views_pb2_grpc.SavedViewServiceStub)
    view = saved_views_pb2.SavedView(name=f"{project.name}/savedViews/{id_}", filter=filter_)
    project.call(stub.UpdateSavedView, saved_views_pb2.UpdateSavedViewRequest(saved_view=view))


def short(name: str) -> str:
    return name.rpartition("/")[2]


def menu(visitor: Visitor, name: str = "Views") -> Locator:
    """The menu of views, opened by its button."""
    visitor.page.get_by_role("button", name=name, exact=True).click()
    return visitor.page.get_by_role("menu")


def keep(visitor: Visitor, name: str) -> None:
    """Saves what is shown, by keys alone from where the menu is open."""
    menu(visitor).get_by_role("menuitem", name="Save as a view").press("Enter")
    visitor.page.get_by_role("textbox", name="Name").fill(name)
    visitor.page.get_by_role("dialog", name="Save as a view").get_by_role(
        "button", name="Save"
    ).press("Enter")
    expect(visitor.page.get_by_role("button", name=name, exact=True)).to_be_visible()


def test_what_is_looked_at_is_kept_with_its_columns(
    visit: Visit, editor: Person, project: Project
) -> None:
    other, wanted = project.create_run("train"), project.create_run("score")
    visitor = visit(editor)
    page = visitor.page
    visitor.go(project, "runs?q=pipeline+%3D+score")
    page.get_by_role("button", name="Columns", exact=True).click()
    page.get_by_role("menuitemcheckbox", name="Labels").click()
    page.keyboard.press("Escape")
    keep(visitor, "Scores")
    visitor.go(project)
    expect(visitor.row(other.name)).to_be_visible()
    page.get_by_role("button", name="Columns", exact=True).click()
    page.get_by_role("menuitemcheckbox", name="Labels").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("columnheader", name="Labels")).to_have_count(0)
    menu(visitor).get_by_role("menuitemradio", name="Scores").click()
    expect(page.get_by_role("button", name="Remove pipeline = score")).to_be_visible()
    expect(visitor.row(wanted.name)).to_be_visible()
    expect(visitor.row(other.name)).to_have_count(0)
    expect(page.get_by_role("columnheader", name="Labels")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Scores", exact=True)).to_be_visible()
    expect(page.get_by_role("columnheader", name="Labels")).to_be_visible()
    visitor.assert_accessible()
    visitor.go(project)
    expect(page.get_by_role("columnheader", name="Labels")).to_have_count(0)


def test_a_view_keeps_the_order_and_what_is_new_comes_last(
    visit: Visit, editor: Person, project: Project
) -> None:
    """Under a filter as without one: the server says where a new run belongs."""
    runs = [project.create_run("train").name for _ in range(3)]
    visitor = visit(editor)
    page = visitor.page
    visitor.go(project)
    head = page.get_by_role("columnheader", name="Created")
    expect(head).to_have_attribute("aria-sort", "descending")
    ids = page.get_by_role("table", name="Runs").locator("a[data-row]")
    expect(ids).to_have_text([short(run) for run in reversed(runs)])
    head.get_by_role("button").press("Enter")
    expect(head).to_have_attribute("aria-sort", "ascending")
    expect(ids).to_have_text([short(run) for run in runs])
    visitor.assert_accessible()
    runs.append(project.create_run("train").name)
    expect(ids).to_have_text([short(run) for run in runs])
    keep(visitor, "From the beginning")
    visitor.go(project, "runs?q=pipeline+%3D+train")
    expect(ids).to_have_text([short(run) for run in reversed(runs)])
    menu(visitor).get_by_role("menuitemradio", name="From the beginning").click()
    expect(ids).to_have_text([short(run) for run in runs])
    page.get_by_label("Filter runs").fill("pipeline = train")
    page.get_by_label("Filter runs").press("Enter")
    menu(visitor).get_by_role("menuitem", name="Update “From the beginning”").click()
    expect(page.get_by_role("dialog")).to_contain_text("the oldest first")
    page.get_by_role("button", name="Update", exact=True).click()
    runs.append(project.create_run("train").name)
    project.create_run("other")
    expect(ids).to_have_text([short(run) for run in runs])
    stop = runs_pb2.StopRunRequest(name=runs[0])
    project.call(project.runs.StopRun, stop)
    expect(visitor.row(runs[0])).to_contain_text("Stopped")
    page.reload()
    expect(head).to_have_attribute("aria-sort", "ascending")
    expect(ids).to_have_text([short(run) for run in runs])


def test_a_view_is_renamed_shared_with_all_and_deleted(
    visit: Visit, editor: Person, viewer: Person, project: Project
) -> None:
    colleague = visit(viewer)
    colleague.go(project)
    visitor = visit(editor)
    page = visitor.page
    visitor.go(project, "runs?q=state+%3D+FAILED")
    keep(visitor, "Red")
    menu(visitor, "Red").get_by_role("menuitem", name="Rename this view").click()
    visitor.assert_accessible()
    page.get_by_role("textbox", name="Name").fill("Failed")
    page.get_by_role("button", name="Rename").click()
    menu(visitor, "Failed").get_by_role("menuitem", name="Share this view").click()
    page.get_by_role("button", name="Share", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    opened = menu(visitor, "Failed")
    expect(opened.get_by_text("Shared views")).to_be_visible()
    expect(opened.get_by_role("menuitem", name="Share this view")).to_have_count(0)
    menu(colleague).get_by_role("menuitemradio", name="Failed").click()
    expect(colleague.page.get_by_role("button", name="Remove state = FAILED")).to_be_visible()
    opened.get_by_role("menuitem", name="Delete this view").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("button", name="Views", exact=True)).to_be_visible()
    expect(colleague.page.get_by_role("button", name="Views", exact=True)).to_be_visible()


def test_who_may_only_look_keeps_views_of_their_own(
    visit: Visit, editor: Person, viewer: Person, project: Project
) -> None:
    save(project, "all", display_name="Of all", filter="state = FAILED")
    visitor = visit(viewer)
    page = visitor.page
    visitor.go(project, "runs?q=state+%3D+FAILED")
    opened = menu(visitor, "Of all")
    expect(opened.get_by_role("menuitem")).to_have_text(["Save as a view …"])
    page.keyboard.press("Escape")
    visitor.go(project)
    menu(visitor).get_by_role("menuitem", name="Save as a view").click()
    expect(page.get_by_role("checkbox")).to_have_count(0)
    page.keyboard.press("Escape")
    keep(visitor, "Mine")
    opened = menu(visitor, "Mine")
    expect(opened.get_by_role("menuitem")).to_have_text(
        ["Save as a view …", "Rename this view …", "Delete this view …"]
    )
    other = visit(editor)
    other.go(project)
    expect(menu(other).get_by_role("menuitemradio")).to_have_text(["Of all"])


def test_a_view_that_was_left_is_updated_with_what_is_shown(
    visit: Visit, editor: Person, project: Project
) -> None:
    run = project.create_run()
    visitor = visit(editor)
    page = visitor.page
    visitor.go(project, "runs?q=state+%3D+FAILED")
    keep(visitor, HOSTILE)
    expect(menu(visitor, HOSTILE).get_by_role("menuitem", name="Update")).to_have_count(0)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Remove state = FAILED").click()
    page.get_by_role("button", name="Columns", exact=True).click()
    page.get_by_role("menuitemcheckbox", name="Labels").click()
    # Whoever comes back to the address finds the view that was left.
    page.reload()
    menu(visitor).get_by_role("menuitem", name=f"Update “{HOSTILE}” …").press("Enter")
    dialog = page.get_by_role("dialog", name=f"Update “{HOSTILE}”?")
    expect(dialog).to_contain_text("It shows all runs")
    visitor.assert_accessible()
    dialog.get_by_role("button", name="Update").press("Enter")
    expect(page.get_by_role("button", name=HOSTILE, exact=True)).to_be_visible()
    visitor.go(project, "runs?q=state+%3D+FAILED")
    expect(visitor.row(run.name)).to_have_count(0)
    menu(visitor).get_by_role("menuitemradio", name=HOSTILE).click()
    expect(visitor.row(run.name)).to_be_visible()
    expect(page).to_have_url(re.compile(r"columns=.*labels"))


def test_a_shared_view_is_updated_by_those_who_may_and_over_nobody_else(
    visit: Visit, editor: Person, viewer: Person, project: Project
) -> None:
    save(project, "all", display_name="Of all", filter="state = FAILED")
    for person, offered in ((viewer, 0), (editor, 1)):
        visitor = visit(person)
        visitor.go(project, "runs?q=state+%3D+FAILED")
        expect(visitor.page.get_by_role("button", name="Of all", exact=True)).to_be_visible()
        visitor.page.get_by_role("button", name="Remove state = FAILED").click()
        opened = menu(visitor)
        expect(opened.get_by_role("menuitem", name="Save as a view")).to_be_visible()
        expect(opened.get_by_role("menuitem", name="Update")).to_have_count(offered)
    opened.get_by_role("menuitem", name="Update").click()
    dialog = visitor.page.get_by_role("dialog")
    expect(dialog).to_contain_text("It changes for everybody.")
    narrow(project, "all", "state = RUNNING")
    dialog.get_by_role("button", name="Update").click()
    expect(dialog.get_by_role("alert")).to_contain_text("changed")
    dialog.get_by_role("button", name="Cancel").click()
    menu(visitor).get_by_role("menuitemradio", name="Of all").click()
    expect(visitor.page.get_by_role("button", name="Remove state = RUNNING")).to_be_visible()


def test_names_that_attack_are_only_names(visit: Visit, viewer: Person, project: Project) -> None:
    save(project, "hostile", display_name=HOSTILE, columns=["run", HOSTILE, "__proto__"])
    run = project.create_run()
    visitor = visit(viewer)
    visitor.go(project)
    menu(visitor).get_by_role("menuitemradio").click()
    expect(visitor.page.get_by_role("button", name=HOSTILE, exact=True)).to_be_visible()
    expect(visitor.row(run.name)).to_be_visible()
    expect(visitor.page.get_by_role("columnheader")).to_have_text(["Select", "State", "Run"])
    assert visitor.page.locator("img[src=x]").count() == 0
    expect(visitor.page).to_have_title("Runs · Weft")
    visitor.assert_accessible()
