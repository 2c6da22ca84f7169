"""`weft run`, `weft runs` and `weft logs` against a real mesh."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.sdk.cli.conftest import Runs, Weft
from weft._embedded import EmbeddedMesh

STEPS = ["load", "train"]


def short(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def test_a_run_is_watched_line_by_line_where_nobody_draws(weft: Weft, train_file: Path) -> None:
    done = weft("run", f"{train_file}::teach", "--rows", "4", "--lr=0.25", "--no-cache")
    assert done.code == 0, done.err
    assert re.search(r"✓ load +done", done.out)
    assert re.search(r"succeeded in [\d.]+ s · 2 succeeded", done.out)
    assert "\x1b" not in done.out
    assert "of teach" in done.err


def test_detached_prints_the_name_and_nothing_else(weft: Weft, train_file: Path) -> None:
    done = weft("run", f"{train_file}::teach", "--detach")
    assert done.code == 0
    (name,) = done.out.splitlines()
    watched = weft("runs", "watch", name, "-o", "json")
    assert watched.code == 0
    assert json.loads(watched.out)["state"] == "RUN_STATE_SUCCEEDED"


def test_a_failure_is_told_with_its_place_and_what_to_do(weft: Weft, runs: Runs) -> None:
    shown = weft("runs", "show", runs.bad)
    assert shown.code == 0
    assert "ValueError: bad batch 3" in shown.out
    assert re.search(r"train\.py:\d+ in train", shown.out)
    assert "weft logs" in shown.err
    watched = weft("runs", "watch", runs.bad)
    assert watched.code == 3
    assert "failed in" in watched.out
    assert f"weft runs retry {short(runs.bad)}" in watched.out


@pytest.mark.parametrize("output", ["json", "yaml", "name", "table"])
def test_every_list_comes_in_every_format(output: str, weft: Weft, runs: Runs) -> None:
    for command in ("runs", "artifacts"):
        done = weft(command, "list", "-o", output, "-n", "5")
        assert done.code == 0
        assert done.out.strip()
        if output == "json":
            assert json.loads(done.out)[0]["name"].startswith("projects/default/")
        if output == "name":
            assert all(line.startswith("projects/default/") for line in done.out.splitlines())


def test_lists_take_queries_and_limits(weft: Weft, runs: Runs) -> None:
    failed = weft("runs", "list", "-q", "state = FAILED", "-o", "name").out.splitlines()
    assert runs.bad in failed
    assert runs.good not in failed
    assert len(weft("runs", "list", "-n", "1", "-o", "name").out.splitlines()) == 1
    assert weft("runs", "-q", "state = FAILED", "-o", "name").out.splitlines() == failed
    wrong = weft("runs", "list", "-q", "colour = red")
    assert wrong.code == 2
    assert wrong.err.startswith("error: ")


def test_latest_is_the_newest(weft: Weft, runs: Runs) -> None:
    newest = weft("runs", "list", "-n", "2", "-o", "name").out.splitlines()
    assert weft("runs", "show", "@latest", "-o", "name").out.strip() == newest[0]
    assert weft("runs", "show", "@prev", "-o", "name").out.strip() == newest[1]


def test_a_retry_is_a_new_run_of_the_same_snapshot(weft: Weft, runs: Runs) -> None:
    again = weft("runs", "retry", runs.bad, "-o", "json")
    assert again.code == 3  # it still says --fail
    assert json.loads(again.out)["origin"] == runs.bad


def test_one_step_is_run_again_alone_and_the_page_of_the_run_is_told(
    weft: Weft, runs: Runs, mesh: EmbeddedMesh
) -> None:
    again = weft("runs", "retry", runs.good, "--only", "load", "-o", "json")
    assert again.code == 0, again.err
    made = json.loads(again.out)
    assert (made["onlyStep"], made["stepCounts"]) == ("load", {"SUCCEEDED": 1, "CACHED": 1})
    page = f"{mesh.addresses.dashboard}/w/default/p/default/runs/{made['name'].rpartition('/')[2]}"
    assert page in again.err.split()
    both = weft("runs", "retry", runs.good, "--only", "load", "--from", "train")
    assert (both.code, "exclude each other" in both.err) == (2, True)


def test_ids_lead_to_the_dashboard_in_a_terminal_that_knows_links(
    environment: dict[str, str], runs: Runs, mesh: EmbeddedMesh
) -> None:
    command = [sys.executable, "-m", "weft", "runs", "list", "-n", "1"]
    _, screen = in_terminal(command, {**environment, "FORCE_HYPERLINK": "1"})
    pages = f"\x1b]8;;{mesh.addresses.dashboard}/w/default/p/default"
    assert f"{pages}/runs/" in screen
    command = [sys.executable, "-m", "weft", "steps", "show", f"{runs.good}/steps/train"]
    _, shown = in_terminal(command, {**environment, "FORCE_HYPERLINK": "1"})
    # The step itself, what it took, and what it made.
    run = runs.good.rpartition("/")[2]
    assert f"{pages}/runs/{run}?step=train\x1b\\" in shown
    assert f"{pages}/artifacts/" in shown
    command = [sys.executable, "-m", "weft", "runs", "list", "-n", "1"]
    _, screen = in_terminal(command, {**environment, "FORCE_HYPERLINK": "0"})
    assert "\x1b]8" not in screen


def test_an_id_alone_leads_to_its_page(
    environment: dict[str, str], weft: Weft, mesh: EmbeddedMesh
) -> None:
    assert weft("models", "create", "linked").code == 0
    command = [sys.executable, "-m", "weft", "models", "show", "linked"]
    _, shown = in_terminal(command, {**environment, "FORCE_HYPERLINK": "1"})
    page = f"{mesh.addresses.dashboard}/w/default/p/default/models/linked"
    assert f"\x1b]8;;{page}\x1b\\linked\x1b]8;;\x1b\\" in shown


def test_a_run_whose_workload_died_tells_the_engine_s_words_and_its_own_last_ones(
    weft: Weft, train_file: Path
) -> None:
    done = weft("run", f"{train_file}::dying")
    assert done.code == 3
    assert "failed in" in done.out
    assert "| the last words of the worker" in done.out
    shown = weft("runs", "show", "@latest")
    assert "| the last words of the worker" in shown.out
    failure = json.loads(weft("runs", "show", "@latest", "-o", "json").out)["failure"]
    assert failure["kind"] == "FAILURE_KIND_INFRASTRUCTURE"
    assert failure["message"] in shown.out


def test_a_run_that_ended_still_tells_why_each_step_was_not_cached(
    weft: Weft, train_file: Path
) -> None:
    assert weft("run", f"{train_file}::teach", "--rows", "41").code == 0
    assert weft("run", f"{train_file}::teach", "--rows", "43").code == 0
    shown = weft("runs", "show", "@latest").out
    assert re.search(r"load +succeeded .*\(differs from .*/steps/load in input:rows\)", shown)
    assert re.search(r"parameters +.*rows=43", shown)


def test_a_run_is_stopped_by_force(weft: Weft, train_file: Path) -> None:
    name = weft("run", f"{train_file}::sleepy", "--detach").out.strip()
    stopped = weft("runs", "stop", name, "--force", "--wait", "--reason", "enough", "-o", "json")
    assert stopped.code == 0, stopped.err
    assert json.loads(stopped.out)["state"] == "RUN_STATE_STOPPED"
    assert weft("runs", "watch", name).code == 3


def test_a_fan_out_is_one_line(weft: Weft, train_file: Path) -> None:
    done = weft("run", f"{train_file}::wide", "--rows", "30")
    assert done.code == 0, done.err
    assert len([line for line in done.out.splitlines() if "square" in line]) <= 3
    shown = weft("runs", "show", "@latest").out
    assert shown.count("square") == 1
    assert weft("runs", "show", "@latest", "--items").out.count("square") >= 31


def test_logs_come_by_step_with_what_was_asked_for(weft: Weft, runs: Runs) -> None:
    of_run = weft("logs", short(runs.good))
    assert of_run.code == 0
    assert re.search(r"^train +\| epoch 1$", of_run.out, re.MULTILINE)
    assert re.search(r"^load +\| loaded 3 rows$", of_run.out, re.MULTILINE)
    of_step = weft("logs", f"{short(runs.good)}/train")
    assert of_step.out.splitlines()[0] == "epoch 1"
    last = weft("logs", f"{short(runs.good)}/train", "--tail", "1")
    assert last.out.startswith("epoch 2")
    found = weft("logs", short(runs.good), "--grep", "loaded")
    assert found.out.splitlines() == [f"{'load':<16} | loaded 3 rows"]
    stamped = weft("logs", f"{short(runs.good)}/load", "--timestamps")
    assert re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z loaded 3 rows", stamped.out)
    as_json = [json.loads(line) for line in weft("logs", runs.good, "-o", "json").out.splitlines()]
    assert {"load", "train"} <= {line["step"] for line in as_json}


def test_followed_logs_end_with_the_run(weft: Weft, train_file: Path) -> None:
    name = weft("run", f"{train_file}::teach", "--detach", "--no-cache").out.strip()
    followed = weft("logs", name, "-f")
    assert followed.code == 0
    assert "epoch 1" in followed.out
    assert "loaded 3 rows" in followed.out


def test_a_hostile_line_paints_nothing_but_colours(weft: Weft, runs: Runs) -> None:
    logs = weft("logs", f"{short(runs.good)}/train", "--grep", "red", FORCE_COLOR="1")
    assert "\x1b[31mred\x1b[0m" in logs.out
    assert "\x1b]" not in logs.out
    assert "\x1b[2J" not in logs.out
    plain = weft("logs", f"{short(runs.good)}/train", "--grep", "red", NO_COLOR="1")
    assert "\x1b" not in plain.out


def test_parameters_are_listed_with_their_file(weft: Weft, train_file: Path) -> None:
    done = weft("run", f"{train_file}::teach", "--help")
    assert done.code == 0
    assert re.search(r"--rows +int, default 3", done.out)
    assert re.search(r"--fail +bool, default False", done.out)
    assert "--detach" in done.out


def test_who_reads_only_the_first_line_is_no_failure(
    weft: Weft, environment: dict[str, str], runs: Runs
) -> None:
    line = f"{sys.executable} -m weft api | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", line],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert done.stderr == ""


def test_ctrl_c_stops_the_watching_and_not_the_run(
    weft: Weft, environment: dict[str, str], train_file: Path
) -> None:
    name = weft("run", f"{train_file}::sleepy", "--seconds", "90", "--detach").out.strip()
    watch = subprocess.Popen(
        [sys.executable, "-m", "weft", "runs", "watch", name],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert watch.stdout is not None
    assert watch.stdout.readline().startswith(f"run {name}")
    watch.send_signal(signal.SIGINT)
    _, told = watch.communicate(timeout=60)
    assert watch.returncode == 130
    assert f"weft runs watch {name}" in told
    state = json.loads(weft("runs", "show", name, "-o", "json").out)["state"]
    assert state not in {"RUN_STATE_STOPPED", "RUN_STATE_FAILED"}
    weft("runs", "stop", name, "--force")


def test_a_terminal_gets_one_block_that_redraws_and_a_summary(
    weft: Weft, environment: dict[str, str], train_file: Path
) -> None:
    code, screen = in_terminal(
        [sys.executable, "-m", "weft", "run", f"{train_file}::teach", "--no-cache"], environment
    )
    assert code == 0
    frames = screen.split("\x1b[J")
    assert len(frames) > 2
    # Each frame goes up over the last one and erases as it writes: nothing is cleared before.
    drawn = [frame for frame in frames if "\x1b[K" in frame]
    assert len(drawn) > 1
    assert all(re.match(r"(\r\n)?\x1b\[\d+A", frame) for frame in drawn[1:])
    assert "\x1b[2J" not in screen
    assert re.search(r"succeeded\S* in [\d.]+ s · 2 succeeded", frames[-1])
    assert "done" in screen


def test_a_terminal_without_colours_gets_none(
    weft: Weft, environment: dict[str, str], runs: Runs
) -> None:
    command = [sys.executable, "-m", "weft", "runs", "watch", runs.good]
    _, screen = in_terminal(command, {**environment, "NO_COLOR": "1"})
    assert not re.search(r"\x1b\[[\d;]*m", screen)
    _, dumb = in_terminal(command, {**environment, "TERM": "dumb", "NO_COLOR": "1"})
    assert "\x1b" not in dumb


def in_terminal(command: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """Runs a command in a terminal of its own, 80 columns wide."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        command,
        env={**environment, "COLUMNS": "80", "LINES": "24"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    screen = b""
    end = time.monotonic() + 100
    while time.monotonic() < end:
        if not select.select([master], [], [], 1.0)[0]:
            continue
        try:
            data = os.read(master, 65536)
        except OSError:
            break
        if not data:
            break
        screen += data
    os.close(master)
    return process.wait(20), screen.decode()
