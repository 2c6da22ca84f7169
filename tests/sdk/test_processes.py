"""Steps in processes of their own."""

# ruff: noqa: FBT001, T201 - steps under test print and take flags

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sdk.test_engine import check_legal, engine_of
from weft import Retry, Run, RunFailedError, RunState, context, log_metrics, pipeline, step
from weft._records import LogBatch, Metric, Record
from weft._states import StopMode
from weft.errors import StepStoppedError

Records = Callable[[Run[Any]], list[Record]]


class FlakyError(Exception):
    pass


@step(isolation="process", environment={"GREETING": "hello"})
def talk(n: int) -> dict[str, Any]:
    print("printed")
    logging.getLogger("mine").error("logged")
    subprocess.run([sys.executable, "-c", "print('grandchild')"], check=True)
    log_metrics({"n": n})
    return {"greeting": os.environ["GREETING"], "pid": os.getpid(), "step": context().step}


@step(isolation="process")
def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@step(isolation="process", retries=Retry(1, 0.0, retry_on=(FlakyError,)))
def flaky(mark: Path) -> int:
    if context().attempt == 1:
        raise FlakyError("once")
    return context().attempt


@step(isolation="process", timeout_s=30)
def waits(mark: Path, listens: bool) -> None:
    mark.write_text(str(os.getpid()))
    if not listens:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pause()
    context().stop_event.wait(60)
    raise StepStoppedError


def test_everything_arrives_from_the_child(records: Records) -> None:
    @pipeline
    def whole() -> Any:
        return talk(3)

    run = whole()
    result = run.result()
    assert result["greeting"] == "hello"
    assert result["pid"] != os.getpid()
    assert result["step"] == "talk"
    found = records(run)
    lines = [line for r in found if isinstance(r, LogBatch) for line in r.lines]
    assert {(line.stream, line.level, line.message) for line in lines} == {
        ("stdout", "INFO", "printed"),
        ("stdout", "INFO", "grandchild"),
        ("structured", "ERROR", "logged"),
    }
    assert [(r.name, r.value) for r in found if isinstance(r, Metric)] == [("n", 3.0)]


def test_a_killed_process_is_a_failure_of_the_infrastructure() -> None:
    @pipeline
    def whole() -> None:
        killed()

    with pytest.raises(RunFailedError, match="was ended by SIGKILL, often") as caught:
        whole()
    failure = caught.value.run.failure
    assert (failure.kind, failure.code) == ("INFRASTRUCTURE", "PROCESS_DIED")


def test_retry_conditions_hold_across_processes(tmp_path: Path) -> None:
    @pipeline
    def whole() -> int:
        return flaky(tmp_path)

    assert whole().result() == 2


def test_a_step_inside_a_function_is_refused() -> None:
    @step(isolation="process")
    def local() -> None: ...

    @pipeline
    def whole() -> None:
        local()

    with pytest.raises(RunFailedError, match="defined inside a function"):
        whole()


@pytest.mark.parametrize(("listens", "mode"), [(True, StopMode.GRACEFUL), (False, StopMode.FORCE)])
def test_a_stop_reaches_the_process(tmp_path: Path, listens: bool, mode: StopMode) -> None:
    mark = tmp_path / "pid"
    os.mkfifo(mark)

    @pipeline
    def whole() -> None:
        waits.with_options(cache=False)(mark, listens)

    engine, records = engine_of(tmp_path / "data", whole)

    def stop() -> None:
        mark.read_text()  # blocks until the step has opened the pipe
        engine.stop(mode, "enough")

    thread = threading.Thread(target=stop)
    thread.start()
    assert engine.run() is RunState.STOPPED
    thread.join()
    check_legal(records())


@step(environment={"GREETING": "hi"})
def leaves_a_process_behind() -> int:
    print("mine")
    return subprocess.Popen(["sleep", "600"]).pid


def test_processes_left_behind_end_with_the_step() -> None:
    @pipeline
    def whole() -> int:
        return leaves_a_process_behind()

    left = whole().result()
    # It was killed; the kernel may be about to end it still.
    deadline = time.monotonic() + 30
    while _runs(left) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _runs(left)


def _runs(pid: int) -> bool:
    """Whether a process is there, and not dead and waiting for whoever adopted it."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
