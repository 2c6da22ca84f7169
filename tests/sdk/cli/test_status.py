"""`weft status` against a real mesh."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from tests.sdk.cli.conftest import Weft
from weft.cli._health import ago, warnings_of
from weftapi.workspace.v1 import server_pb2 as pb


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


def test_one_that_is_not_says_why(weft: Weft, absent: str) -> None:
    told = weft("status", "-o", "json")
    assert told.code == 1
    document = json.loads(told.out)
    assert document["health"]["replicas"][0]["version"]
    assert document["warnings"] == []
    found = {line["workspace"]: line for line in document["workspaces"]}
    assert found["default"]["well"]
    assert found["default"]["heartbeatAgeS"] < 60
    assert not found[absent]["well"]
    assert found[absent]["state"] == "enrolling"
    assert found[absent]["heartbeatAgeS"] is None
    assert found[absent]["trouble"]
    assert weft("status", "-o", "name").out.split() == sorted(["default", absent])


def _ago(days: float) -> Timestamp:
    return Timestamp(seconds=round(time.time() - days * 86_400))


@pytest.mark.parametrize(
    ("health", "said"),
    [
        (pb.ServerHealth(), []),
        (pb.ServerHealth(last_backup=pb.LastBackup(time=_ago(1))), []),
        (pb.ServerHealth(last_backup=pb.LastBackup(time=_ago(9))), ["the last backup is 9 d old"]),
        (
            pb.ServerHealth(waiting_runs=pb.WaitingLine(count=1, oldest_time=_ago(1))),
            ["a run has waited for 24 h"],
        ),
        (pb.ServerHealth(unresponsive_run_count=2), ["the runners of 2 runs are silent"]),
        (
            pb.ServerHealth(replicas=[pb.Replica(version="0.1"), pb.Replica(version="0.2")]),
            ["servers of several versions are alive"],
        ),
        (
            pb.ServerHealth(free_disk_bytes=9, total_disk_bytes=100),
            ["the disk of the server's data is nearly full"],
        ),
        (pb.ServerHealth(free_disk_bytes=10, total_disk_bytes=100), []),
    ],
)
def test_what_is_not_as_it_should_be_is_said(health: pb.ServerHealth, said: list[str]) -> None:
    assert [warning.partition(":")[0] for warning in warnings_of(health)] == said


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(None, ""), (0, "0 s"), (119, "119 s"), (120, "2 m"), (7200, "2 h"), (172_800, "2 d")],
)
def test_ages(seconds: int | None, told: str) -> None:
    assert ago(seconds) == told
