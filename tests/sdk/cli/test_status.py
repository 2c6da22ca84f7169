"""`weft status` against a real mesh."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.sdk.cli.conftest import Weft
from weft.cli._health import ago


@pytest.fixture
def absent(weft: Weft) -> Iterator[str]:
    """A workspace whose server never came."""
    assert weft("workspaces", "register", "absent").code == 0
    yield "absent"
    assert weft("workspaces", "deregister", "absent", "--yes").code == 0


def test_a_mesh_that_is_well(weft: Weft) -> None:
    told = weft("status")
    assert told.code == 0, told.err
    assert re.search(r"control plane +\S+, version \d+\.\d+", told.out)
    assert re.search(r"audit +on; (signed up to row \d+, \d+ \w+ ago|not signed yet)", told.out)
    assert re.search(r"default +active +\d+\.\d+\.\d+ +\d+ s", told.out)
    assert re.search(r"servers +1 alive, version \d+\.\d+\.\d+\n", told.out)
    assert re.search(r"database +(sqlite|postgresql) \S+.*, schema \d{4}\n", told.out)
    assert re.search(r"waiting +\d+ runs.*; \d+ builds", told.out)
    assert re.search(r"last backup +none is known\n", told.out)
    assert "weft admin backup" in told.err


def test_one_that_is_not_says_why(weft: Weft, absent: str) -> None:
    told = weft("status", "-o", "json")
    assert told.code == 1
    document = json.loads(told.out)
    assert document["health"]["replicas"][0]["version"]
    assert [it for it in document["warnings"] if "weft admin backup" in it]
    found = {line["workspace"]: line for line in document["workspaces"]}
    assert found["default"]["well"]
    assert found["default"]["heartbeatAgeS"] < 60
    assert not found[absent]["well"]
    assert found[absent]["state"] == "enrolling"
    assert found[absent]["heartbeatAgeS"] is None
    assert found[absent]["trouble"]
    assert weft("status", "-o", "name").out.split() == sorted(["default", absent])


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(None, ""), (0, "0 s"), (119, "119 s"), (120, "2 m"), (7200, "2 h"), (172_800, "2 d")],
)
def test_ages(seconds: int | None, told: str) -> None:
    assert ago(seconds) == told
