"""Service connectors: set up by what their type asks for, tried, and looked through."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.looking import Visitor
from tests.system.mesh import Mesh
from tests.system.people import ORGANIZATION, Person

Visit = Callable[[Person], Visitor]
PASSWORD, WRONG = "s3cr3t-not-a-real-one", "wr0ng-not-a-real-one"
# What the tests make, the users before what they use.
MADE = (
    ("components", "kept"),
    ("connectors", "shared"),
    ("connectors", "images"),
    ("secrets", "robot"),
)
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"


class _FakeRegistry(BaseHTTPRequestHandler):
    """A fake registry that lets one user in, and says which repositories it has."""

    def do_GET(self) -> None:
        """Whether the password holds, and the catalogue."""
        basic = base64.b64encode(f"robot:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {basic}":
            self._answer(401, {"WWW-Authenticate": 'Basic realm="fake"'}, {})
        else:
            self._answer(200, {}, {"repositories": ["team/train", "team/serve"]})

    def _answer(self, status: int, headers: dict[str, str], content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    """Where the fake registry answers."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _FakeRegistry) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


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


def test_a_connector_is_set_up_tried_mended_and_deleted(
    visit: Visit, operator: Person, registry: str
) -> None:
    visitor = visit(operator)
    page = visitor.page
    go(visitor, "connectors")
    expect(page.get_by_text("weft connectors create data")).to_be_visible()
    visitor.assert_accessible()
    page.get_by_role("button", name="Create a connector").click()
    page.get_by_label("Type", exact=True).select_option("connectorTypes/docker")
    page.get_by_label("Id", exact=True).fill("images")
    page.get_by_label("Name", exact=True).fill(HOSTILE)
    page.get_by_role("textbox", name="registry").fill("no host at all")
    page.get_by_role("textbox", name="username").fill("robot")
    page.get_by_label("password", exact=True).fill(WRONG)
    press(page, "Create")
    # What the server refuses stands at its field.
    expect(page.get_by_role("textbox", name="registry")).to_have_attribute("aria-invalid", "true")
    visitor.assert_accessible()
    page.get_by_role("textbox", name="registry").fill(registry)
    press(page, "Create")
    expect(page.get_by_role("heading", level=1)).to_contain_text(HOSTILE)
    assert WRONG not in page.content()
    page.get_by_role("button", name="Test the connection").click()
    expect(page.get_by_role("alert")).to_contain_text("Request")
    visitor.assert_accessible()
    page.get_by_role("button", name="Edit").click()
    expect(page.get_by_label("password", exact=True)).to_have_value("")
    page.get_by_label("password", exact=True).fill(PASSWORD)
    press(page, "Save")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Test the connection").click()
    expect(page.get_by_text("It works: the service knows us as robot")).to_be_visible()
    page.get_by_role("button", name="Ask the service").click()
    expect(page.get_by_role("listitem").filter(has_text="team/train")).to_be_visible()
    visitor.assert_accessible()
    assert PASSWORD not in page.content()
    page.get_by_role("link", name="Connectors", exact=True).first.click()
    expect(visitor.row("images")).to_contain_text("docker")
    visitor.assert_accessible()
    assert page.locator("img[src=x]").count() == 0


def test_a_connector_that_is_used_says_by_what_and_stays(
    visit: Visit, operator: Person, viewer: Person, mesh: Mesh
) -> None:
    mesh.cli("secrets", "create", "robot", "--value", "password=pw")
    mesh.cli(
        *("connectors", "create", "shared", "--type", "docker", "--auth", "password"),
        *("--set", "registry=registry.example", "--set", "username=robot"),
        *("--from-secret", "robot"),
    )
    mesh.cli(
        *("components", "create", "kept", "--flavor", "generic-container-registry"),
        *("--set", "registry=registry.example", "--set", "repository=team/weft"),
        *("--connector", "shared"),
    )
    visitor = visit(operator)
    page = visitor.page
    go(visitor, "connectors/shared")
    expect(page.get_by_role("link", name="robot")).to_be_visible()
    expect(page.get_by_role("link", name="kept")).to_be_visible()
    page.get_by_role("button", name="Delete", exact=True).click()
    press(page, "Delete")
    expect(page.get_by_role("alert")).to_contain_text("components/kept")
    other = visit(viewer)
    go(other, "connectors/shared")
    expect(other.page.get_by_role("link", name="kept")).to_be_visible()
    for action in ("Edit", "Delete", "Test the connection", "Ask the service"):
        expect(other.page.get_by_role("button", name=action, exact=True)).to_have_count(0)
    other.page.set_viewport_size({"width": 360, "height": 740})
    other.assert_accessible()
