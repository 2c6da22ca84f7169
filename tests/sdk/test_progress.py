"""How far a step is, on record and in the view of a run."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from weft import Run, pipeline, progress, step, tqdm_class
from weft._progress import Progress
from weft._records import Metadata, Record
from weft.cli._runview import progress_of
from weftapi.workspace.v1 import run_types_pb2

Records = Callable[[Run[Any]], list[Record]]


def told(records: list[Record]) -> list[dict[str, Any]]:
    return [dict(record.values) for record in records if isinstance(record, Metadata)]


def running(work: Callable[[], None]) -> Run[None]:
    @step(cache=False)
    def counted() -> None:
        work()

    @pipeline
    def whole() -> None:
        counted()

    return whole()


def test_a_step_says_where_it_began_and_ended(records: Records) -> None:
    def work() -> None:
        for _ in progress(range(1000), name="rows"):
            pass

    run = running(work)
    values = told(records(run))
    assert values[0] == {"progress rows": [0, 1000]}
    assert values[-1] == {"progress rows": [1000, 1000]}
    assert len(values) < 1000


def test_it_is_told_now_and_then(records: Records) -> None:
    times = iter([0.0, 1.0, 1.0, 1.1, 1.2, 2.0])

    def work() -> None:
        counter: Progress[int] = Progress(total=3, clock=lambda: next(times))
        with counter:
            for _ in range(3):
                counter.update()

    run = running(work)
    assert told(records(run)) == [
        {"progress": [0, 3]},
        {"progress": [1, 3]},
        {"progress": [3, 3]},
    ]


def test_what_fails_says_how_far_it_came(records: Records) -> None:
    seen: list[int] = []

    def work() -> None:
        try:
            for item in progress(iter("abc")):
                seen.append(ord(item))
                assert item != "b"
        except AssertionError:
            return

    run = running(work)
    assert told(records(run))[0] == {"progress": [0, 0]}


def test_outside_of_a_step_it_only_counts() -> None:
    counter = progress([1, 2])
    assert list(counter) == [1, 2]
    assert (counter.done, counter.total) == (2, 2)


def test_an_array_is_gone_through_too() -> None:
    counter = progress(np.arange(3))
    assert list(counter) == [0, 1, 2]
    assert counter.total == 3


def test_a_bar_of_tqdm_is_shown_too(records: Records) -> None:
    pytest.importorskip("tqdm")

    def work() -> None:
        for _ in tqdm_class()(range(3), desc="files", file=io.StringIO(), mininterval=0):
            pass

    values = told(records(running(work)))
    assert values[0] == {"progress files": [0, 3]}
    assert values[-1] == {"progress files": [3, 3]}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"progress": [3, 10]}, "3/10 ███░░░░░░░"),
        ({"progress epochs": [1, 2], "progress rows": [7, 0]}, "epochs 1/2 █████░░░░░  rows 7"),
        ({"progress": [20, 10]}, "20/10 ██████████"),
        ({"progress": "all", "progressive": [1, 2], "progress x": [1], "loss": 0.5}, ""),
    ],
)
def test_a_watched_run_shows_bars(values: dict[str, Any], expected: str) -> None:
    shown = run_types_pb2.Step(state=run_types_pb2.STEP_STATE_RUNNING)
    shown.metadata.update(values)
    assert progress_of(shown) == expected
    shown.state = run_types_pb2.STEP_STATE_SUCCEEDED
    assert progress_of(shown) == ""
