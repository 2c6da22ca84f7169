"""Who vouches for people: providers, domains; and what an organization says of itself."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.dashboard.looking import Visitor
from tests.system.people import PASSWORD, Person

Visit = Callable[[Person], Visitor]
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
# Nobody listens there.
ISSUER = "https://127.0.0.1:1"


def confirm(page: Page, name: str) -> None:
    page.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()


def add_provider(page: Page, provider: str, name: str) -> None:
    page.goto("/o/default/identity-providers")
    page.get_by_role("button", name="Add a provider").click()
    page.get_by_label("Id", exact=True).fill(provider)
    page.get_by_label("Issuer").fill(ISSUER)
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Client id").fill("weft")
    page.get_by_label("Client secret").fill("between us alone")


def delete(page: Page) -> None:
    page.get_by_role("button", name="Delete", exact=True).click()
    confirm(page, "Delete")


def test_a_provider_is_added_tested_changed_and_deleted(
    visit: Visit, administrator: Person
) -> None:
    visitor = visit(administrator)
    page = visitor.page
    page.goto("/o/default/identity-providers")
    expect(page.get_by_text("People sign in with passwords alone")).to_be_visible()
    visitor.assert_accessible()
    add_provider(page, "okta", HOSTILE)
    page.get_by_label("Teams by group").fill("ml-eng")
    confirm(page, "Add")
    expect(page.get_by_role("alert")).to_contain_text("is not group = team")
    visitor.assert_accessible()
    page.get_by_label("Teams by group").fill("ml-eng = nobodys")
    confirm(page, "Add")
    expect(page.get_by_role("alert")).to_contain_text("Request")
    page.get_by_label("Teams by group").fill("")
    page.get_by_label("Groups that may sign in").fill("ml-eng\nstaff")
    page.get_by_label("Claim with the groups").fill("groups")
    confirm(page, "Add")
    expect(page.get_by_role("heading", level=1)).to_contain_text(HOSTILE)
    expect(page.get_by_text("/oauth2/callback/default/okta")).to_be_visible()
    page.get_by_role("button", name="Test").click()
    expect(page.get_by_role("status")).to_contain_text("Nobody can sign in")
    expect(page.get_by_role("list", name="Checks")).to_contain_text("Discovery")
    visitor.assert_accessible()
    page.get_by_role("button", name="Edit").click()
    expect(page.get_by_label("Client secret")).to_have_value("")
    page.get_by_label("Name", exact=True).fill("Okta")
    page.get_by_label("Who comes in").select_option("JOIN_POLICY_ANYONE")
    confirm(page, "Save")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Okta")
    expect(page.get_by_text("Whoever the provider vouches for")).to_be_visible()
    expect(page.get_by_text("between us alone")).to_have_count(0)
    page.get_by_role("button", name="Disable").click()
    confirm(page, "Disable")
    expect(page.get_by_text("Disabled")).to_be_visible()
    page.get_by_role("link", name="Identity providers").last.click()
    expect(page.get_by_role("row").filter(has_text="Okta")).to_contain_text("Disabled")
    visitor.assert_accessible()
    page.get_by_role("link", name="Okta").click()
    delete(page)
    expect(page.get_by_text("People sign in with passwords alone")).to_be_visible()
    assert page.locator("img[src=x]").count() == 0


def test_an_invitation_is_returned_to_from_a_provider(
    visit: Visit, new_page: Callable[..., Visitor], administrator: Person, newcomer: Person
) -> None:
    page = visit(administrator).page
    page.goto(f"/o/default/members?q={newcomer.email}")
    page.get_by_role("button", name=f"What to do with {newcomer.email}").click()
    page.get_by_role("menuitem", name="Remove from the organization").click()
    confirm(page, "Remove from the organization")
    expect(page.get_by_text("No member has such an address")).to_be_visible()
    page.goto("/o/default/invitations")
    page.get_by_role("button", name="Invite", exact=True).click()
    page.get_by_label("Address", exact=True).fill(newcomer.email)
    page.get_by_role("button", name="Make the link").click()
    link = page.get_by_text("/invitation#").inner_text()
    add_provider(page, "away", "Away")
    confirm(page, "Add")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Away")
    guest = new_page()
    asked: list[str] = []
    guest.page.on("request", lambda request: asked.append(request.url))
    guest.page.goto(link)
    guest.page.get_by_role("link", name="Continue with Away").click()
    expect(guest.page).to_have_url(re.compile("/login.error="))
    guest.fill_sign_in(newcomer, PASSWORD)
    guest.page.get_by_role("button", name=f"Join as {newcomer.email}").click()
    # They are in, without a role yet.
    expect(guest.page.get_by_text("No workspace is shared with you here")).to_be_visible()
    guest.assert_accessible()
    guest.page.get_by_role("link", name="Your account").click()
    expect(guest.page.get_by_label("Email")).to_have_value(newcomer.email)
    token = link.rpartition("#")[2]
    assert [url for url in asked if token in url and f"#{token}" not in url] == []
    delete(page)
    expect(page.get_by_text("People sign in with passwords alone")).to_be_visible()


def test_a_domain_is_claimed_and_not_trusted_without_its_record(
    visit: Visit, administrator: Person
) -> None:
    visitor = visit(administrator)
    page = visitor.page
    page.goto("/o/default/domains")
    expect(page.get_by_text("No domain is trusted")).to_be_visible()
    page.get_by_role("button", name="Claim a domain").click()
    page.get_by_label("Domain", exact=True).fill("weft.invalid")
    visitor.assert_accessible()
    confirm(page, "Claim")
    expect(page.get_by_role("dialog", name="Verify weft.invalid")).to_contain_text("TXT")
    confirm(page, "Look the record up")
    expect(page.get_by_role("alert")).to_contain_text("Request")
    visitor.assert_accessible()
    page.get_by_role("button", name="Cancel").click()
    row = page.get_by_role("row").filter(has_text="weft.invalid")
    expect(row).to_contain_text("Claimed only")
    visitor.assert_accessible()
    row.get_by_role("button", name="What to do with weft.invalid").click()
    page.get_by_role("menuitem", name="Trust no longer").click()
    confirm(page, "Trust no longer")
    expect(page.get_by_text("No domain is trusted")).to_be_visible()


def test_an_organization_is_renamed_by_whoever_may(
    visit: Visit, administrator: Person, onlooker: Person
) -> None:
    visitor = visit(administrator)
    page = visitor.page
    page.goto("/o/default/settings")
    page.get_by_label("Name").fill("Acme")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Acme Organization")).to_be_visible()
    visitor.assert_accessible()
    looking = visit(onlooker)
    looking.page.goto("/o/default/settings")
    expect(looking.page.get_by_role("definition").filter(has_text="Acme")).to_be_visible()
    expect(looking.page.get_by_role("button", name="Save")).to_have_count(0)
    page.get_by_label("Name").fill("default")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="default Organization")).to_be_visible()
