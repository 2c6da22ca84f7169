"""The keyboard of the shell: a palette that leads anywhere, and the keys of each page."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.dashboard.looking import Visitor
from tests.system.people import Person
from tests.system.project import Project

Visit = Callable[[Person], Visitor]


def test_one_goes_anywhere_by_writing_a_part_of_its_name(
    visit: Visit, viewer: Person, project: Project
) -> None:
    run = project.create_run("palette-pipeline").name.rpartition("/")[2]
    visitor = visit(viewer)
    page = visitor.page
    visitor.go(project)
    field = page.get_by_role("combobox")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("option").filter(has_text=run)).to_be_visible()
    expect(field).to_be_focused()
    visitor.assert_accessible()
    field.fill("nothing is called so")
    expect(page.get_by_text("0 found")).to_be_visible()
    page.keyboard.press("Enter")
    field.fill(f"run {run}")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=run)).to_be_visible()
    expect(field).to_have_count(0)
    page.keyboard.press("Control+k")
    expect(page.get_by_role("option", name=f"weft runs show {run}")).to_be_attached()
    field.fill("colours")
    expect(page.get_by_role("option")).to_have_count(4)
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("option", selected=True)).to_contain_text("High contrast")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "contrast")
    page.keyboard.press("Meta+k")
    field.fill("palette-pipeline")
    page.get_by_role("option").filter(has_text="palette-pipeline").first.click()
    expect(page).to_have_url(re.compile("palette-pipeline"))
    expect(visitor.row(run)).to_be_visible()


def test_what_one_may_not_list_is_left_out(visit: Visit, viewer: Person, project: Project) -> None:
    run = project.create_run().name.rpartition("/")[2]
    visitor = visit(viewer)
    page = visitor.page
    refusal = {"code": 7, "message": "you may not list artifacts"}
    page.route("**/artifacts?*", lambda route: route.fulfill(status=403, json=refusal))
    visitor.go(project)
    page.keyboard.press("Control+k")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("option").filter(has_text=run)).to_be_visible()
    expect(dialog.get_by_role("alert")).to_have_count(0)


def test_why_nothing_is_offered_is_said_where_rights_cannot_be_read(
    visit: Visit, editor: Person, project: Project
) -> None:
    visitor = visit(editor)
    page = visitor.page
    page.set_viewport_size({"width": 360, "height": 740})
    page.route("**/access:testPermissions", lambda route: route.fulfill(status=500))
    visitor.go(project, "schedules")
    expect(page.get_by_role("alert")).to_contain_text("could not be read: nothing is offered")
    expect(page.get_by_role("button", name="Create a schedule")).to_have_count(0)
    # On a phone the page that is shown is in sight among the others; nothing stands out of it.
    expect(page.get_by_role("link", name="Schedules", exact=True)).to_be_in_viewport(ratio=1)
    assert page.get_by_role("main").evaluate("it => it.scrollWidth <= it.clientWidth")
    visitor.assert_accessible()
    page.unroute("**/access:testPermissions")
    page.get_by_role("main").get_by_role("button", name="Try again").click()
    expect(page.get_by_role("button", name="Create a schedule")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_each_page_lists_its_keys_and_they_do_so(
    visit: Visit, viewer: Person, project: Project
) -> None:
    run = project.create_run()
    project.add_steps(run.name, "one", "two")
    visitor = visit(viewer)
    page = visitor.page
    visitor.go(project)
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_contain_text("go to artifacts")
    expect(keys).not_to_contain_text("previous and next step")
    # A dialog that is open is not covered by another.
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(keys).to_have_count(0)
    visitor.row(run.name).get_by_role("link").click()
    expect(visitor.row("one")).to_be_visible()
    page.keyboard.press("?")
    expect(keys).to_contain_text("previous and next step")
    visitor.assert_accessible()
    page.keyboard.press("Escape")
    for key, step in (("]", "one"), ("]", "two"), ("]", "two"), ("[", "one")):
        page.keyboard.press(key)
        expect(page.get_by_role("complementary", name=f"Step {step}")).to_be_visible()
    page.keyboard.press("l")
    expect(page.get_by_role("tabpanel", name="Logs")).to_contain_text("Nothing was written yet.")
    page.keyboard.press("g")
    page.keyboard.press("a")
    expect(page.get_by_role("heading", name="Artifacts", exact=True)).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_label("Filter artifacts")).to_be_focused()


def test_it_leads_on_from_pages_outside_of_projects(
    visit: Visit, viewer: Person, project: Project
) -> None:
    visitor = visit(viewer)
    page = visitor.page
    visitor.go(project)
    page.goto("/account/profile")
    expect(page.get_by_role("heading", name="Profile")).to_be_visible()
    field = page.get_by_role("combobox")
    page.keyboard.press("Control+k")
    expect(field).to_be_focused()
    visitor.assert_accessible()
    field.fill("sessions")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Sessions", exact=True)).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("go to access tokens")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    field.fill("workspace default")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Stacks", exact=True)).to_be_visible()
    page.keyboard.press("Control+k")
    field.fill(f"project {project.id}")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/p/{project.id}/runs"))
