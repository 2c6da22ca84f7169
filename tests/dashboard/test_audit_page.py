"""The audit log: who did, or was refused, what; found, read row by row, exported and verified."""

import json
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.dashboard.looking import Visitor
from tests.system.people import ORGANIZATION, Person
from tests.system.project import Project

Visit = Callable[[Person], Visitor]
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"


def find(page: Page, **texts: str) -> None:
    for label, text in texts.items():
        page.get_by_label(label.replace("_", " "), exact=True).fill(text)
    page.get_by_role("button", name="Find").click()


def be_refused(visitor: Visitor, person: Person) -> None:
    """Tries what one may not, from a browser that calls itself what no page should run."""
    person.grant("viewer")
    visitor.sign_in(person)
    status = visitor.page.evaluate("""async () => {
        const headers = { 'x-weft-csrf': '1', 'content-type': 'application/json' }
        const url = '/api/controlplane/v1/organizations/default/teams?teamId=not-mine'
        return (await fetch(url, { method: 'POST', headers, body: '{}' })).status
    }""")
    assert status == 403


def test_a_refusal_is_found_and_told_in_full(
    visit: Visit, new_page: Callable[..., Visitor], administrator: Person, newcomer: Person
) -> None:
    be_refused(new_page(user_agent=HOSTILE), newcomer)
    visitor = visit(administrator)
    page = visitor.page
    page.goto("/o/default/audit")
    expect(page.get_by_role("row").nth(1)).to_be_visible()
    find(page, Who=newcomer.email, Did_what="TeamService.*")
    row = page.get_by_role("row").filter(has_text="TeamService.CreateTeam")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Not permitted")
    visitor.assert_accessible()
    page.reload()
    expect(page.get_by_label("Who", exact=True)).to_have_value(newcomer.email)
    row.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("TeamService.CreateTeam")
    for told in ("Not permitted", "NOT_PERMITTED", "Request", "127.0.0.1", HOSTILE):
        expect(page.get_by_role("main")).to_contain_text(told)
    visitor.assert_accessible()
    page.get_by_role("link", name=newcomer.user).click()
    expect(page.get_by_role("row").filter(has_text="MintWorkspaceToken")).to_be_visible()
    page.get_by_label("How it ended").select_option("OK")
    expect(row).to_have_count(0)
    page.get_by_label("How it ended").select_option("refused")
    expect(row).to_have_count(1)
    assert page.locator("img[src=x]").count() == 0


def test_what_a_workspace_recorded_stands_there_too(
    visit: Visit, administrator: Person, project: Project
) -> None:
    page = visit(administrator).page
    page.goto("/o/default/audit?when=1h")
    page.get_by_label("Recorded by").select_option(f"{ORGANIZATION}/workspaces/default")
    row = page.get_by_role("row").filter(has_text=project.id).filter(has_text="CreateProject")
    expect(row).to_be_visible()
    page.get_by_label("When").select_option("between")
    find(page, From="2000-01-02T03:04", Until="2001-01-02T03:04")
    expect(page.get_by_text("Nothing of that kind is recorded")).to_be_visible()
    page.reload()
    expect(page.get_by_label("From", exact=True)).to_have_value("2000-01-02T03:04")
    page.get_by_role("button", name="Show all").click()
    expect(page.get_by_label("When")).to_have_value("")


def test_the_log_is_exported_and_verified(
    visit: Visit, administrator: Person, tmp_path: Path
) -> None:
    visitor = visit(administrator)
    page = visitor.page
    page.goto("/o/default/audit")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export all").click()
    assert download.value.suggested_filename == "audit-default.jsonl"
    download.value.save_as(tmp_path / "audit.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert any("AccessService.CreateRoleBinding" in json.dumps(line) for line in lines)
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_role("dialog")).to_contain_text("stand as they were written")
    visitor.assert_accessible()


def test_who_may_not_read_the_log_is_told(visit: Visit, onlooker: Person) -> None:
    page = visit(onlooker).page
    page.goto("/o/default/members")
    expect(page.get_by_role("link", name="Teams")).to_be_visible()
    expect(page.get_by_role("link", name="Audit log")).to_have_count(0)
    page.goto("/o/default/audit")
    expect(page.get_by_role("heading", name="You may not see this")).to_be_visible()
