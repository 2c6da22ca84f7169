"""`weft statistics` against a real mesh; what it counts is tried elsewhere."""

from __future__ import annotations

import json

import pytest

from tests.sdk.cli.conftest import Weft


@pytest.mark.parametrize("output", ["json", "yaml", "name", "table"])
def test_statistics_come_in_every_format(output: str, weft: Weft) -> None:
    for command in (["show"], ["list"], ["list", "--all-projects", "-n", "1"]):
        done = weft("statistics", *command, "-o", output)
        assert done.code == 0, done.err


def test_a_time_without_runs_is_empty(weft: Weft) -> None:
    long_ago = ("--from", "2001-01-01", "--to", "2001-01-31")
    assert json.loads(weft("statistics", "list", *long_ago, "-o", "json").out) == []
    sums = json.loads(weft("statistics", "show", *long_ago, "-o", "json").out)
    assert set(sums.values()) == {"0"}


def test_what_cannot_be_is_said_with_its_exit_code(weft: Weft) -> None:
    assert weft("statistics", "show", "--pipeline", "teach", "--all-projects").code == 2
    assert weft("statistics", "show", "--from", "2001-02-30").code == 2
    assert weft("statistics", "list", "--to", "tomorrow").code == 2
    assert weft("statistics", "show", "--pipeline", "projects/other/pipelines/p").code == 5
