"""`weft runs wait`, `compare` and `diagnose`: what scripts wait for, and why runs differ."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.sdk.cli.conftest import Runs, Weft


def short(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def test_waiting_for_what_is_so_ends_at_once(weft: Weft, runs: Runs) -> None:
    assert weft("runs", "wait", runs.good, "-o", "name").out.split() == [runs.good]
    assert weft("runs", "wait", runs.bad, "--for", "failed").code == 0
    assert weft("runs", "wait", runs.good, runs.bad, "--for", "ended").code == 0


def test_what_can_never_be_is_said(weft: Weft, runs: Runs) -> None:
    missed = weft("runs", "wait", runs.good, runs.bad, "--fail-fast")
    assert missed.code == 3
    assert f"weft runs diagnose {short(runs.bad)}" in missed.err
    absent = weft("runs", "wait", "absent")
    assert absent.code == 5
    assert "request id " in absent.err


def test_waiting_has_an_end(weft: Weft, train_file: Path) -> None:
    name = weft("run", f"{train_file}::sleepy", "--detach", "-o", "name").out.strip()
    begun = time.monotonic()
    late = weft("runs", "wait", name, "--timeout", "0.2s")
    assert late.code == 8
    assert "time is up: 1 of 1 are not succeeded yet" in late.err
    assert time.monotonic() - begun < 30
    assert weft("runs", "wait", name, "--for", "running", "--timeout", "60s").code == 0
    weft("runs", "stop", name, "--force", "--wait")
    assert weft("runs", "wait", name, "--for", "stopped").code == 0


@pytest.mark.parametrize("timeout", ["0", "-1s", "soon", "1y", ""])
def test_a_time_that_is_none_is_refused(offline: Weft, timeout: str) -> None:
    refused = offline("runs", "wait", "any", "--timeout", timeout)
    assert refused.code == 2
    assert "is no duration" in refused.err


def test_runs_are_laid_side_by_side(weft: Weft, runs: Runs) -> None:
    table = weft("runs", "compare", runs.good, runs.bad).out
    assert "parameter fail" in table
    assert "step train" in table
    assert "code of train" not in table
    assert "code of train" in weft("runs", "compare", runs.good, runs.bad, "--all").out
    first, last = json.loads(weft("runs", "compare", runs.good, runs.bad, "-o", "json").out)
    assert (first["parameter fail"], last["parameter fail"]) == (False, True)
    assert (first["step train"], last["step train"]) == ("succeeded", "failed")
    assert "code" not in first


def test_a_number_that_rose_is_marked(weft: Weft, train_file: Path, runs: Runs) -> None:
    more = weft("run", f"{train_file}::teach", "--lr", "0.75", "-o", "name").out.strip()
    (line,) = (
        line
        for line in weft("runs", "compare", runs.good, more).out.splitlines()
        if line.startswith("parameter lr")
    )
    assert line.split() == ["parameter", "lr", "0.5", "0.75", "▲"]


@pytest.mark.parametrize("given", [["@latest"], ["@latest", "@latest"]])
def test_one_run_is_nothing_to_compare(weft: Weft, runs: Runs, given: list[str]) -> None:
    refused = weft("runs", "compare", *given)
    assert refused.code == 2
    assert "name 2 to 200 different runs" in refused.err


def test_a_failure_is_explained(weft: Weft, runs: Runs) -> None:
    told = weft("runs", "diagnose", runs.bad)
    assert told.code == 0
    assert "step train failed first" in told.out
    assert "ValueError: bad batch 3" in told.out
    assert "    | epoch 1" in told.out
    assert "\x1b[2J" not in told.out
    assert f"since {short(runs.good)}, the last success" in told.out
    assert "parameter fail" in told.out
    assert f"weft runs retry {short(runs.bad)} --from-failed" in told.err
    document = json.loads(weft("runs", "diagnose", runs.bad, "-o", "json").out)
    assert document["step"]["stepId"] == "train"
    assert document["lastSuccess"] == runs.good
    assert {"what": "parameter fail", "before": False, "now": True} in document["changes"]
    assert "epoch 1" in document["lastLines"]


def test_a_success_needs_no_explanation(weft: Weft, runs: Runs) -> None:
    assert "there is nothing to explain" in weft("runs", "diagnose", runs.good).out
    assert weft("runs", "diagnose", "absent").code == 5


def test_a_step_can_be_waited_for(weft: Weft, runs: Runs) -> None:
    assert weft("runs", "wait", runs.good, "--for", "step=train").code == 0
    assert weft("runs", "wait", runs.good, "--for=status=succeeded").code == 0
    assert weft("runs", "wait", runs.bad, "--for", "step=load:succeeded").code == 0
    assert weft("runs", "wait", runs.bad, "--for", "step=train:failed").code == 0
    missed = weft("runs", "wait", runs.bad, "--for", "step=train")
    assert (missed.code, "succeeded with step train" in missed.err) == (3, True)
    assert weft("runs", "wait", runs.good, "--for", "step=absent").code == 3


@pytest.mark.parametrize("goal", ["done", "", "step=", "step=:failed", "state=x", "status=cached"])
def test_a_state_that_is_none_is_refused(offline: Weft, goal: str) -> None:
    refused = offline("runs", "wait", "any", "--for", goal)
    assert refused.code == 2
    assert " none of " in refused.err or "is neither" in refused.err


def test_a_run_is_found_by_how_its_id_begins(weft: Weft, runs: Runs) -> None:
    whole = short(runs.good)
    assert weft("runs", "show", whole[:-2], "-o", "name").out.strip() == runs.good
    assert weft("runs", "show", "@failed", "-o", "jsonpath=.state").out == "RUN_STATE_FAILED\n"
    assert weft("logs", f"{whole[:-1]}/load", "--grep", "loaded").out == "loaded 3 rows\n"
    unknown = weft("runs", "show", "zz-nobody")
    assert (unknown.code, "request id" in unknown.err) == (5, True)
    spared = weft("runs", "delete", whole[:-1], "--yes")
    assert spared.code == 5
    assert weft("runs", "show", whole).code == 0


def test_a_beginning_of_several_is_refused_with_their_ids(weft: Weft, runs: Runs) -> None:
    snapshot = weft("runs", "show", runs.good, "-o", "jsonpath=.snapshot").out.strip()
    for id_ in ("twin-1", "twin-10"):
        wanted = json.dumps({"name": snapshot, "run_id": id_})
        assert weft("api", "SnapshotService/RunSnapshot", "-d", wanted).code == 0
    refused = weft("runs", "show", "twin")
    assert refused.code == 2
    assert "'twin' is how several begin" in refused.err
    assert "twin-10" in refused.err
    # One that is somebody's whole id is meant, however many others begin so.
    assert weft("runs", "show", "twin-1", "-o", "jsonpath=.name").out.endswith("/twin-1\n")


def test_a_run_carries_the_tags_that_it_was_given(weft: Weft, train_file: Path) -> None:
    made = weft(
        "run", f"{train_file}::teach", "--tag", "sweep", "--tag", "team=ml", "--on", "-",
        "--detach", "-o", "json",
    )  # fmt: skip
    assert json.loads(made.out)["labels"] == {"sweep": "", "team": "ml"}
    found = weft("runs", "list", "-q", "labels:sweep labels.team = ml", "-o", "name").out.split()
    assert found == [json.loads(made.out)["name"]]
    assert weft("run", f"{train_file}::teach", "--tag", "=x").code == 2
