"""`weft steps`: one step of a run, and the same step again on its real inputs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.sdk.cli.conftest import TRAIN, Runs, Weft


def short(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def test_steps_are_listed_and_shown(weft: Weft, runs: Runs) -> None:
    listed = json.loads(weft("steps", "list", runs.bad, "-o", "json").out)
    assert [step["stepId"] for step in listed] == ["load", "train"]
    assert "bad batch 3" in weft("steps", "list", runs.bad).out
    shown = weft("steps", "show", f"{short(runs.bad)}/train").out
    assert "ValueError: bad batch 3" in shown
    assert "input data" in shown
    assert weft("steps", "show", f"{short(runs.bad)}/absent").code == 5
    assert "say which step" in weft("steps", "show", short(runs.bad)).err


def test_a_step_shows_its_limits_as_its_code_and_its_run_set_them(
    weft: Weft, tmp_path: Path
) -> None:
    file = tmp_path / "limited.py"
    file.write_text(
        "from weft import pipeline, step\n"
        "@step(retries=2, timeout_s=30)\ndef load() -> int: return 1\n"
        "@pipeline\ndef limited() -> int:\n    return load()\n"
    )
    done = weft("run", file, "--set", "steps.load.deadline_s=7200", "-o", "name")
    assert done.code == 0, done.err
    shown = [line.split(None, 1) for line in weft("steps", "show", "@latest/load").out.splitlines()]
    limits = [["retries", "2"], ["timeout", "30 s"], ["deadline", "7200 s"]]
    assert [field for field in shown if field in limits] == limits


def test_a_step_runs_here_on_what_it_was_given(weft: Weft, runs: Runs) -> None:
    again = weft("steps", "rerun", f"{short(runs.good)}/train", "--local")
    assert again.code == 0, again.err
    assert again.out.splitlines()[-1] == "1.5"
    assert "epoch 1" in again.out
    assert "lr=0.5" in again.err
    before = weft("runs", "list", "-o", "name", "-n", "1").out
    failing = weft("steps", "rerun", f"{short(runs.bad)}/train", "--local")
    assert failing.code == 3
    assert "ValueError: bad batch 3" in failing.err
    assert weft("runs", "list", "-o", "name", "-n", "1").out == before


def test_why_cached_says_what_changed(weft: Weft, train_file: Path) -> None:
    command = ("run", f"{train_file}::teach", "--lr", "0.75", "--set")
    only = 'steps.load.cache=inputs + code - param("rows")'
    for rows in ("61", "62"):
        assert weft(*command, only, "--rows", rows).code == 0
    cached = json.loads(weft("steps", "why-cached", "@latest/load", "-o", "json").out)
    assert cached["cachedFrom"].endswith("/steps/load")
    assert cached["reason"][1:] == ['  what counts: inputs + code - param("rows")']
    assert (
        weft("steps", "why-cached", "@latest/load", "-o", "name").out.strip()
        == (cached["cachedFrom"])
    )
    assert weft(*command, "steps.train.cache=inputs", "--rows", "62", "--fail").code == 3
    missed = weft("steps", "why-cached", "@latest/train").out
    assert "differs from" in missed
    assert "what counts: inputs" in missed


def test_a_debugger_opens_where_it_raised(weft: Weft, runs: Runs) -> None:
    debugged = weft(
        "steps", "rerun", f"{short(runs.bad)}/train", "--pdb", stdin="p sum(data) * 7\nq\n"
    )
    assert debugged.code == 3
    assert "(Pdb) 21" in debugged.out


def test_mended_code_is_tried_on_the_inputs_that_it_failed_on(
    weft: Weft, runs: Runs, tmp_path: Path
) -> None:
    mended = tmp_path / "mended.py"
    mended.write_text(TRAIN.replace("if fail:", "if False:"))
    step = f"{short(runs.bad)}/train"
    tried = weft("steps", "rerun", step, "--file", f"{mended}::teach")
    assert tried.code == 0, tried.err
    assert tried.out.splitlines()[-1] == "1.5"
    other = weft("steps", "rerun", step, "--file", f"{mended}::sleepy")
    assert other.code == 2
    assert "error: " in other.err


def test_one_item_of_a_fan_out_runs_again(weft: Weft, train_file: Path) -> None:
    name = weft("run", f"{train_file}::wide", "--rows", "4", "-o", "name").out.strip()
    item = weft("steps", "rerun", f"{short(name)}/square-3", "--local")
    assert (item.code, item.out) == (0, "9\n")


def test_a_step_runs_again_as_a_run_of_the_mesh(weft: Weft, runs: Runs) -> None:
    again = weft("steps", "rerun", f"{short(runs.bad)}/train", "-o", "json")
    assert again.code == 3, again.err
    made = json.loads(again.out)
    assert made["origin"] == runs.bad
    states = json.loads(weft("steps", "list", made["name"], "-o", "json").out)
    assert [step["state"] for step in states] == ["STEP_STATE_CACHED", "STEP_STATE_FAILED"]


@pytest.mark.parametrize("more", [["-f"], []])
def test_logs_of_what_failed(weft: Weft, runs: Runs, more: list[str]) -> None:
    told = weft("logs", runs.bad, "--failed", *more)
    if more:
        assert told.code == 2
        return
    assert "epoch 1" in told.out
    assert "loaded" not in told.out
    assert weft("logs", runs.good, "--failed").code == 5
