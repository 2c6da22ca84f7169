"""The dashboard as people have it: Debian's Chromium, against a whole mesh that serves it."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.dashboard.looking import Visitor
from tests.system.mesh import Mesh
from tests.system.people import ORGANIZATION, Person
from tests.system.project import Project

ROOT = Path(__file__).parents[2]
SETTINGS = {"controlplane": {"SIGN_IN_PER_MINUTE": "1000"}}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser; without it, or without a build, CI fails and anybody else is told."""
    program = shutil.which("chromium")
    is_built = (ROOT / "gateway/dashboard/index.html").exists()
    if program is None or not is_built:
        message = "Chromium or the build is missing: install chromium, and type make dashboard"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(message)
    return program


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Root has no sandbox to give, and /dev/shm is small in containers.
        arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def mesh(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    mesh = Mesh(tmp_path_factory.mktemp("mesh"), SETTINGS)
    try:
        mesh.start()
        yield mesh
    finally:
        mesh.stop()


@pytest.fixture
def project(mesh: Mesh, request: pytest.FixtureRequest) -> Project:
    """A project for this test alone: two files may have tests of one name."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    file = request.path.stem.removeprefix("test_").replace("_", "-")
    return mesh.project(f"p-{file[:20]}-{name[-28:].strip('-')}")


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A file that steps wait for: `gate.touch()` lets them go on."""
    return tmp_path / "gate"


@pytest.fixture(scope="session")
def editor(mesh: Mesh) -> Person:
    """Somebody who may do everything in the workspace."""
    person = Person(mesh, "ed")
    person.grant("editor")
    return person


@pytest.fixture(scope="session")
def viewer(mesh: Mesh) -> Person:
    """Somebody who may look, and nothing else."""
    person = Person(mesh, "vi")
    person.grant("viewer")
    return person


@pytest.fixture(scope="session")
def administrator(mesh: Mesh) -> Person:
    """Somebody who may do everything in the organization."""
    person = Person(mesh, "ada")
    person.grant_on(ORGANIZATION, "admin")
    return person


@pytest.fixture(scope="session")
def onlooker(mesh: Mesh) -> Person:
    """Somebody who may look at everything in the organization."""
    person = Person(mesh, "onlooker")
    person.grant_on(ORGANIZATION, "viewer")
    return person


@pytest.fixture
def newcomer(mesh: Mesh) -> Person:
    """A member that is this test's alone."""
    return Person(mesh, "newcomer")


@pytest.fixture(scope="session")
def sign_ins() -> dict[str, Any]:
    """What each person's browser kept of their sign-in."""
    return {}


@pytest.fixture
def new_page(browser: Browser, mesh: Mesh) -> Iterator[Callable[..., Visitor]]:
    """Opens pages; at the end none has raised, broken its policy, or asked a foreign host."""
    contexts: list[BrowserContext] = []
    visitors: list[Visitor] = []

    def open_page(**options: Any) -> Visitor:
        # The mesh's CA is nobody's outside of it.
        context = browser.new_context(ignore_https_errors=True, base_url=mesh.gateway, **options)
        contexts.append(context)
        page: Page = context.new_page()
        visitors.append(Visitor(page, mesh.gateway))
        return visitors[-1]

    yield open_page
    problems = [problem for visitor in visitors for problem in visitor.problems]
    for context in contexts:
        context.close()
    assert not problems


@pytest.fixture
def visit(
    new_page: Callable[..., Visitor], sign_ins: dict[str, Any]
) -> Callable[[Person], Visitor]:
    """The page of somebody who has signed in."""

    def visit(person: Person) -> Visitor:
        visitor = new_page(storage_state=sign_ins.get(person.email))
        if person.email not in sign_ins:
            visitor.sign_in(person)
            sign_ins[person.email] = visitor.page.context.storage_state()
        return visitor

    return visit
