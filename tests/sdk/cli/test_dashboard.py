"""`weft dashboard`, and the commands of docs/browsers.md."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.sdk.cli.conftest import Weft
from weft._embedded import EmbeddedMesh

PAGE = (Path(__file__).parents[3] / "docs/browsers.md").read_text(encoding="utf-8")
OPENER = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text(sys.argv[2])"


def test_the_link_is_printed_as_the_page_says(weft: Weft, mesh: EmbeddedMesh) -> None:
    commands = re.findall(r"\$ weft (dashboard.*)\n(.*)\n", PAGE)
    assert len(commands) == 2
    for command, printed in commands:
        done = weft(*command.split())
        assert done.code == 0, done.err
        assert re.fullmatch(re.escape(printed).replace(re.escape("..."), ".*"), done.out.strip())
        assert done.out.startswith(f"{mesh.addresses.dashboard}/auth/link/")
    query = parse_qs(urlsplit(done.out.strip()).query)
    assert query == {"returnTo": ["/w/default/p/default/runs"]}


def test_the_browser_is_opened(weft: Weft, home: Path) -> None:
    opener, opened = home / "opener.py", home / "opened"
    opener.write_text(OPENER)
    browser = f"{sys.executable} {opener} {opened} %s"
    done = weft("dashboard", BROWSER=browser, SSH_CONNECTION="")
    assert done.code == 0, done.err
    link = opened.read_text()
    assert link in done.err
    assert urlsplit(link).path.startswith("/auth/link/weft_link_")
    # Over a remote shell nobody would see it.
    opened.unlink()
    assert weft("dashboard", BROWSER=browser, SSH_CONNECTION="1").out.startswith("http")
    assert not opened.exists()


def test_who_gets_no_link(weft: Weft, personal_token: str) -> None:
    refused = weft("dashboard", "https://evil.example")
    assert (refused.code, "path" in refused.err) == (2, True), refused.err
    script = weft("dashboard", WEFT_TOKEN=personal_token)
    assert script.code == 4, script.err
