"""`weft runs archive` against a real mesh; docs/upkeep.md is where something is archived."""

from __future__ import annotations

import json

import pytest

from tests.sdk.cli.conftest import Weft


@pytest.mark.parametrize("output", ["json", "yaml", "name", "table"])
def test_the_archive_comes_in_every_format(output: str, weft: Weft) -> None:
    for command in (["list"], ["list", "--pipeline", "teach"], ["policy"], ["preview"]):
        done = weft("runs", "archive", *command, "-o", output)
        assert done.code == 0, done.err


def test_a_policy_is_set_and_taken_back(weft: Weft) -> None:
    many = ("--keep-days", "9000", "--keep-last", "900000")
    set_ = json.loads(weft("runs", "archive", "policy", *many, "-o", "json").out)
    assert (set_["keepRunDays"], set_["keepLastRuns"]) == (9000, 900000)
    assert "nothing would be archived" in weft("runs", "archive", "preview").err
    back = weft("runs", "archive", "policy", "--keep-days", "0", "--keep-last", "0")
    assert "all runs are kept" in back.out


def test_what_is_not_there_is_said_with_its_exit_code(weft: Weft) -> None:
    absent = weft("runs", "archive", "show", "never")
    assert absent.code == 5
    assert "weft runs archive list" in absent.err
    assert weft("runs", "archive", "logs", "never").code == 5
    assert weft("runs", "archive", "delete", "never", "--yes").code == 5
    assert weft("runs", "archive", "policy", "--keep-days", "-1").code == 2
