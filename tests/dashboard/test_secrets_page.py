"""Secrets: what they are called, who uses them, and that their values are nowhere afterwards."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.looking import Visitor
from tests.system.mesh import Mesh
from tests.system.people import ORGANIZATION, Person

Visit = Callable[[Person], Visitor]
FIRST, SECOND = "hunter2-not-a-real-token", "correct-horse-battery"
# What the tests make, the users before what they use.
MADE = (("components", "pulled"), ("secrets", "registry"), ("secrets", "hub"))
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
# Wherever a browser keeps things: the page, its fields, its address, its stores, what it asked for.
_KEPT = """() => [
    document.documentElement.outerHTML,
    ...[...document.querySelectorAll('input, textarea')].map((field) => field.value),
    location.href,
    JSON.stringify(history.state),
    JSON.stringify({ ...sessionStorage }),
    JSON.stringify({ ...localStorage }),
    ...performance.getEntries().map(({ name }) => name),
].join('\\n')"""


@pytest.fixture(scope="module")
def operator(mesh: Mesh) -> Person:
    """Somebody who may do everything in the workspace, what all projects share among it."""
    person = Person(mesh, "opal")
    person.grant_on(f"{ORGANIZATION}/workspaces/default", "admin")
    return person


@pytest.fixture(autouse=True)
def tidy(mesh: Mesh) -> Iterator[None]:
    """Leaves the workspace, which other files look at too, as it was."""
    yield
    for noun, name in MADE:
        mesh.cli(noun, "delete", name, "--yes", code=None)


def go(visitor: Visitor, path: str) -> None:
    """To a page of the workspace, once it is live."""
    visitor.page.goto(f"/w/default/{path}")
    expect(visitor.page.get_by_text("Live", exact=True)).to_be_visible()


def press(page: Page, verb: str) -> None:
    """The button of the dialog that is open."""
    page.get_by_role("dialog").get_by_role("button", name=verb, exact=True).click()


def choose(page: Page, key: str, action: str) -> None:
    """An action on a key."""
    page.get_by_role("button", name=f"What to do with {key}").click()
    page.get_by_role("menuitem", name=action).click()


def assert_forgotten(page: Page) -> None:
    """No value is left where the browser keeps things."""
    expect(page.get_by_role("dialog")).to_have_count(0)
    kept = page.evaluate(_KEPT)
    assert FIRST not in kept
    assert SECOND not in kept


def test_a_secret_goes_in_is_rotated_and_leaves_nothing_behind(
    visit: Visit, operator: Person
) -> None:
    visitor = visit(operator)
    page = visitor.page
    go(visitor, "secrets")
    expect(page.get_by_text("weft secrets create huggingface")).to_be_visible()
    visitor.assert_accessible()
    page.get_by_role("button", name="Create a secret").click()
    page.get_by_label("Id", exact=True).fill("hub")
    page.get_by_label("What for").fill(HOSTILE)
    page.get_by_label("Key", exact=True).fill("token")
    page.get_by_label("Value", exact=True).fill(FIRST)
    visitor.assert_accessible()
    press(page, "Create")
    expect(page.get_by_text("No component and no connector names it")).to_be_visible()
    assert_forgotten(page)
    page.get_by_role("button", name="Add a key").click()
    page.get_by_label("Key", exact=True).fill("user")
    page.get_by_label("Value", exact=True).fill("ada")
    press(page, "Add")
    expect(page.get_by_role("listitem").filter(has_text="user")).to_be_visible()
    choose(page, "token", "Rotate")
    page.get_by_label("New value").fill(SECOND)
    press(page, "Rotate")
    assert_forgotten(page)
    # Who holds the right may ask for a value, and it goes when they have seen it.
    choose(page, "token", "Show the value")
    expect(page.get_by_role("dialog")).to_contain_text(SECOND)
    visitor.assert_accessible()
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    assert_forgotten(page)
    choose(page, "user", "Delete")
    press(page, "Delete")
    expect(page.get_by_role("listitem").filter(has_text="user")).to_have_count(0)
    visitor.assert_accessible()
    page.get_by_role("link", name="Secrets", exact=True).first.click()
    expect(visitor.row("hub")).to_contain_text("token")
    visitor.assert_accessible()
    # A taken id is refused, and what was written stays to be changed.
    page.get_by_role("button", name="Create a secret").click()
    page.get_by_label("Id", exact=True).fill("hub")
    page.get_by_label("Key", exact=True).fill("token")
    page.get_by_label("Value", exact=True).fill(FIRST)
    press(page, "Create")
    expect(page.get_by_role("alert")).to_contain_text("Request")
    expect(page.get_by_label("Value", exact=True)).to_have_value(FIRST)
    press(page, "Cancel")
    assert_forgotten(page)
    assert page.locator("img[src=x]").count() == 0


def test_a_secret_that_is_used_says_by_what_and_stays(
    visit: Visit, operator: Person, viewer: Person, mesh: Mesh
) -> None:
    mesh.cli("secrets", "create", "registry", "--value", "password=pw", code=0)
    mesh.cli(
        *("components", "create", "pulled", "--flavor", "generic-container-registry"),
        *("--set", "registry=registry.example", "--set", "repository=team/weft"),
        *("--set", "password={{secrets.registry.password}}"),
    )
    visitor = visit(operator)
    page = visitor.page
    go(visitor, "secrets/registry")
    expect(page.get_by_role("listitem").filter(has_text="pulled")).to_contain_text("component")
    page.get_by_role("button", name="Delete", exact=True).click()
    press(page, "Delete")
    expect(page.get_by_role("alert")).to_contain_text("components/pulled")
    other = visit(viewer)
    go(other, "secrets/registry")
    expect(other.page.get_by_text("password", exact=True)).to_be_visible()
    for action in ("Edit", "Delete", "Add a key", "What to do with password"):
        expect(other.page.get_by_role("button", name=action, exact=True)).to_have_count(0)
    other.page.set_viewport_size({"width": 360, "height": 740})
    other.assert_accessible()
