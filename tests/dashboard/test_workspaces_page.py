"""The fleet: workspaces that the control plane runs, and those that run elsewhere."""

from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.dashboard.looking import Visitor
from tests.system.people import Person

Visit = Callable[[Person], Visitor]
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
# A server is started, stopped and started again, on machines that do much else.
PATIENCE_MS = 90_000


def go(visitor: Visitor) -> Page:
    visitor.page.goto("/o/default/workspaces")
    return visitor.page


def row(page: Page, workspace: str) -> Locator:
    return page.get_by_role("row").filter(has_text=workspace)


def choose(page: Page, workspace: str, item: str) -> None:
    page.get_by_role("button", name=f"What to do with the workspace {workspace}").click()
    page.get_by_role("menuitem", name=item).click()


def test_a_workspace_is_created_suspended_resumed_and_deleted(
    visit: Visit, administrator: Person
) -> None:
    visitor = visit(administrator)
    page = go(visitor)
    expect(row(page, "default")).to_contain_text("Active")
    page.get_by_role("button", name="Create a workspace").click()
    page.get_by_label("Id", exact=True).fill("research")
    page.get_by_label("Name", exact=True).fill(HOSTILE)
    visitor.assert_accessible()
    page.get_by_role("button", name="Create", exact=True).click()
    research = row(page, "research")
    expect(research).to_contain_text("Active", timeout=PATIENCE_MS)
    expect(research).to_contain_text(HOSTILE)
    assert page.locator("img[src=x]").count() == 0
    for item, state in (("Suspend", "Suspended"), ("Resume", "Active")):
        choose(page, "research", f"{item} …")
        page.get_by_role("button", name=item, exact=True).click()
        expect(research).to_contain_text(state, timeout=PATIENCE_MS)
    visitor.assert_accessible()
    choose(page, "research", "Edit …")
    page.get_by_label("Name", exact=True).fill("Research")
    page.get_by_label("Who upgrades it").select_option("UPGRADE_POLICY_AUTOMATIC")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="Research")).to_be_visible()
    choose(page, "research", "Delete …")
    delete = page.get_by_role("button", name="Delete", exact=True)
    delete.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_label("To go on, type its id").fill("research")
    page.get_by_label("Remove its data too").check()
    visitor.assert_accessible()
    delete.click()
    expect(research).to_have_count(0, timeout=PATIENCE_MS)


def test_one_that_runs_elsewhere_is_registered_and_deregistered(
    visit: Visit, administrator: Person
) -> None:
    visitor = visit(administrator)
    page = go(visitor)
    page.get_by_role("button", name="Register one that runs elsewhere").click()
    page.get_by_label("Id", exact=True).fill("clinic")
    page.get_by_role("button", name="Register", exact=True).click()
    expect(page.get_by_text("weft workspaces enroll clinic")).to_be_visible()
    visitor.assert_accessible()
    page.get_by_role("button", name="Done").click()
    clinic = row(page, "clinic")
    expect(clinic).to_contain_text("Enrolling")
    expect(clinic).to_contain_text("runs elsewhere")
    choose(page, "clinic", "Deregister …")
    page.get_by_label("To go on, type its id").fill("clinic")
    page.get_by_role("button", name="Deregister", exact=True).click()
    expect(clinic).to_have_count(0)


def test_who_may_only_look_sees_the_fleet_and_nothing_to_press(
    visit: Visit, onlooker: Person
) -> None:
    visitor = visit(onlooker)
    page = go(visitor)
    expect(row(page, "default")).to_contain_text("Active")
    for action in ("Create a workspace", "Register one that runs elsewhere"):
        expect(page.get_by_role("button", name=action)).to_have_count(0)
    expect(page.get_by_role("button", name="What to do with")).to_have_count(0)
    visitor.assert_accessible()
    page.get_by_role("link", name="default").click()
    expect(page.get_by_role("heading", name="Health")).to_be_visible()
