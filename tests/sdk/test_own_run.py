"""Runs that no pipeline makes: what happens in a `with`, on record."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sdk.small_steps import load
from weft import OwnRun, context, log_metric, pipeline, start_run, step
from weft._records import LogBatch, Metric, Record, RunRecord, RunReport, StepReport
from weft._spool import read_spool
from weft.errors import NoActiveStepError, RunFailedError, TracingError

Told = Callable[[OwnRun], list[Record]]


@pytest.fixture
def told(data_dir: Path) -> Told:
    return lambda run: list(read_spool(data_dir / "spool" / f"{run.name}.jsonl"))


def ending(records: list[Record]) -> list[str]:
    found = [r for r in records if isinstance(r, RunReport | StepReport)]
    assert [r.sequence for r in found] == list(range(1, len(found) + 1))
    return [r.state.value for r in found]


def test_what_happens_is_on_record(told: Told) -> None:
    with start_run("My notebook", parameters={"lr": 0.1}) as run:
        sys.stdout.write("hello\n")
        log_metric("loss", 0.5)
        first = run.log_artifact("scores", [1, 2])
        assert context().run == run.name
    assert first.load() == [1, 2]
    records = told(run)
    assert ending(records) == ["RUNNING", "RUNNING", "SUCCEEDED", "SUCCEEDED"]
    (created,) = [r for r in records if isinstance(r, RunRecord)]
    assert (created.pipeline, created.parameters) == ("my-notebook", {"lr": 0.1})
    assert [(r.name, r.value) for r in records if isinstance(r, Metric)] == [("loss", 0.5)]
    lines = [line.message for r in records if isinstance(r, LogBatch) for line in r.lines]
    assert lines == ["hello"]
    (done,) = [r for r in records if isinstance(r, StepReport) and r.outputs]
    assert [v.uid for v in done.outputs["scores"]] == [first.version.uid]


def test_afterwards_nothing_runs_any_more() -> None:
    with start_run():
        pass
    with pytest.raises(NoActiveStepError):
        context()


@pytest.mark.parametrize(
    ("error", "states"),
    [
        (ValueError("no"), ["FAILED", "FAILED"]),
        (KeyboardInterrupt(), ["STOPPING", "STOPPING", "STOPPED", "STOPPED"]),
    ],
)
def test_how_it_ends_is_told_and_passed_on(
    told: Told, error: BaseException, states: list[str]
) -> None:
    runs: list[OwnRun] = []

    def work() -> None:
        with start_run() as run:
            runs.append(run)
            raise error

    with pytest.raises(type(error)):
        work()
    assert ending(told(runs[0]))[2:] == states


def test_a_name_that_is_no_identifier_is_refused() -> None:
    with start_run() as run, pytest.raises(ValueError, match="no identifier"):
        run.log_artifact("../escape", 1)


def test_it_cannot_start_inside_of_a_run() -> None:
    @step(cache=False)
    def inner() -> None:
        with start_run():
            pass

    @pipeline
    def whole() -> None:
        inner()

    with pytest.raises(RunFailedError, match="cannot start inside"):
        whole()

    @pipeline
    def drawn() -> Any:
        with start_run():
            return load(1)

    with pytest.raises(TracingError, match="cannot start inside"):
        drawn()


def test_a_pipeline_uses_what_was_logged_outside_of_any() -> None:
    with start_run("collecting") as run:
        found = run.log_artifact("rows", [1, 2, 3])

    @step
    def total(rows: list[int]) -> int:
        return sum(rows)

    @pipeline
    def whole() -> int:
        return total(found)  # type: ignore[arg-type]

    assert whole().result() == 6
