"""Roles and grants, and the answer to who may do what, and why."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.dashboard.looking import Visitor
from tests.system.people import Person

Visit = Callable[[Person], Visitor]
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
WORKSPACE = "organizations/default/workspaces/default"


def check(page: Page, permission: str) -> None:
    """A permission of the picker, in the fold of its noun."""
    noun = permission.partition(".")[0]
    page.locator("summary").filter(has_text=re.compile(rf"^{noun}\d")).click()
    page.get_by_label(permission, exact=True).check()


def create_role(page: Page, role: str, name: str) -> None:
    page.goto("/o/default/roles")
    page.get_by_role("button", name="Create a role").click()
    page.get_by_label("Id", exact=True).fill(role)
    page.get_by_label("Name").fill(name)
    check(page, "runs.stop")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)


def delete_role(page: Page) -> None:
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()


def test_a_role_is_made_changed_and_deleted(visit: Visit, administrator: Person) -> None:
    visitor = visit(administrator)
    page = visitor.page
    create_role(page, "operator", HOSTILE)
    expect(page.get_by_role("term")).to_have_text(["runs.stop"])
    visitor.assert_accessible()
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Name").fill("Operator")
    check(page, "runs.retry")
    visitor.assert_accessible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("term")).to_have_text(["runs.retry", "runs.stop"])
    delete_role(page)
    expect(page.get_by_role("row").filter(has_text="viewer")).to_contain_text("Weft")
    expect(page.get_by_role("row").filter(has_text="operator")).to_have_count(0)
    visitor.assert_accessible()
    assert page.locator("img[src=x]").count() == 0


def test_a_role_is_granted_explained_and_taken_back(
    visit: Visit, administrator: Person, newcomer: Person
) -> None:
    visitor = visit(administrator)
    page = visitor.page
    create_role(page, "pager", "Pager")
    page.get_by_role("link", name="Grants").click()
    page.get_by_role("button", name="Grant a role").click()
    page.get_by_label("Who", exact=True).fill(newcomer.email)
    page.get_by_label("Role", exact=True).select_option("organizations/default/roles/pager")
    page.get_by_label("Where").fill(WORKSPACE)
    page.get_by_label("Until").fill("2100-01-02T03:04")
    visitor.assert_accessible()
    page.get_by_role("button", name="Grant", exact=True).click()
    row = page.get_by_role("row").filter(has_text=newcomer.email)
    expect(row).to_contain_text("workspace default")
    expect(row).to_contain_text("2100")
    visitor.assert_accessible()
    row.get_by_role("link", name="pager").click()
    delete_role(page)
    expect(page.get_by_role("alert")).to_contain_text("Request")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("link", name="Grants").click()
    page.get_by_role("button", name=f"grant of pager to {newcomer.email}").click()
    page.get_by_role("menuitem", name="Take back").click()
    page.get_by_role("button", name="Take back", exact=True).click()
    expect(row).to_have_count(0)


def test_why_somebody_may_do_something_is_answered(
    visit: Visit, administrator: Person, viewer: Person
) -> None:
    visitor = visit(administrator)
    page = visitor.page
    page.goto(f"/o/default/why?who={viewer.email}&where={WORKSPACE}&what=runs.get")
    expect(page.get_by_role("status")).to_contain_text("Yes")
    expect(page.get_by_role("listitem").filter(has_text="the role viewer")).to_be_visible()
    visitor.assert_accessible()
    page.get_by_label("What").fill("runs.delete")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("status")).to_contain_text("may not runs.delete")
    page.get_by_label("What").fill("")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("term").filter(has_text="runs.list")).to_be_visible()
    visitor.assert_accessible()


def test_who_may_only_look_asks_about_themselves_and_changes_nothing(
    visit: Visit, onlooker: Person
) -> None:
    visitor = visit(onlooker)
    page = visitor.page
    page.goto("/o/default/roles")
    expect(page.get_by_role("row").filter(has_text="editor")).to_be_visible()
    expect(page.get_by_role("button", name="Create a role")).to_have_count(0)
    expect(page.get_by_role("link", name="Grants")).to_have_count(0)
    page.get_by_role("link", name="editor").click()
    expect(page.get_by_role("term").filter(has_text="runs.stop")).to_be_visible()
    for action in ("Edit", "Delete"):
        expect(page.get_by_role("button", name=action)).to_have_count(0)
    page.get_by_role("link", name="Who may what").click()
    expect(page.get_by_role("listitem").filter(has_text="the role viewer")).to_be_visible()
    expect(page.get_by_label("Who", exact=True)).to_have_count(0)
    page.goto("/o/default/why?who=somebody@example.com")
    expect(page.get_by_role("alert")).to_contain_text("Nobody with the address")
