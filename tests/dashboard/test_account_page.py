"""One's own account: name, password, where one is signed in, and tokens for scripts."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.looking import Visitor
from tests.system.people import PASSWORD, Person
from tests.system.project import Project
from weft.errors import NotPermittedError, NotSignedInError
from weftapi.workspace.v1 import projects_pb2

Visit = Callable[[Person], Visitor]
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
NEW_PASSWORD = "staple battery horse correct"


def change_password(page: Page, current: str, new: str) -> None:
    page.get_by_label("Current password").fill(current)
    page.get_by_label("New password").fill(new)
    page.get_by_role("button", name="Change the password").click()


def test_a_name_is_changed_and_a_password_shuts_other_browsers_out(
    new_page: Callable[..., Visitor], newcomer: Person
) -> None:
    newcomer.grant("viewer")
    visitor, elsewhere = new_page(), new_page()
    page = visitor.page
    visitor.sign_in(newcomer)
    elsewhere.sign_in(newcomer)
    page.get_by_role("button", name="Account of").click()
    page.get_by_role("menuitem", name="Your account").click()
    expect(page.get_by_label("Email")).to_have_value(newcomer.email)
    visitor.assert_accessible()
    page.get_by_label("Name", exact=True).fill(HOSTILE)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name=f"Account of {HOSTILE}")).to_be_visible()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    change_password(page, "not my password", NEW_PASSWORD)
    expect(page.get_by_role("alert")).to_contain_text("Request")
    # One attempt is one attempt: wrong ones are counted.
    assert len([url for url in sent if url.endswith("users:setPassword")]) == 1
    assert not [url for url in sent if url.endswith("/auth/session")]
    change_password(page, PASSWORD, NEW_PASSWORD)
    expect(page.get_by_text("Your password is changed")).to_be_visible()
    visitor.assert_accessible()
    page.reload()
    expect(page.get_by_role("heading", name="Profile")).to_be_visible()
    elsewhere.page.goto("/account/sessions")
    expect(elsewhere.page.get_by_role("heading", name="Sign in to Weft")).to_be_visible()
    elsewhere.fill_sign_in(newcomer, NEW_PASSWORD)
    expect(elsewhere.page.get_by_role("heading", name="Sessions")).to_be_visible()
    assert page.locator("img[src=x]").count() == 0


def test_sessions_are_ended_one_by_one_and_all_at_once(
    new_page: Callable[..., Visitor], newcomer: Person, project: Project
) -> None:
    newcomer.grant("viewer")
    script = newcomer.sign_in(project.id)
    visitor, phone = new_page(), new_page(user_agent="Mozilla/5.0 (iPhone) Version/18 Safari/604")
    page = visitor.page
    visitor.sign_in(newcomer)
    phone.sign_in(newcomer)
    page.goto("/account/sessions")
    expect(page.get_by_role("row").filter(has_text="This browser")).to_contain_text("Chrome on")
    row = page.get_by_role("row").filter(has_text="Safari on iOS")
    visitor.assert_accessible()
    row.get_by_role("button", name="Sign out").click()
    visitor.assert_accessible()
    page.get_by_role("dialog").get_by_role("button", name="Sign out").click()
    expect(row).to_have_count(0)
    phone.page.goto("/account/sessions")
    expect(phone.page.get_by_role("heading", name="Sign in to Weft")).to_be_visible()
    page.get_by_role("button", name="Sign out everywhere else").click()
    page.get_by_role("dialog").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page.get_by_role("button", name="Sign out everywhere else")).to_have_count(0)
    with pytest.raises(NotSignedInError):
        script.list_events()


def test_a_token_is_shown_once_narrow_and_revoked(
    visit: Visit, editor: Person, project: Project
) -> None:
    visitor = visit(editor)
    page = visitor.page
    page.goto("/account/tokens")
    expect(page.get_by_text("weft tokens create")).to_be_visible()
    visitor.assert_accessible()
    page.get_by_role("button", name="Create a token").click()
    page.get_by_label("What for").fill(HOSTILE)
    page.get_by_label("What it may do").select_option("chosen")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Choose a permission")
    page.locator("summary").filter(has_text="projects").click()
    page.get_by_label("projects.get", exact=True).check()
    visitor.assert_accessible()
    page.get_by_role("button", name="Create", exact=True).click()
    dialog = page.get_by_role("dialog", name="Your token")
    secret = dialog.get_by_text("weft_pat_").inner_text()
    visitor.assert_accessible()
    page.get_by_role("button", name="I have copied it").click()
    row = page.get_by_role("row").filter(has_text="projects.get")
    expect(row).to_contain_text(HOSTILE)
    expect(page.get_by_text(secret)).to_have_count(0)
    visitor.assert_accessible()
    script = editor.with_token(project.id, secret)
    found = projects_pb2.GetProjectRequest(name=project.name)
    assert script.call(script.projects.GetProject, found).name == project.name
    with pytest.raises(NotPermittedError):
        script.create_run()
    row.get_by_role("button", name="Revoke").click()
    page.get_by_role("button", name="Revoke", exact=True).last.click()
    expect(page.get_by_text("No tokens yet")).to_be_visible()
    assert page.locator("img[src=x]").count() == 0
