"""A run as a whole has an end, and does no more at a time than its pipeline says."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from weft import Run, RunState, StepState, context, pipeline, step
from weft._options import Options
from weft._places import Places

SHORT_S = 0.05


@step(cache=False)
def patient() -> str:
    """Ends well when it is told to."""
    assert context().stop_event.wait(60)
    return "told"


@step(cache=False)
def quick() -> int:
    return 1


@pipeline(timeout_s=SHORT_S)
def drawn() -> tuple[str, int]:
    told = patient()
    return told, quick.after(told)()


@pipeline(timeout_s=SHORT_S)
def deciding() -> str:
    return patient.submit().result() + "!"


@pipeline(timeout_s=SHORT_S)
async def thinking() -> int:
    first = quick.submit().result()
    await asyncio.sleep(60)
    return first


@pipeline(timeout_s=60)
def in_time() -> int:
    return quick()


def ended(run: Run[Any]) -> dict[str, StepState]:
    return {id_: found.state for id_, found in run.steps.items()}


@pytest.mark.parametrize(
    ("whole", "steps"),
    [
        (drawn, {"patient": StepState.SUCCEEDED, "quick": StepState.STOPPED}),
        (deciding, {"patient": StepState.SUCCEEDED}),
        (thinking, {"quick": StepState.SUCCEEDED}),
    ],
)
def test_a_run_that_takes_too_long_fails_and_says_so(
    whole: Any, steps: dict[str, StepState]
) -> None:
    run = whole.run(raise_on_failure=False)
    assert run.state is RunState.FAILED
    assert (run.failure.code, run.failure.message) == (
        "RUN_TIMEOUT",
        "the run did not end within 0.05 s",
    )
    assert ended(run) == steps


def test_a_step_that_does_not_listen_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    @step(cache=False)
    def deaf() -> None:
        release.wait(60)

    @pipeline(timeout_s=SHORT_S)
    def whole() -> None:
        deaf()

    monkeypatch.setattr(Options, "__init__", impatient(Options.__init__))
    try:
        run = whole.run(raise_on_failure=False)
    finally:
        release.set()
    assert (run.state, ended(run)) == (RunState.FAILED, {"deaf": StepState.STOPPED})


def impatient(made: Any) -> Any:
    def make(self: Options, **given: Any) -> None:
        made(self, **{**given, "fail_fast_grace_s": SHORT_S})

    return make


def test_a_run_in_time_is_not_stopped() -> None:
    assert in_time().result() == 1


class Crowd:
    """Counts who is inside."""

    def __init__(self) -> None:
        self.most = self._now = 0
        self._lock = threading.Lock()

    @contextmanager
    def inside(self) -> Iterator[None]:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        yield
        with self._lock:
            self._now -= 1


@pytest.mark.parametrize("limit", [1, 2])
def test_no_more_at_a_time_than_the_pipeline_says(limit: int) -> None:
    crowd = Crowd()

    @step(cache=False)
    def member(number: int) -> int:
        with crowd.inside():
            return number

    @pipeline(max_parallel=limit)
    def whole() -> list[int]:
        return member.map(range(20))

    assert whole().result() == list(range(20))
    assert crowd.most <= limit


def test_places_apart_and_here_are_counted_together() -> None:
    class Fake:
        def __init__(self, *, is_apart: bool) -> None:
            self.is_apart, self.is_busy, self.occupation = is_apart, False, 0

    from collections import deque

    ready: Any = deque([Fake(is_apart=True), Fake(is_apart=False), Fake(is_apart=True)])
    places = Places(4, 4, most=2)
    first, second = places.next(ready), None
    assert first is not None
    places.occupy(first)
    second = places.next(ready)
    assert second is not None
    number = places.occupy(second)
    assert places.next(ready) is None
    places.release(second, number)
    assert places.next(ready) is not None


@pytest.mark.parametrize("limits", [{"timeout_s": 0}, {"timeout_s": -1}, {"max_parallel": 0}])
def test_what_is_no_limit_is_refused(limits: Any) -> None:
    with pytest.raises(ValueError, match="must be"):
        pipeline(**limits)(lambda: None)
