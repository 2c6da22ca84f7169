"""`weft pools` against a real mesh, whose workload manager executes processes."""

from __future__ import annotations

import json

import pytest

from tests.sdk.cli.conftest import Weft


@pytest.mark.parametrize("output", ["json", "yaml", "name", "table"])
def test_pools_come_in_every_format(output: str, weft: Weft) -> None:
    for command in (["list"], ["show", "processes"]):
        done = weft("pools", *command, "-o", output)
        assert done.code == 0, done.err
        assert "processes" in done.out


def test_a_pool_is_closed_and_opened_by_its_id_or_its_whole_name(weft: Weft) -> None:
    [pool] = json.loads(weft("pools", "list", "-o", "json").out)
    closed = weft("pools", "cordon", pool["name"], "--reason", "new disks")
    assert closed.code == 0, closed.err
    try:
        shown = weft("pools", "show", "processes")
        assert "new disks" in shown.out
        assert "cordoned" in weft("pools", "list").out
        assert "?" in shown.out
        assert "not counted" in shown.err
    finally:
        opened = weft("pools", "uncordon", "processes", "-o", "json")
    assert "cordon" not in json.loads(opened.out)


def test_what_cannot_be_is_said_with_its_exit_code(weft: Weft) -> None:
    missing = weft("pools", "show", "never")
    assert (missing.code, "weft pools list" in missing.err) == (5, True)
    assert weft("pools", "cordon", "processes").code == 2
    assert weft("pools", "cordon", "processes", "--reason", "").code == 2
