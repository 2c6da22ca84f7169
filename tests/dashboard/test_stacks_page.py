"""Stacks, components and flavors: how they are put together, and what the server refuses."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.looking import Visitor
from tests.system.mesh import Mesh
from tests.system.people import ORGANIZATION, Person

Visit = Callable[[Person], Visitor]
# What the tests make, the users before what they use.
MADE = (("stacks", "prod"), ("components", "shared"), ("components", "images"))
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
PHONE = {"width": 360, "height": 740}


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


def create_component(page: Page, component: str, flavor: str, name: str = "") -> None:
    """Fills the form, and leaves what the flavor asks for."""
    page.get_by_role("button", name="Create a component").click()
    page.get_by_label("Flavor", exact=True).select_option(f"flavors/{flavor}")
    page.get_by_label("Id", exact=True).fill(component)
    page.get_by_label("Name", exact=True).fill(name)


def press(page: Page, verb: str) -> None:
    """The button of the dialog that is open."""
    page.get_by_role("dialog").get_by_role("button", name=verb, exact=True).click()


def test_a_stack_is_put_together_tried_and_taken_apart(
    visit: Visit, operator: Person, mesh: Mesh
) -> None:
    visitor = visit(operator)
    page = visitor.page
    go(visitor, "stacks")
    expect(page.get_by_text("weft stacks create prod")).to_be_visible()
    visitor.assert_accessible()
    page.get_by_role("link", name="Components", exact=True).click()
    expect(page.get_by_text("No components yet")).to_be_visible()
    create_component(page, "shared", "local-artifact-store", HOSTILE)
    # What the server refuses stands at its field, and what was written stays.
    page.get_by_label("path").fill("relative")
    press(page, "Create")
    expect(page.get_by_label("path")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("alert")).to_contain_text("Request")
    visitor.assert_accessible()
    page.get_by_label("path").fill(str(mesh.ca_file.parent / "store"))
    press(page, "Create")
    expect(page.get_by_role("heading", level=1)).to_contain_text(HOSTILE)
    expect(page.get_by_text("It is in no stack.")).to_be_visible()
    page.get_by_role("link", name="Stacks", exact=True).click()
    page.get_by_role("button", name="Create a stack").click()
    page.get_by_label("Id", exact=True).fill("prod")
    page.get_by_label("Artifact store").select_option("components/shared")
    visitor.assert_accessible()
    press(page, "Create")
    cards = page.get_by_role("listitem")
    expect(cards.filter(has_text="Artifact store")).to_contain_text("local-artifact-store")
    expect(cards.filter(has_text="Orchestrator")).to_contain_text("The workspace itself")
    page.get_by_role("button", name="Try it").click()
    # A server that may not use the directory says so, and what to do.
    expect(page.get_by_role("listitem").filter(has_text="shared: open")).to_contain_text(
        "WEFT_WORKSPACE_STORE_DIRECTORIES"
    )
    visitor.assert_accessible()
    page.get_by_role("button", name="Make it the default").click()
    expect(page.locator("#content").get_by_text("Default", exact=True)).to_be_visible()
    page.get_by_role("link", name=HOSTILE).click()
    expect(page.get_by_role("listitem").filter(has_text="prod")).to_contain_text("Default")
    visitor.assert_accessible()
    page.get_by_role("button", name="Delete").click()
    press(page, "Delete")
    expect(page.get_by_role("alert")).to_contain_text("in use by stacks/prod")
    press(page, "Cancel")
    page.get_by_role("link", name="prod").click()
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Serves all runs for which").uncheck()
    press(page, "Save")
    expect(page.locator("#content").get_by_text("Default", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Delete").click()
    press(page, "Delete")
    expect(page.get_by_text("No stacks yet")).to_be_visible()
    assert page.locator("img[src=x]").count() == 0


def test_where_components_are_unread_a_stack_keeps_its_own(
    visit: Visit, operator: Person, mesh: Mesh
) -> None:
    path = f"path={mesh.ca_file.parent / 'store'}"
    mesh.cli("components", "create", "shared", "--flavor", "local-artifact-store", "--set", path)
    mesh.cli("stacks", "create", "prod", "-c", "shared")
    visitor = visit(operator)
    page = visitor.page
    page.route("**/v1/components?*", lambda route: route.abort())
    go(visitor, "stacks/prod")
    page.get_by_role("button", name="Edit").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("Production")
    press(page, "Save")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Production")
    page.unroute("**/v1/components?*")
    page.reload()
    card = page.get_by_role("listitem").filter(has_text="Artifact store")
    expect(card).to_contain_text("local-artifact-store")


def test_who_may_only_look_sees_what_others_change(
    visit: Visit, operator: Person, viewer: Person, mesh: Mesh
) -> None:
    visitor = visit(viewer)
    page = visitor.page
    go(visitor, "components?q=type+%3D+log_store")
    expect(page.get_by_text("Nothing matches this filter")).to_be_visible()
    go(visitor, "components?q=nonsense+%3D+1")
    expect(page.get_by_role("alert")).to_contain_text("nonsense")
    go(visitor, "components?q=type+%3D+container_registry")
    other = visit(operator).page
    other.goto("/w/default/components")
    create_component(other, "images", "generic-container-registry", "Images")
    other.get_by_role("textbox", name="registry").fill("registry.example:5000")
    other.get_by_role("textbox", name="repository").fill("team/weft")
    press(other, "Create")
    expect(other.get_by_role("heading", level=1)).to_contain_text("Images")
    expect(visitor.row("Images")).to_contain_text("generic-container-registry")
    page.get_by_role("link", name="Images").click()
    expect(page.get_by_text("registry.example:5000")).to_be_visible()
    for action in ("Edit", "Delete", "Try it"):
        expect(page.get_by_role("button", name=action)).to_have_count(0)
    page.get_by_role("link", name="generic-container-registry").click()
    expect(page.get_by_role("listitem").filter(has_text="Images")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="registry")).not_to_have_count(0)
    page.set_viewport_size(PHONE)
    visitor.assert_accessible()
    page.get_by_role("link", name="Flavors", exact=True).last.click()
    expect(visitor.row("s3-artifact-store")).to_contain_text("Artifact store")
    visitor.assert_accessible()
    page.goto("/w/default/stacks/absent")
    expect(page.get_by_role("alert")).to_contain_text("There is nothing here")
    page.goto("/w/nowhere/stacks")
    expect(page.get_by_text("There is no such workspace")).to_be_visible()
