"""Sessions of browsers in the mesh of `weft up`, as real browsers and real streams have them."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.system.mesh import Mesh
from tests.system.project import Project
from weft._sign_in_link import sign_in_link

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SESSION = "__Host-weft_session"
OWN_PAGE = {"sec-fetch-site": "same-origin", "x-weft-csrf": "1"}
WHO = "/auth/session"


class Browser:
    """Keeps the cookie, as browsers do for this machine: also without TLS."""

    def __init__(self, site: str, link: str) -> None:
        self._client = httpx2.Client(base_url=site, headers=OWN_PAGE, trust_env=False, timeout=40)
        opened = self._client.get(link)
        assert opened.status_code == 303, opened.text
        told = [line.partition(";")[0] for line in opened.headers.get_list("set-cookie")]
        (self._client.headers["cookie"],) = [one for one in told if one.startswith(SESSION)]

    def get(self, path: str) -> httpx2.Response:
        return self._client.get(path)

    def delete(self, path: str) -> httpx2.Response:
        return self._client.delete(path)

    def stream(self, path: str) -> Any:
        return self._client.stream("GET", path, headers={"accept": "text/event-stream"})

    def close(self) -> None:
        self._client.close()


@pytest.fixture
def browser(mesh: Mesh, project: Project) -> Iterator[Browser]:
    link = sign_in_link(project.connection)
    assert link.startswith(f"{mesh.dashboard}/auth/link/")
    browser = Browser(mesh.dashboard, link)
    yield browser
    browser.close()


def test_a_link_opens_both_services(mesh: Mesh, project: Project, browser: Browser) -> None:
    who = browser.get(WHO).json()
    (workspace,) = [one for one in who["workspaces"] if one["name"].endswith("/default")]
    assert workspace["path"] == "/api/workspaces/default/v1"
    shown = browser.get(f"{workspace['path']}/{project.name}")
    assert shown.json()["name"] == project.name
    # A change of one's own page, and one that somebody else's page thought of.
    made = f"{workspace['path']}/{project.name}"
    assert browser._client.patch(made, json={"displayName": "Seen"}).status_code == 200
    foreign = {"sec-fetch-site": "cross-site"}
    refused = browser._client.patch(made, json={"displayName": "x"}, headers=foreign)
    assert refused.json()["details"][0]["reason"] == "CROSS_SITE_REQUEST"


def test_other_names_of_this_machine_are_not_served(mesh: Mesh, browser: Browser) -> None:
    """A name of somebody else's that resolves to here: DNS rebinding."""
    port = mesh.dashboard.rpartition(":")[2]
    for host in (f"evil.example:{port}", "localhost.evil.example", "127.0.0.1.evil.example", ""):
        told = browser._client.get("/auth/providers", headers={"host": host})
        assert told.status_code == 421
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", "LOCALHOST"):
        assert browser._client.get("/auth/providers", headers={"host": host}).status_code == 200


def test_a_live_stream_ends_with_the_session(project: Project, browser: Browser) -> None:
    run = project.create_run().name
    # Of each service one: the workspace hears of ended sessions from the control plane.
    paths = (
        f"/api/workspaces/default/v1/{run}:watch",
        "/api/controlplane/v1/organizations/default/workspaces:watch",
    )
    with browser.stream(paths[0]) as runs, browser.stream(paths[1]) as workspaces:
        assert (runs.status_code, workspaces.status_code) == (200, 200)
        assert browser.delete(WHO).status_code == 204
        for stream in (runs, workspaces):
            events = [line for line in stream.iter_lines() if line.startswith(("event:", "data:"))]
            assert events[-2] == "event: error"
            assert json.loads(events[-1].removeprefix("data:"))["code"] == 16
    assert browser.get(WHO).status_code == 401
    assert browser.get(paths[0]).status_code == 401


def test_chromium_keeps_the_cookie_without_tls(
    mesh: Mesh, project: Project, tmp_path: Path
) -> None:
    """`__Host-` and Secure over http, because it is this machine: the real browser decides."""
    if CHROMIUM is None:
        # In CI a test that nobody ran is a test that failed.
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("needs Chromium")
    link = sign_in_link(project.connection, WHO)
    page = subprocess.run(
        [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-proxy-server"),
            *(f"--user-data-dir={tmp_path}", "--dump-dom", link),
        ],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    ).stdout
    assert "organizations/default/workspaces/default" in page, page
