"""Runs that fail: what is told, what is retried, and what becomes of the other steps."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sdk.small_steps import add, load, states
from weft import (
    NonRetryableError,
    Retry,
    Run,
    RunFailedError,
    RunState,
    context,
    pipeline,
    step,
)
from weft._records import Record, StepReport

Records = Callable[[Run[Any]], list[Record]]


def test_whatever_an_exception_says_can_be_told() -> None:
    from weft import _wire
    from weft._failures import failure_of

    told = _wire.failure(failure_of(OSError("no \udcff.csv, \0 read")))
    assert told.message == "no ?.csv, \ufffd read"
    assert told.traceback.endswith("OSError: no ?.csv, \ufffd read\n")


def test_failures_show_where_why_and_on_what(tmp_path: Path) -> None:
    @step
    def fit(data: list[int], lr: float) -> None:
        raise ValueError(f"bad batch {len(data)}")

    @pipeline
    def whole() -> None:
        fit(load(3), lr=0.1)

    with pytest.raises(RunFailedError) as caught:
        whole()
    text = str(caught.value)
    assert "failed in step fit: ValueError: bad batch 3" in text
    assert "► " in text
    assert 'raise ValueError(f"bad batch' in text
    assert Path(__file__).name in text
    assert "inputs: data=load.output, lr=0.1" in text
    failure = caught.value.run.failure
    assert (failure.kind, failure.code, failure.exception) == ("USER", "EXCEPTION", "ValueError")
    assert "_attempt.py" not in failure.traceback


def test_a_wrong_output_is_told() -> None:
    @step
    def two() -> tuple[int, int]:
        return 1, 2, 3  # type: ignore[return-value]

    @pipeline
    def whole() -> None:
        two()

    with pytest.raises(
        RunFailedError, match=r"declared 2 outputs .output_0, output_1. but returned"
    ):
        whole()


def test_exit_in_a_step_does_not_end_the_run() -> None:
    @step
    def leave() -> None:
        raise SystemExit(3)

    @pipeline
    def whole() -> None:
        leave()

    with pytest.raises(RunFailedError, match="SystemExit: 3"):
        whole()


def test_retries_until_it_works(records: Records) -> None:
    tries: list[int] = []

    @step(retries=Retry(3, backoff_s=0.001, retry_on=(OSError,)))
    def flaky() -> int:
        tries.append(context().attempt)
        if len(tries) < 3:
            raise OSError("not yet")
        return 7

    @pipeline
    def whole() -> int:
        return flaky()

    run = whole()
    assert (run.result(), tries, run.steps["flaky"].attempts) == (7, [1, 2, 3], 3)
    reports = [r for r in records(run) if isinstance(r, StepReport)]
    assert [(r.attempt, r.state) for r in reports] == [
        (1, "RUNNING"),
        (1, "RETRYING"),
        (2, "RUNNING"),
        (2, "RETRYING"),
        (3, "RUNNING"),
        (3, "SUCCEEDED"),
    ]


@pytest.mark.parametrize("error", [ValueError("no"), NonRetryableError("no")])
def test_only_named_errors_are_retried(error: Exception) -> None:
    @step(retries=Retry(3, 0.001, retry_on=(OSError, NonRetryableError)))
    def fails() -> None:
        raise error

    @pipeline
    def whole() -> None:
        fails()

    run = whole.run(raise_on_failure=False)
    assert run.steps["fails"].attempts == 1


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("STOP_ON_FAILURE", {"bad": "FAILED", "after": "SKIPPED", "other": "SKIPPED"}),
        ("CONTINUE", {"bad": "FAILED", "after": "SKIPPED", "other": "SUCCEEDED"}),
    ],
)
def test_execution_modes(mode: str, expected: dict[str, str]) -> None:
    @step
    def bad() -> int:
        raise ValueError

    @pipeline(execution_mode=mode)
    def whole() -> None:
        add.with_options(name="after")(bad())
        load.with_options(name="other")(1)

    run = whole.run(raise_on_failure=False, max_workers=1)
    assert run.state is RunState.FAILED
    assert states(run) == expected


def test_fail_fast_stops_what_runs() -> None:
    started = threading.Event()

    @step
    def bad() -> None:
        started.wait(30)
        raise ValueError

    @step
    def patient() -> None:
        started.set()
        here = context()
        here.stop_event.wait(30)
        here.check_stop()

    @pipeline
    def whole() -> None:
        bad()
        patient()

    run = whole.run(raise_on_failure=False)
    assert states(run) == {"bad": "FAILED", "patient": "STOPPED"}
