"""`weft usage` against a real mesh; what it counts is tried elsewhere."""

from __future__ import annotations

import json

import pytest

from tests.sdk.cli.conftest import Weft


@pytest.mark.parametrize("output", ["json", "yaml", "name", "table"])
def test_usage_comes_in_every_format(output: str, weft: Weft) -> None:
    for command in ([], ["--workspace"]):
        done = weft("usage", *command, "-o", output)
        assert done.code == 0, done.err


def test_limits_stand_beside_the_use_and_are_warned_of(weft: Weft) -> None:
    made = weft(
        "projects", "create", "narrow", "--max-snapshots", "5", "--max-log-bytes", "2MiB",
        "-o", "json",
    )  # fmt: skip
    assert json.loads(made.out)["maxSnapshots"] == "5"
    shown = weft("usage", "narrow")
    assert "░" * 20 in shown.out
    assert "2 MiB" in shown.out
    assert shown.err == ""
    quotas = json.loads(weft("usage", "projects/narrow", "-o", "json").out)["quotas"]
    [snapshots] = [quota for quota in quotas if quota["quota"] == "snapshots"]
    assert snapshots == {
        "quota": "snapshots", "use": "0", "limit": "5", "state": "QUOTA_STATE_FREE"
    }  # fmt: skip
    changed = weft("projects", "update", "narrow", "--max-automations", "1")
    assert changed.code == 0, changed.err
    assert "automations" in changed.out
    assert weft("projects", "delete", "narrow", "--yes").code == 0


def test_what_cannot_be_is_said_with_its_exit_code(weft: Weft) -> None:
    assert weft("usage", "default", "--workspace").code == 2
    assert weft("usage", "never").code == 5
    assert weft("projects", "update", "default", "--max-runs", "-1").code == 2
