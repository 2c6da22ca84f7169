"""The way in, and back in where a session ends amid something."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.dashboard.looking import Visitor
from tests.system.people import PASSWORD, Person
from tests.system.project import Project
from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc

Visit = Callable[[Person], Visitor]


def test_a_wrong_password_is_told_and_the_right_one_leads_to_where_one_wanted(
    new_page: Callable[..., Visitor], editor: Person, project: Project
) -> None:
    visitor = new_page()
    page = visitor.page
    page.goto(f"/w/default/p/{project.id}/runs?q=state+%3D+FAILED")
    expect(page.get_by_role("heading", name="Sign in to Weft")).to_be_visible()
    visitor.assert_accessible()
    visitor.fill_sign_in(editor, "wrong")
    expect(page.get_by_role("alert")).to_contain_text("Request")
    visitor.fill_sign_in(editor)
    expect(page.get_by_text("No run matches this filter")).to_be_visible()
    expect(page.get_by_role("button", name="Remove state = FAILED")).to_be_visible()


def test_signing_out_leaves_nothing_behind(
    new_page: Callable[..., Visitor], viewer: Person, project: Project
) -> None:
    visitor = new_page()
    visitor.sign_in(viewer)
    visitor.go(project)
    visitor.page.get_by_role("button", name="Account of").click()
    visitor.page.get_by_role("menuitem", name="Sign out", exact=True).click()
    expect(visitor.page.get_by_role("heading", name="Sign in to Weft")).to_be_visible()
    visitor.page.go_back()
    expect(visitor.page.get_by_role("heading", name="Sign in to Weft")).to_be_visible()


def test_a_session_that_ends_amid_an_action_keeps_what_was_typed(
    visit: Visit, editor: Person, project: Project, sign_ins: dict[str, Any]
) -> None:
    run = project.create_run()
    visitor = visit(editor)
    page = visitor.page
    visitor.go(project)
    visitor.row(run.name).get_by_role("checkbox").check()
    page.get_by_role("button", name="Stop 1").click()
    page.get_by_label("Reason").fill("it costs too much")
    page.context.clear_cookies()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_role("dialog", name="Your session has ended")).to_be_visible()
    visitor.assert_accessible()
    visitor.fill_sign_in(editor)
    expect(page.get_by_label("Reason")).to_have_value("it costs too much")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(visitor.row(run.name)).to_contain_text("Stopped")
    assert project.run(run.name).stop_request.reason == "it costs too much"


def test_who_signs_in_in_one_tab_is_signed_in_in_all(
    new_page: Callable[..., Visitor], viewer: Person, editor: Person, project: Project
) -> None:
    visitor = new_page()
    visitor.sign_in(viewer)
    visitor.go(project)
    page, another = visitor.page, visitor.page.context.new_page()
    page.context.clear_cookies()
    Visitor(another, visitor.origin).sign_in(editor)
    # Nobody touched it, and it must not show one person what it does as another.
    expect(page.get_by_role("button", name=f"Account of {editor.email}")).to_be_visible()


def test_what_went_wrong_on_the_way_is_said_and_one_goes_on_to_where_one_wanted(
    new_page: Callable[..., Visitor], viewer: Person, project: Project
) -> None:
    visitor = new_page()
    page = visitor.page
    page.goto(f"/login?error=INVALID_GRANT&returnTo=/w/default/p/{project.id}/runs%3Fq%3Dx")
    expect(page.get_by_text("This link was used already")).to_be_visible()
    visitor.assert_accessible()
    visitor.fill_sign_in(viewer)
    expect(page.get_by_role("button", name="Remove x")).to_be_visible()
    page.goto("/login?returnTo=//evil.example")
    expect(page.get_by_role("navigation", name="Project")).to_be_visible()


def test_the_link_of_the_first_start_says_when_somebody_was_first(
    new_page: Callable[..., Visitor],
) -> None:
    visitor = new_page()
    page = visitor.page
    page.goto("/setup")
    expect(page.get_by_text("weft admin bootstrap-url")).to_be_visible()
    # Another hash alone is the same page to a browser.
    page.goto("about:blank")
    page.goto("/setup#token=weft_setup_nonsense")
    page.get_by_label("Email").fill("late@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    visitor.assert_accessible()
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("alert")).to_contain_text("The first administrator exists already")
    visitor.assert_accessible()
    page.get_by_role("link", name="Sign in").click()
    expect(page.get_by_role("heading", name="Sign in to Weft")).to_be_visible()


def test_a_device_is_let_in_by_whoever_is_asked(
    visit: Visit, viewer: Person, project: Project
) -> None:
    anonymous = project.connection.anonymous
    auth = anonymous.stub(auth_pb2_grpc.AuthServiceStub)
    request = auth_pb2.StartDeviceAuthorizationRequest(client_name="weft on a laptop")
    asked = anonymous.call(auth.StartDeviceAuthorization, request)
    visitor = visit(viewer)
    page = visitor.page
    page.goto("/device")
    page.get_by_label("Code").fill(asked.user_code.lower())
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("weft on a laptop")).to_be_visible()
    expect(page.get_by_text(viewer.email)).to_be_visible()
    visitor.assert_accessible()
    page.get_by_role("button", name="Let it in").click()
    expect(page.get_by_text("The device is signed in")).to_be_visible()
    page.goto("/device?user_code=BCDF-GHJK")
    expect(page.get_by_role("alert")).to_be_visible()
    visitor.assert_accessible()
