"""`weft projects` against a real mesh, and what the quotas that it sets do to logs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.sdk.cli.conftest import Weft
from weft._connection import Connection


def test_a_project_is_made_shown_changed_and_deleted(weft: Weft) -> None:
    made = weft(
        "projects", "create", "side", "--name", "Side", "--run-log-bytes", "2GiB",
        "--log-lines", "500", "-o", "json",
    )  # fmt: skip
    assert made.code == 0, made.err
    project = json.loads(made.out)
    assert (project["maxRunLogBytes"], project["maxLogStreamLines"]) == (str(2 << 30), "500")
    assert "run log bytes" in weft("projects", "show", "side").out
    changed = weft("projects", "update", "side", "--log-lines", "0", "--concurrent-runs", "3")
    assert changed.code == 0, changed.err
    shown = json.loads(weft("projects", "show", "projects/side", "-o", "json").out)
    assert shown["maxLogStreamLines"] == "0"
    assert (shown["maxConcurrentRuns"], shown["displayName"]) == (3, "Side")
    assert weft("projects", "create", "side").code == 6
    assert weft("projects", "delete", "side", "--yes").code == 0
    assert weft("projects", "show", "side").code == 5


@pytest.mark.parametrize("output", ["json", "yaml", "name", "table"])
def test_projects_come_in_every_format(output: str, weft: Weft, connection: Connection) -> None:
    name = connection.project.rpartition("/")[2]
    for command in (["list"], ["show", name]):
        done = weft("projects", *command, "-o", output)
        assert done.code == 0, done.err
        assert name in done.out


def test_what_cannot_be_is_said_with_its_exit_code(weft: Weft) -> None:
    assert weft("projects", "create", "odd", "--run-log-bytes", "much").code == 2
    assert weft("projects", "update", "odd").code == 2
    assert weft("projects", "update", "odd", "--log-lines", "1").code == 5
    assert weft("projects", "delete", "odd", "--yes").code == 5


def test_lines_beyond_a_quota_are_counted_where_logs_are_read(
    weft: Weft, train_file: Path, connection: Connection
) -> None:
    name = connection.project.rpartition("/")[2]
    assert weft("projects", "update", name, "--log-lines", "1").code == 0
    try:
        done = weft("run", f"{train_file}::teach", "--no-cache")
        # No step fails because of its logs.
        assert done.code == 0, done.err
        shown = weft("logs", "@latest/train")
        assert "epoch 1" in shown.out
        assert "epoch 2" not in shown.out
        assert "log quota of 1 lines reached; 1 further line was not kept" in shown.out
        line = json.loads(weft("logs", "@latest/train", "-o", "json").out.splitlines()[-1])
        assert line["droppedLines"] == "1"
    finally:
        weft("projects", "update", name, "--log-lines", "0")
