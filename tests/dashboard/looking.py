"""Somebody in front of the dashboard: where they go, and what must hold on every page."""

from pathlib import Path
from typing import Any

from playwright.sync_api import ConsoleMessage, Locator, Page, Request, expect

from tests.system.people import PASSWORD, Person
from tests.system.project import Project

PATIENCE_MS = 40_000
THEMES = ("light", "dark", "contrast")
_AXE = Path(__file__).parents[2] / "dashboard/node_modules/axe-core/axe.min.js"
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# The browser's own words on answers that tests bring about, and that pages handle.
_EXPECTED = ("Failed to load resource", "net::ERR_")
expect.set_options(timeout=PATIENCE_MS)


class Visitor:
    """A page, and all that went wrong in it."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.problems: list[str] = []
        self.origin = origin
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", self._asked)

    def sign_in(self, person: Person) -> None:
        """By the form, with the password."""
        self.page.goto("/")
        self.fill_sign_in(person)
        expect(self.page.get_by_role("navigation")).to_be_visible()

    def fill_sign_in(self, person: Person, password: str = PASSWORD) -> None:
        self.page.get_by_label("Email").fill(person.email)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()

    def go(self, project: Project, path: str = "runs") -> None:
        """To a page of a project, once it is live."""
        self.page.goto(f"/w/default/p/{project.id}/{path}")
        expect(self.page.get_by_text("Live", exact=True)).to_be_visible()

    def row(self, run: str) -> Locator:
        """A run in the list, by its name."""
        return self.page.get_by_role("row").filter(has_text=run.rpartition("/")[2])

    def assert_accessible(self) -> None:
        """WCAG 2.2 AA in every theme, by axe."""
        if not self.page.evaluate("'axe' in window"):
            # By the debugger: the page's policy lets no script in.
            self.page.evaluate(_AXE.read_text())
        for theme in THEMES:
            self.page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
            found = self.page.evaluate("rules => axe.run({ runOnly: rules })", _RULES)
            problems = [_told(violation) for violation in found["violations"]]
            assert not problems, f"{theme}: {problems}"

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(_EXPECTED):
            self.problems.append(message.text)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.origin, "data:", "blob:")):
            self.problems.append(f"asked {request.url}")


def _told(violation: dict[str, Any]) -> str:
    nodes = [node["html"] for node in violation["nodes"]]
    return f"{violation['id']}: {violation['help']}: {nodes[:3]}"
