"""The workspace's health: versions, its database, pools with room, and what needs a look."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.dashboard.looking import Visitor
from tests.system.mesh import Mesh
from tests.system.people import ORGANIZATION, Person

Visit = Callable[[Person], Visitor]
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"


@pytest.fixture(scope="module")
def operator(mesh: Mesh) -> Person:
    """Somebody who may do everything in the workspace, what all projects share among it."""
    person = Person(mesh, "opal")
    person.grant_on(f"{ORGANIZATION}/workspaces/default", "admin")
    return person


def test_nothing_is_called_well_before_all_of_it_was_read(visit: Visit, operator: Person) -> None:
    visitor = visit(operator)
    page = visitor.page
    page.route("**/usage", lambda route: route.fulfill(status=500))
    page.goto("/w/default/health")
    expect(page.get_by_role("listitem", name="Pool")).to_be_visible()
    expect(page.get_by_text("is not known yet")).to_be_visible()
    expect(page.get_by_text("Nothing is wrong")).to_have_count(0)
    page.unroute("**/usage")
    expect(page.get_by_text("Nothing is wrong")).to_be_visible()


def test_a_pool_is_cordoned_which_everybody_sees_and_uncordoned(
    visit: Visit, operator: Person, viewer: Person
) -> None:
    visitor = visit(operator)
    page = visitor.page
    page.goto("/w/default/health")
    expect(page.get_by_role("definition").filter(has_text="Active")).to_be_visible()
    expect(page.get_by_text("Nothing is wrong")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="database")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="log bytes")).to_contain_text("any amount")
    expect(page.get_by_role("definition").filter(has_text="none is known")).to_be_visible()
    servers = page.get_by_role("list", name="Servers that are alive").get_by_role("listitem")
    expect(servers).to_have_count(1)
    visitor.assert_accessible()
    pool = page.get_by_role("listitem", name="Pool")
    expect(pool).to_contain_text("Takes runs")
    pool.get_by_role("button", name="Cordon").click()
    page.get_by_label("Why").fill(HOSTILE)
    visitor.assert_accessible()
    page.get_by_role("dialog").get_by_role("button", name="Cordon", exact=True).click()
    expect(pool).to_contain_text("Cordoned")
    expect(page.get_by_text(f"takes no new runs: {HOSTILE}")).to_be_visible()
    other = visit(viewer)
    other.page.set_viewport_size({"width": 360, "height": 740})
    other.page.goto("/w/default/health")
    expect(other.page.get_by_text(f"takes no new runs: {HOSTILE}")).to_be_visible()
    expect(other.page.get_by_role("button", name="Uncordon")).to_have_count(0)
    other.assert_accessible()
    pool.get_by_role("button", name="Uncordon").click()
    expect(pool).to_contain_text("Takes runs")
    expect(page.get_by_text("Nothing is wrong")).to_be_visible()
    assert page.locator("img[src=x]").count() == 0
