"""`weft enrollments` against a real mesh."""

from __future__ import annotations

import json
import time

from tests.sdk.cli.conftest import Weft


def test_servers_are_listed_named_and_revoked(weft: Weft) -> None:
    printed = weft("workspaces", "enroll", "--all", "--as", "gateway", "--name", "Berlin")
    assert printed.code == 0, printed.err
    id_ = printed.err.split("weft enrollments revoke ")[1].split("`")[0]
    listed = weft("enrollments", "list")
    line = next(line for line in listed.out.splitlines() if line.startswith(id_))
    for word in ("gateway", "Berlin", "pending", "all"):
        assert word in line
    changed = weft("enrollments", "update", id_, "--name", "Paris")
    assert (changed.code, changed.out) == (0, f"{id_} is Paris\n")
    revoked = weft("enrollments", "revoke", id_, "--yes", "-o", "json")
    assert json.loads(revoked.out)["state"] == "ENROLLMENT_STATE_REVOKED"
    absent = weft("enrollments", "update", "00000000-0000-0000-0000-000000000000", "--name", "x")
    assert absent.code == 5


def test_pools_say_what_their_manager_is_called(weft: Weft) -> None:
    """A workspace hears of a new name over its link, without being asked to."""
    enrollments = json.loads(weft("enrollments", "list", "-o", "json").out)
    (manager,) = [
        one
        for one in enrollments
        if one["role"] == "PEER_ROLE_WORKLOAD_MANAGER" and one["state"] == "ENROLLMENT_STATE_USED"
    ]
    assert manager["displayName"] == "This machine"
    assert "This machine" in weft("pools", "list").out
    try:
        assert weft("enrollments", "update", manager["uid"], "--name", "Desk").code == 0
        deadline = time.monotonic() + 30
        while "Desk" not in weft("pools", "list").out:
            assert time.monotonic() < deadline
    finally:
        weft("enrollments", "update", manager["uid"], "--name", "This machine")
