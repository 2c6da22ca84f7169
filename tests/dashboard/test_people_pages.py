"""Members, invitations and teams: who belongs to the organization, and who comes in."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.dashboard.looking import Visitor
from tests.system.people import PASSWORD, Person

Visit = Callable[[Person], Visitor]
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"


def go(visitor: Visitor, path: str) -> Page:
    visitor.page.goto(f"/o/default/{path}")
    return visitor.page


def choose(page: Page, name: str, item: str) -> None:
    """Something from the menu of a row."""
    page.get_by_role("button", name=name).click()
    page.get_by_role("menuitem", name=item).click()


def test_a_colleague_is_invited_and_comes_in(
    visit: Visit, new_page: Callable[..., Visitor], administrator: Person
) -> None:
    visitor = visit(administrator)
    page = go(visitor, "invitations")
    page.get_by_role("button", name="Invite", exact=True).click()
    page.get_by_label("Address", exact=True).fill("grace@example.com")
    page.get_by_label("Role").select_option("organizations/default/roles/viewer")
    page.get_by_label("Where").select_option("organizations/default/workspaces/default")
    visitor.assert_accessible()
    page.get_by_role("button", name="Make the link").click()
    dialog = page.get_by_role("dialog", name="Hand this link over")
    link = dialog.get_by_text("/invitation#").inner_text()
    visitor.assert_accessible()
    dialog.get_by_role("button", name="I have copied it").click()
    expect(page.get_by_role("row").filter(has_text="grace@example.com")).to_contain_text("Open")
    guest = new_page()
    guest.page.goto(link)
    expect(guest.page.get_by_text("grace@example.com")).to_be_visible()
    guest.assert_accessible()
    guest.page.get_by_label("Your name").fill("Grace")
    guest.page.get_by_label("Password").fill(PASSWORD)
    guest.page.get_by_role("button", name="Join").click()
    expect(guest.page.get_by_role("button", name="Account of Grace")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="grace@example.com")
    expect(row).to_contain_text("Accepted")
    expect(row).to_contain_text("viewer on workspace default")
    guest.page.goto(link)
    expect(guest.page.get_by_role("alert")).to_contain_text("Request")


def test_an_invitation_is_taken_back(
    visit: Visit, new_page: Callable[..., Visitor], administrator: Person
) -> None:
    visitor = visit(administrator)
    page = go(visitor, "invitations")
    page.get_by_role("button", name="Invite", exact=True).click()
    page.get_by_label("Address", exact=True).fill("mallory@example.com")
    page.get_by_role("button", name="Make the link").click()
    link = page.get_by_text("/invitation#").inner_text()
    page.get_by_role("button", name="I have copied it").click()
    choose(page, "What to do with the invitation of mallory@example.com", "Revoke")
    page.get_by_role("button", name="Revoke", exact=True).click()
    row = page.get_by_role("row").filter(has_text="mallory@example.com")
    expect(row).to_contain_text("Revoked")
    guest = new_page()
    guest.page.goto(link)
    expect(guest.page.get_by_role("alert")).to_contain_text("Request")
    guest.assert_accessible()


def test_an_account_is_shut_opened_and_removed(
    visit: Visit, administrator: Person, newcomer: Person
) -> None:
    visitor = visit(administrator)
    page = go(visitor, f"members?q={newcomer.email[:14]}")
    row = page.get_by_role("row").filter(has_text=newcomer.email)
    expect(row).to_contain_text("Active")
    visitor.assert_accessible()
    actions = f"What to do with {newcomer.email}"
    choose(page, actions, "Deactivate")
    visitor.assert_accessible()
    page.get_by_role("button", name="Deactivate", exact=True).click()
    expect(row).to_contain_text("Deactivated")
    choose(page, actions, "Reactivate")
    page.get_by_role("button", name="Reactivate", exact=True).click()
    expect(row).to_contain_text("Active")
    choose(page, actions, "Let choose a new password")
    page.get_by_role("button", name="Let choose a new password", exact=True).click()
    expect(page.get_by_role("dialog", name="Hand this token over")).to_be_visible()
    page.get_by_role("button", name="I have copied it").click()
    choose(page, actions, "Remove from the organization")
    page.get_by_role("button", name="Remove from the organization", exact=True).click()
    expect(page.get_by_text("No member has such an address")).to_be_visible()


def test_who_is_erased_is_typed_first(
    visit: Visit, administrator: Person, newcomer: Person
) -> None:
    visitor = visit(administrator)
    page = go(visitor, f"members?q={newcomer.email}")
    choose(page, f"What to do with {newcomer.email}", "Erase for good")
    erase = page.get_by_role("button", name="Erase for good", exact=True)
    typed = page.get_by_label("To go on, type the address")
    typed.fill("somebody else")
    erase.click()
    expect(page.get_by_role("row").filter(has_text=newcomer.email)).to_be_visible()
    typed.fill(newcomer.email)
    erase.click()
    expect(page.get_by_text("No member has such an address")).to_be_visible()


def test_a_team_is_made_filled_emptied_and_deleted(
    visit: Visit, administrator: Person, viewer: Person
) -> None:
    visitor = visit(administrator)
    page = go(visitor, "teams")
    expect(page.get_by_text("No teams yet")).to_be_visible()
    visitor.assert_accessible()
    page.get_by_role("button", name="Create a team").click()
    page.get_by_label("Id").fill("oncall")
    page.get_by_label("Name").fill(HOSTILE)
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(HOSTILE)
    expect(page.get_by_text("weft teams add oncall")).to_be_visible()
    page.get_by_role("button", name="Add a member").click()
    page.get_by_label("Person or service account").fill("nobody@example.com")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Nobody with the address nobody@example.com")
    page.get_by_label("Person or service account").fill(viewer.email)
    page.get_by_role("button", name="Add", exact=True).click()
    row = page.get_by_role("row").filter(has_text=viewer.email)
    expect(row).to_be_visible()
    visitor.assert_accessible()
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Name").fill("On call")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("On call")
    row.get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Remove", exact=True).last.click()
    expect(page.get_by_text("Nobody is in this team")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No teams yet")).to_be_visible()
    assert page.locator("img[src=x]").count() == 0


def test_who_may_only_look_changes_nothing_and_who_may_not_is_told(
    visit: Visit, onlooker: Person, viewer: Person
) -> None:
    visitor = visit(onlooker)
    page = go(visitor, "members")
    expect(page.get_by_role("row").filter(has_text=onlooker.email)).to_contain_text("(you)")
    expect(page.get_by_role("link", name="Teams")).to_be_visible()
    expect(page.get_by_role("link", name="Invitations")).to_have_count(0)
    expect(page.get_by_role("button", name="What to do with")).to_have_count(0)
    page.get_by_role("link", name="Teams").click()
    expect(page.get_by_role("heading", name="Teams", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Create a team")).to_have_count(0)
    outsider = visit(viewer)
    outsider.page.goto("/")
    expect(outsider.page.get_by_text("Live", exact=True)).to_be_visible()
    expect(outsider.page.get_by_role("link", name="Organization")).to_have_count(0)
    page = go(outsider, "members")
    expect(page.get_by_role("heading", name="You may not see this")).to_be_visible()
    outsider.assert_accessible()
    page.goto("/o/elsewhere/members")
    expect(page.get_by_text("There is no such organization")).to_be_visible()
