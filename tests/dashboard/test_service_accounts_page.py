"""Programs with roles of their own: accounts, keys, issuers they trust; and members' tokens."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.looking import Visitor
from tests.system.mesh import Mesh
from tests.system.people import Person, make_token
from tests.system.project import Project
from weft.errors import NotSignedInError

Visit = Callable[[Person], Visitor]
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"


def create_account(page: Page, account: str, name: str = "") -> None:
    page.goto("/o/default/service-accounts")
    page.get_by_role("button", name="Create an account").click()
    page.get_by_label("Id", exact=True).fill(account)
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name or account)


def confirm(page: Page, name: str) -> None:
    page.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()


def take_secret(page: Page) -> str:
    """What is shown once; afterwards it is nowhere."""
    secret = page.get_by_role("dialog").get_by_text("weft_key_").inner_text()
    page.get_by_role("button", name="I have copied it").click()
    expect(page.get_by_text(secret)).to_have_count(0)
    return secret


def whoami(mesh: Mesh, key: str) -> str:
    name: str = json.loads(mesh.cli("whoami", "-o", "json", WEFT_API_KEY=key))["name"]
    return name


def test_a_key_is_made_rotated_with_overlap_and_deleted(
    visit: Visit, mesh: Mesh, administrator: Person
) -> None:
    visitor = visit(administrator)
    page = visitor.page
    page.goto("/o/default/service-accounts")
    visitor.assert_accessible()
    create_account(page, "nightly", HOSTILE)
    expect(page.get_by_text("weft service-accounts keys create nightly")).to_be_visible()
    page.get_by_role("button", name="Create a key").click()
    page.get_by_label("Where it is used").fill("the old runner")
    visitor.assert_accessible()
    confirm(page, "Create")
    expect(page.get_by_role("dialog", name="The key")).to_be_visible()
    visitor.assert_accessible()
    first = take_secret(page)
    assert whoami(mesh, first).endswith("/serviceAccounts/nightly")
    page.get_by_role("button", name="What to do with the key the old runner").click()
    page.get_by_role("menuitem", name="Rotate").click()
    visitor.assert_accessible()
    confirm(page, "Rotate")
    second = take_secret(page)
    assert whoami(mesh, first) == whoami(mesh, second)
    expect(page.get_by_role("row").filter(has_text="weft_key_")).to_have_count(2)
    expect(page.get_by_role("button", name="Create a key")).to_have_count(0)
    visitor.assert_accessible()
    page.get_by_role("button", name="What to do with the key the old runner").last.click()
    page.get_by_role("menuitem", name="Delete").click()
    confirm(page, "Delete")
    expect(page.get_by_role("button", name="Create a key")).to_be_visible()
    assert page.locator("img[src=x]").count() == 0
    delete_account(page)


def delete_account(page: Page) -> None:
    page.get_by_role("button", name="Delete", exact=True).click()
    confirm(page, "Delete")
    expect(page.get_by_role("heading", name="Service accounts", exact=True)).to_be_visible()


def test_an_account_trusts_an_issuer_and_is_shut_and_opened(
    visit: Visit, administrator: Person
) -> None:
    visitor = visit(administrator)
    page = visitor.page
    create_account(page, "ci")
    page.get_by_role("link", name="Without a key").click()
    expect(page.get_by_text("Only keys open this account")).to_be_visible()
    page.get_by_role("button", name="Trust an issuer").click()
    page.get_by_label("Id", exact=True).fill("github")
    page.get_by_label("Audience").fill("weft")
    page.get_by_label("Subject").fill("repo:acme/model:*")
    page.get_by_label("Further claims").fill("environment")
    confirm(page, "Trust")
    expect(page.get_by_role("alert")).to_contain_text("is not claim=value")
    visitor.assert_accessible()
    page.get_by_label("Further claims").fill("environment=production")
    confirm(page, "Trust")
    row = page.get_by_role("row").filter(has_text="github")
    expect(row).to_contain_text("repo:acme/model:*, environment=production")
    visitor.assert_accessible()
    page.reload()
    row.get_by_role("button", name="Remove github").click()
    confirm(page, "Remove")
    expect(page.get_by_text("Only keys open this account")).to_be_visible()
    page.get_by_role("button", name="Disable").click()
    confirm(page, "Disable")
    expect(page.get_by_text("Disabled")).to_be_visible()
    page.get_by_role("button", name="Enable").click()
    confirm(page, "Enable")
    expect(page.get_by_text("Active")).to_be_visible()
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Name").fill("Continuous integration")
    confirm(page, "Save")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Continuous integration")
    delete_account(page)


def test_a_members_token_is_ended_by_an_administrator(
    visit: Visit, administrator: Person, newcomer: Person, project: Project
) -> None:
    newcomer.grant("viewer")
    script = newcomer.with_token(project.id, make_token(newcomer.sign_in(project.id)).secret)
    visitor = visit(administrator)
    page = visitor.page
    page.goto("/o/default/tokens")
    row = page.get_by_role("row").filter(has_text=newcomer.email)
    expect(row).to_contain_text("Everything")
    visitor.assert_accessible()
    row.get_by_role("button", name="Revoke").click()
    confirm(page, "Revoke")
    expect(row).to_have_count(0)
    with pytest.raises(NotSignedInError):
        script.list_events()


def test_a_member_is_signed_out_everywhere_by_an_administrator(
    visit: Visit, new_page: Callable[..., Visitor], administrator: Person, newcomer: Person
) -> None:
    newcomer.grant("viewer")
    theirs = new_page()
    theirs.sign_in(newcomer)
    page = visit(administrator).page
    page.goto(f"/o/default/members?q={newcomer.email}")
    page.get_by_role("button", name=f"What to do with {newcomer.email}").click()
    page.get_by_role("menuitem", name="Sign out everywhere").click()
    confirm(page, "Sign out everywhere")
    expect(page.get_by_role("dialog")).to_have_count(0)
    theirs.page.goto("/account/sessions")
    expect(theirs.page.get_by_role("heading", name="Sign in to Weft")).to_be_visible()


def test_who_may_only_look_sees_accounts_and_no_keys(
    visit: Visit, administrator: Person, onlooker: Person
) -> None:
    create_account(visit(administrator).page, "seen")
    page = visit(onlooker).page
    page.goto("/o/default/service-accounts")
    page.get_by_role("link", name="seen").click()
    expect(page.get_by_text("sa:seen")).to_be_visible()
    for name in ("Create a key", "Delete", "Disable", "Edit"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    for name in ("Keys", "Without a key", "Access tokens", "Identity providers", "Domains"):
        expect(page.get_by_role("link", name=name, exact=True)).to_have_count(0)
