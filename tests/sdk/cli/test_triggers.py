"""`weft triggers` against a real mesh; what triggers do is tried elsewhere, as is the page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.sdk.cli.conftest import Weft


@pytest.fixture(scope="module")
def snapshot(weft: Weft, train_file: Path) -> str:
    """The snapshot of a run that the mesh executed."""
    done = weft("run", f"{train_file}::teach", "--detach", "-o", "json")
    assert done.code == 0, done.err
    return str(json.loads(weft("runs", "show", "@latest", "-o", "json").out)["snapshot"])


def test_a_trigger_is_made_shown_changed_and_deleted(weft: Weft, snapshot: str) -> None:
    made = weft(
        "triggers", "create", "nightly", "--run", snapshot, "--after-run", "teach",
        "--state", "failed", "--state", "stopped", "--set", "rows=7", "--set", "lr={{event.name}}",
        "--name", "Nightly", "-o", "json",
    )  # fmt: skip
    assert made.code == 0, made.err
    trigger = json.loads(made.out)
    assert trigger["parameters"] == {"rows": 7.0, "lr": "{{event.name}}"}
    assert trigger["occurrence"]["run"]["states"] == ["RUN_STATE_FAILED", "RUN_STATE_STOPPED"]
    shown = weft("triggers", "show", "nightly").out
    assert "run of teach FAILED|STOPPED" in shown
    assert weft("triggers", "pause", "nightly").code == 0
    assert json.loads(weft("triggers", "show", "nightly", "-o", "json").out)["paused"] is True
    assert "paused" not in weft("triggers", "resume", "nightly").out
    changed = weft("triggers", "update", "nightly", "--set", "rows=8", "--description", "at night")
    assert "at night" in changed.out
    assert weft("triggers", "delete", "nightly", "--yes").code == 0
    assert weft("triggers", "show", "nightly").code == 5


def test_a_trigger_may_run_a_template(weft: Weft, snapshot: str) -> None:
    assert weft("snapshots", "publish", snapshot, "for-triggers").code == 0
    create = ("triggers", "create", "by-template", "--after-run")
    made = weft(*create, "teach", "--template", "for-triggers")
    assert "template for-triggers" in made.out, made.err
    assert "template for-triggers" in weft("triggers", "list").out
    changed = weft("triggers", "update", "by-template", "--run", snapshot)
    assert "template for-triggers" not in changed.out
    assert weft("triggers", "update", "by-template", "--template", "for-triggers").code == 0
    assert weft("snapshots", "unpublish", snapshot).code == 6
    assert weft("triggers", "delete", "by-template", "--yes").code == 0
    assert weft(*create, "teach").code == 2
    assert weft(*create, "teach", "--run", snapshot, "--template", "for-triggers").code == 2


@pytest.mark.parametrize("output", ["json", "yaml", "name", "table"])
def test_triggers_come_in_every_format(output: str, weft: Weft, snapshot: str) -> None:
    name = f"as-{output}"
    assert weft("triggers", "create", name, "--run", snapshot, "--after-run").code == 0
    for command in (["list"], ["show", name], ["firings"], ["firings", name]):
        done = weft("triggers", *command, "-o", output)
        assert done.code == 0, done.err
    assert name in weft("triggers", "list", "-o", output).out


def test_what_cannot_be_is_said_with_its_exit_code(weft: Weft, snapshot: str) -> None:
    create = ("triggers", "create", "odd", "--run")
    assert weft(*create, snapshot).code == 2
    assert weft(*create, snapshot, "--after-run", "teach", "--after-model", "fraud").code == 2
    assert weft(*create, snapshot, "--after-run", "--set", "rows").code == 2
    assert weft(*create, "absent", "--after-artifact", "scores").code == 5
    assert weft("triggers", "update", "absent").code == 2
    assert weft("triggers", "pause", "absent").code == 5
    assert weft("triggers", "firings", "absent").code == 5
