"""Little pipelines, run through the public API."""

from __future__ import annotations

import asyncio
import enum
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from tests.sdk.small_steps import add, load, states
from weft import (
    Artifact,
    Cache,
    ExecutionMode,
    Run,
    RunFailedError,
    RunState,
    StepState,
    context,
    log_metadata,
    log_metrics,
    pipeline,
    step,
)
from weft._records import Metadata, Metric, Record, StepRecord, StepReport
from weft.errors import ItemFailedError, NoActiveStepError, RunStoppedError

Records = Callable[[Run[Any]], list[Record]]


class Parts(NamedTuple):
    train: list[int]
    test: list[int]


@dataclass
class Scores:
    mean: float
    table: Any


@step
def split(data: list[int]) -> Parts:
    return Parts(data[:-1], data[-1:])


@step
def total(numbers: list[int]) -> int:
    return sum(numbers)


def test_values_flow_from_step_to_step() -> None:
    @pipeline
    def whole(rows: int = 4) -> tuple[int, int]:
        parts = split(load(rows))
        return total(parts.train), total(parts.test)

    run = whole(rows=5)
    assert run.state is RunState.SUCCEEDED
    assert run.result() == (6, 4)
    assert run.steps["split"].outputs["train"].load() == [0, 1, 2, 3]
    assert run.steps["total_2"].state is StepState.SUCCEEDED


def test_several_outputs_are_passed_whole() -> None:
    @step
    def score(data: list[int]) -> Scores:
        return Scores(1.5, np.array(data))

    @step
    def unpack(parts: Parts, scores: Scores) -> list[int]:
        assert isinstance(parts, Parts)
        assert isinstance(scores.table, np.ndarray)
        return parts.train + scores.table.tolist()

    @pipeline
    def whole() -> list[int]:
        data = load(3)
        return unpack(split(data), score(data))

    assert whole().result() == [0, 1, 0, 1, 2]


def test_rich_values_keep_their_type_between_steps() -> None:
    @step
    def frame() -> pd.DataFrame:
        return pd.DataFrame({"x": [1, 2]})

    @step
    def array(data: pd.DataFrame) -> Any:
        return data["x"].to_numpy()

    @step
    def peek(data: Artifact[Any]) -> str:
        return f"{data.version.format} {data.load().sum()}"

    @pipeline
    def whole() -> str:
        return peek(array(frame()))  # type: ignore[arg-type]

    assert whole().result() == "npy 3"


class Size(enum.Enum):
    SMALL = "small"


def test_constants_of_all_plain_types_arrive() -> None:
    @step
    def show(size: Size, where: Path, pair: tuple[int, str], *more: int, **named: int) -> str:
        return f"{size} {where} {pair} {more} {named}"

    @pipeline
    def whole(size: Size = Size.SMALL) -> str:
        return show(size, Path("a"), (1, "b"), 2, 3, c=4)

    assert whole().result() == "Size.SMALL a (1, 'b') (2, 3) {'c': 4}"


def test_map_over_a_literal_a_parameter_and_a_result() -> None:
    @pipeline
    def whole(extra: list[int]) -> Any:
        literal = add.map([1, 2], [10, 20])
        parameter = add.map(extra, b=1)
        result = add.map(load(3), b=literal[0] if False else 100)
        return total(literal), total(parameter), total(result), total(add.map(result, b=0))

    run = whole(extra=[5, 6])
    assert run.result() == (33, 13, 303, 303)
    assert [item.id for item in run.steps["add"].items] == ["add-0", "add-1"]


def test_map_over_nothing_gives_nothing() -> None:
    @pipeline
    def whole() -> int:
        return total(add.map(load(0)))

    assert whole().result() == 0


def test_map_over_what_is_no_list_fails_clearly() -> None:
    @pipeline
    def whole() -> Any:
        return add.map(total(load(2)))

    with pytest.raises(RunFailedError, match=r"map\(\) over 'a' needs a list, got 1"):
        whole()


def test_map_over_rich_items() -> None:
    @step
    def make() -> list[Any]:
        return [np.arange(n) for n in range(3)]

    @step
    def size(array: Any) -> int:
        return len(array)

    @pipeline
    def whole() -> int:
        return total(size.map(make()))

    with pytest.warns(UserWarning, match="pickled"):
        assert whole().result() == 3


def test_map_runs_no_more_than_its_concurrency() -> None:
    running: list[int] = []
    most: list[int] = []
    lock = threading.Lock()
    together = threading.Barrier(2, timeout=30)

    @step(cache=False)
    def work(n: int) -> int:
        with lock:
            running.append(n)
            most.append(len(running))
        together.wait()
        with lock:
            running.remove(n)
        return n

    @pipeline
    def whole() -> Any:
        return work.map(list(range(8)), concurrency=2)

    assert whole.run(max_workers=8).result() == list(range(8))
    assert max(most) == 2


def test_map_can_return_exceptions() -> None:
    @step
    def invert(n: int) -> float:
        return 1 / n

    @step
    def sort(found: list[Any]) -> list[str]:
        return [type(item).__name__ for item in found]

    @pipeline
    def whole() -> list[str]:
        return sort(invert.map([0, 1], return_exceptions=True))

    run = whole()
    assert run.result() == [ItemFailedError.__name__, "float"]
    assert [item.state for item in run.steps["invert"].items] == ["FAILED", "SUCCEEDED"]


def test_a_failed_item_fails_its_fan_out() -> None:
    @step
    def invert(n: int) -> float:
        return 1 / n

    @pipeline(execution_mode=ExecutionMode.CONTINUE)
    def whole() -> Any:
        return total(invert.map([1, 0, 2]))  # type: ignore[arg-type]

    run = whole.run(raise_on_failure=False)
    assert states(run) == {"invert": "FAILED", "total": "SKIPPED"}
    assert run.steps["invert"].failure.message == "1 of 3 items failed, first invert-1"  # type: ignore[union-attr]


def test_async_steps_run() -> None:
    @step
    async def fetch(n: int) -> int:
        await asyncio.sleep(0)
        return n * 2

    @pipeline
    async def whole() -> Any:
        return add(await fetch(4), 1)

    assert whole().result() == 9


def test_context_metrics_and_metadata(records: Records) -> None:
    @step
    def fit() -> int:
        here = context()
        assert (here.step, here.attempt, here.pipeline, here.index) == ("fit", 1, "whole", None)
        for epoch in range(2):
            log_metrics({"loss": 1 / (epoch + 1)}, x=epoch)
        log_metadata({"device": "cpu", "sizes": (1, 2)}, output="output")
        for size in (40 << 10, 50 << 10):
            log_metadata({"what": "x" * size})
        with pytest.raises(ValueError, match="64 KiB"):
            log_metadata({"else": "x" * (20 << 10)})
        return 1

    @pipeline
    def whole() -> None:
        fit()

    found = records(whole())
    metrics = [r for r in found if isinstance(r, Metric)]
    assert [(m.step, m.name, m.value, m.x) for m in metrics] == [
        ("fit", "loss", 1.0, 0.0),
        ("fit", "loss", 0.5, 1.0),
    ]
    metadata = next(r for r in found if isinstance(r, Metadata))
    assert metadata.output == "output"
    assert metadata.values["device"] == "cpu"  # noqa: PD011 - no data frame


def test_outside_a_run_metrics_are_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="weft"):
        log_metrics({"loss": 1})
    assert "metrics outside a run" in caplog.text
    with pytest.raises(NoActiveStepError):
        context()


def test_an_artifact_of_an_earlier_run_is_an_input(records: Records) -> None:
    @pipeline
    def first() -> Any:
        return load(3)

    kept = first().steps["load"].outputs["output"]

    @pipeline
    def second() -> int:
        return total(kept)  # type: ignore[arg-type]

    run = second()
    assert run.result() == 3
    lineage = [r.inputs for r in records(run) if isinstance(r, StepReport) and r.inputs]
    assert lineage[0]["numbers"][0].uid == kept.version.uid


def test_the_spool_holds_the_whole_story(records: Records) -> None:
    @pipeline
    def whole() -> int:
        return total(add.map(load(2)))

    found = records(whole())
    steps = [r for r in found if isinstance(r, StepRecord)]
    assert [s.id for s in steps] == ["load", "add", "total", "add-0", "add-1"]
    assert [s.parent for s in steps][-2:] == ["add", "add"]
    assert steps[1].map_over == ("a",)
    assert "def add" in steps[1].source


def test_pickle_policy_refuses_by_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_ALLOW_PICKLE", "0")

    @step
    def make() -> Any:
        return object()

    @pipeline
    def whole() -> None:
        make()

    with pytest.raises(RunFailedError, match="the policy refuses pickle"):
        whole()


def test_a_step_can_be_left_out_of_the_cache() -> None:
    calls: list[int] = []

    @step(cache=Cache(enabled=False))
    def count() -> int:
        calls.append(1)
        return len(calls)

    @pipeline
    def whole() -> int:
        return count()

    assert [whole().result(), whole().result()] == [1, 2]


def test_ctrl_c_stops_politely() -> None:
    @step(cache=False)
    def interrupted() -> int:
        os.kill(os.getpid(), signal.SIGINT)
        context().stop_event.wait(60)
        return 1

    @pipeline
    def whole() -> Any:
        return add(interrupted())

    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(RunStoppedError) as caught:
        whole()
    assert states(caught.value.run) == {"interrupted": "SUCCEEDED", "add": "STOPPED"}
    assert signal.getsignal(signal.SIGINT) is handler
