"""Ctrl-C at any moment of a run in this process: it exits with 130, says so, and is on record."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from weft._interrupts import Interrupts
from weft._records import LogBatch, RunReport, StepReport
from weft._spool import read_spool
from weft._states import RunState

SCRIPT = '''
import os, signal, sys
from weft import context, pipeline, step

def press(moment):
    """Presses Ctrl-C when a moment has come."""
    if sys.argv[1] == moment:
        os.kill(os.getpid(), signal.SIGINT)

@step(cache=False)
def first() -> int:
    press("first step")
    for line in range(50):
        print(f"line {line}")
        if line == 25:
            press("logging")
    return 1

@step(cache=False)
def waits(n: int) -> int:
    press("waiting")
    if sys.argv[1] in {"waiting", "twice"}:
        press_again = sys.argv[1] == "twice"
        if press_again:
            os.kill(os.getpid(), signal.SIGINT)
        context().stop_event.wait(60)
        if press_again:
            os.kill(os.getpid(), signal.SIGINT)
            # Nothing stops it but that nobody waits.
            import time
            time.sleep(600)
    return n

@pipeline(on_start=lambda _: press("start"), on_success=lambda _: press("end"))
def whole() -> int:
    return waits(first())

import weft._local, weft._spool
began = weft._spool.SpoolRecorder.begin
def begin(self, *arguments):
    press("before it is on record")
    recording = began(self, *arguments)
    press("just on record")
    closed = recording.close
    def close():
        press("closing")
        closed()
    recording.close = close
    return recording
weft._spool.SpoolRecorder.begin = begin

run = whole()
print("RESULT", run.result())
'''
STOPPED = {
    "before it is on record": "STOPPED",
    "just on record": "STOPPED",
    "start": "STOPPED",
    "first step": "STOPPED",
    "logging": "STOPPED",
    # What runs may finish, and then all of it is done.
    "waiting": "SUCCEEDED",
    "twice": "STOPPED",
    "end": "SUCCEEDED",
    "closing": "SUCCEEDED",
}


def test_a_job_in_the_background_goes_on_ignoring_it() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interrupts():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(("moment", "state"), STOPPED.items())
def test_ctrl_c_leaves_the_true_state(tmp_path: Path, moment: str, state: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(script), moment],
        env={**os.environ, "WEFT_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    (spool,) = (Path(os.environ["WEFT_DATA_DIR"]) / "spool").iterdir()
    records = list(read_spool(spool))
    states = [record.state for record in records if isinstance(record, RunReport)]
    assert states[-1].name == state
    steps: dict[str, str] = {}
    for record in records:
        if isinstance(record, StepReport):
            steps[record.step] = record.state
    assert all(last.is_final for last in steps.values())  # type: ignore[attr-defined]
    if state == "STOPPED":
        assert done.returncode == 130
        assert done.stderr.splitlines()[-1].startswith("interrupted: run ")
        assert "Traceback" not in done.stderr
        assert states[-2:] == [RunState.STOPPING, RunState.STOPPED]
    elif moment == "waiting":
        assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "RESULT 1")
    else:
        # Of the user's own code, or while nothing is under way: Python's own interrupt.
        assert done.returncode in {130, -signal.SIGINT}
    if moment == "logging":
        lines = [line for r in records if isinstance(r, LogBatch) for line in r.lines]
        assert [line.message for line in lines] == [f"line {n}" for n in range(50)]
