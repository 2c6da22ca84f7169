"""`weft events`, and runs as they change: all of a project at once."""

from __future__ import annotations

import json
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sdk.cli.conftest import Runs, Weft


@pytest.fixture
def following(environment: dict[str, str], home: Path) -> Iterator[Any]:
    """Starts commands that never end by themselves; Ctrl-C ends those that a test leaves."""
    started: list[subprocess.Popen[str]] = []

    def follow(*arguments: str) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "weft", *arguments],
                env=environment,
                cwd=home,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield follow
    for process in started:
        process.kill()
        process.communicate()


def documents(lines: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.splitlines()]


def interrupt(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    return process.returncode


def test_events_are_lines_for_people_and_documents_for_programs(weft: Weft, runs: Runs) -> None:
    told = weft("events", "--after", "0", "--type", "Run")
    assert told.code == 0, told.err
    good = next(
        line
        for line in told.out.splitlines()
        if runs.good.partition("projects/default/")[2] in line
    )
    assert " Run " in good
    assert "created" in good
    found = documents(weft("events", "--after", "0", "-o", "json").out)
    revisions = [document["revision"] for document in found]
    assert revisions == sorted(revisions, key=int)
    transitions = [
        d["transition"]["to"] for d in found if d["name"] == runs.good and "transition" in d
    ]
    assert transitions[-1].endswith("SUCCEEDED")


def test_events_go_on_where_a_program_stopped(weft: Weft, runs: Runs) -> None:
    every = documents(weft("events", "--after", "0", "-o", "json").out)
    middle = every[len(every) // 2]["revision"]
    rest = documents(weft("events", "--after", middle, "-o", "json").out)
    assert rest == [event for event in every if int(event["revision"]) > int(middle)]
    assert weft("events", "--last", "0").out == ""


def test_followed_events_show_what_happens_next(weft: Weft, runs: Runs, following: Any) -> None:
    watcher = following("events", "-f", "--last", "1", "--type", "Run", "-o", "json")
    # The first may be there before the watch is: what comes after it was seen is live.
    for name in ("seen", "seen live"):
        weft("runs", "update", runs.good, "--name", name)
        for line in watcher.stdout:
            if json.loads(line)["run"]["displayName"] == name:
                break
    assert interrupt(watcher) == 130


def test_all_runs_are_watched_at_once(weft: Weft, runs: Runs, following: Any) -> None:
    watcher = following("runs", "watch", "-q", "pipeline = teach")
    # It begins with what happens once it is there: something happens until it says so.
    for attempt in range(50):
        weft("runs", "update", runs.good, "--name", f"try {attempt}")
        if select.select([watcher.stdout], [], [], 0)[0]:
            break
    line = watcher.stdout.readline()
    assert runs.good.rpartition("/")[2] in line
    assert "teach" in line
    assert "succeeded" in line
    assert interrupt(watcher) == 130
    refused = weft("runs", "watch", runs.good, "-q", "pipeline = teach")
    assert refused.code == 2


def test_runs_are_counted_by_state(weft: Weft, runs: Runs) -> None:
    counted = json.loads(weft("runs", "count", "-o", "json").out)["counts"]
    listed = json.loads(weft("runs", "list", "-n", "1000", "-o", "json").out)
    assert sum(map(int, counted.values())) == len(listed)
    assert any(line.split()[0] == "failed" for line in weft("runs", "count").out.splitlines())


def test_attempts_of_a_step_say_why_each_failed(weft: Weft, runs: Runs) -> None:
    shown = weft("runs", "attempts", f"{runs.bad}/steps/train")
    assert shown.code == 0, shown.err
    assert "bad batch 3" in shown.out
    (attempt,) = json.loads(weft("runs", "attempts", f"{runs.bad}/steps/train", "-o", "json").out)
    assert attempt["state"] == "STEP_STATE_FAILED"
    assert weft("runs", "attempts", runs.bad).code == 2
    assert weft("runs", "attempts", f"{runs.bad}/steps/nothing").code == 5


def test_logs_are_saved_whole_each_in_a_file(weft: Weft, runs: Runs, tmp_path: Path) -> None:
    done = weft("logs", runs.good, "--save", str(tmp_path / "logs"))
    assert done.code == 0, done.err
    assert "loaded 3 rows" in (tmp_path / "logs/load.log").read_text()
    assert "epoch 1" in (tmp_path / "logs/train.log").read_text()
    assert not list(tmp_path.rglob("*.part"))
    assert weft("logs", runs.good, "--save", str(tmp_path), "--grep", "epoch").code == 2


def test_what_is_said_of_artifacts_and_models_is_changed(weft: Weft, runs: Runs) -> None:
    changed = weft(
        "artifacts", "update", "teach-load", "--name", "Rows", "-l", "team=a", "-o", "json"
    )
    assert changed.code == 0, changed.err
    assert json.loads(changed.out)["labels"] == {"team": "a"}
    assert weft("artifacts", "update", "teach-load", "--alias", "gold").code == 2
    assert weft("artifacts", "update", "teach-load@1", "--name", "Rows").code == 2
    found = weft("artifacts", "list", "-q", "type = DATA", "--run", runs.good, "-o", "name")
    assert found.code == 0, found.err
    weft("models", "create", "said")
    weft("models", "new-version", "said")
    version = weft(
        "models", "update", "said@1", "--description", "the first", "-l", "a=b", "-o", "json"
    )
    assert version.code == 0, version.err
    assert json.loads(version.out)["description"] == "the first"
    model = weft("models", "update", "said", "-l", "team=a", "-o", "json")
    assert json.loads(model.out)["labels"] == {"team": "a"}
    assert weft("models", "update", "said@1", "--approval", "staging").code == 2
