"""Limits of time: of an attempt in the queue, and of a step altogether."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import pytest

from tests.sdk.recording import Make
from tests.sdk.test_apart import Elsewhere
from tests.sdk.test_engine import check_legal, engine_of
from weft import ExecutionMode, Happening, Pipeline, Retry, RunState, StepState, pipeline, step
from weft._engine import Engine
from weft._tested import TestClock
from weft._units import Unit


@step(deadline_s=0.5, isolation="process")
def sleep_apart() -> None:
    time.sleep(60)


@pipeline
def sleeping() -> None:
    sleep_apart()


def ending(unit: Unit) -> tuple[StepState, int, str]:
    return unit.state, unit.attempt, unit.failure.code if unit.failure else ""


def crowded(release: threading.Event, told: list[str], limit_s: float) -> Pipeline[[], None]:
    """A step that holds the only place until it is released, and one that waits for it."""

    @step(cache=False)
    def hold() -> None:
        release.wait(60)

    @step(cache=False, queue_timeout_s=limit_s, on_failure=lambda h: told.append(_code(h)))
    def wait() -> None: ...

    @pipeline(execution_mode=ExecutionMode.CONTINUE)
    def whole() -> None:
        hold()
        wait()

    return whole


def _code(happening: Happening) -> str:
    assert happening.failure is not None
    return happening.failure.code


def test_a_step_waits_for_a_place_no_longer_than_it_may(tmp_path: Path) -> None:
    release, told = threading.Event(), list[str]()
    engine, records = engine_of(tmp_path, crowded(release, told, 0.05), max_workers=1)
    # A timer of the same engine: a later one than that of the step.
    engine._loop.after(0.2, release.set)
    assert engine.run() is RunState.FAILED
    assert ending(engine.units["wait"]) == (StepState.FAILED, 1, "QUEUE_TIMEOUT")
    assert engine.failure is not None
    words = "step wait waited 0.05 s for a place among the steps of its run"
    assert engine.failure.message == words
    assert engine.units["hold"].state is StepState.SUCCEEDED
    assert told == ["QUEUE_TIMEOUT"]
    check_legal(records())


def test_a_step_that_has_its_place_in_time_runs(tmp_path: Path) -> None:
    release = threading.Event()
    engine, records = engine_of(tmp_path, crowded(release, [], 60), max_workers=1)
    engine._loop.after(0.05, release.set)
    assert engine.run() is RunState.SUCCEEDED
    check_legal(records())


def test_while_its_run_is_paused_nothing_waits_for_a_place(tmp_path: Path) -> None:
    @step(cache=False, queue_timeout_s=0.1)
    def wait() -> None: ...

    @pipeline
    def whole() -> None:
        wait()

    engine, records = engine_of(tmp_path, whole)
    engine.pause(is_paused=True)
    engine._loop.after(0.3, lambda: engine.pause(is_paused=False))
    assert engine.run() is RunState.SUCCEEDED
    check_legal(records())


def test_a_deadline_holds_for_all_attempts_and_pauses_between_them(tmp_path: Path) -> None:
    @step(cache=False, deadline_s=1000, retries=Retry(99, 400.0, 400.0, jitter=0.0))
    def fail() -> None:
        raise ValueError("again")

    @pipeline
    def whole() -> None:
        fail()

    engine, records = engine_of(tmp_path, whole, clock=TestClock())
    assert engine.run() is RunState.FAILED
    # At 0 s, 400 s and 800 s; the next would be too late.
    assert ending(engine.units["fail"]) == (StepState.FAILED, 3, "DEADLINE")
    words = "step fail did not end within 1000 s, its attempts and waits together"
    assert engine.failure is not None
    assert engine.failure.message == words
    check_legal(records())


def test_a_deadline_ends_the_attempt_that_it_meets(tmp_path: Path) -> None:
    cancelled = threading.Event()

    @step(cache=False, deadline_s=0.1, timeout_s=60, retries=5)
    async def hang() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cancelled.set()

    @pipeline
    def whole() -> None:
        hang()

    engine, records = engine_of(tmp_path, whole)
    assert engine.run() is RunState.FAILED
    assert cancelled.wait(30)
    assert ending(engine.units["hang"]) == (StepState.FAILED, 1, "DEADLINE")
    check_legal(records())


def test_a_deadline_ends_the_process_of_a_step(tmp_path: Path) -> None:
    engine, records = engine_of(tmp_path, sleeping)
    assert engine.run() is RunState.FAILED
    assert ending(engine.units["sleep-apart"]) == (StepState.FAILED, 1, "DEADLINE")
    check_legal(records())


def test_an_attempt_that_succeeded_in_time_is_not_overtaken_by_the_deadline(tmp_path: Path) -> None:
    release = threading.Event()

    @step(cache=False, deadline_s=0.5, on_success=lambda _: release.wait(60))
    def quick() -> None: ...

    @pipeline
    def whole() -> None:
        quick()

    engine, records = engine_of(tmp_path, whole)
    engine._loop.after(0.7, release.set)
    assert engine.run() is RunState.SUCCEEDED
    check_legal(records())


def test_each_item_of_a_fan_out_has_times_of_its_own(tmp_path: Path) -> None:
    release = threading.Event()

    @step(cache=False, queue_timeout_s=0.1, deadline_s=60)
    def one(n: int) -> int:
        return n or int(release.wait(60))

    @pipeline
    def whole() -> None:
        one.map([0, 1, 2], concurrency=1)

    engine, records = engine_of(tmp_path, whole)
    # What its own fan-out holds back does not wait yet.
    engine._loop.after(0.3, release.set)
    assert engine.run() is RunState.SUCCEEDED
    check_legal(records())


def test_a_workload_has_what_the_wait_for_a_place_left(engine_of: Make) -> None:
    class Asked(Elsewhere):
        queue_s: float | None = None

        def start(self, attempt, deliver, begun):  # type: ignore[no-untyped-def]
            self.queue_s = attempt.queue_s
            return super().start(attempt, deliver, begun)

    @step(queue_timeout_s=60)
    def there() -> int:
        return 1

    @pipeline(isolation="workload")
    def whole() -> None:
        there()

    apart = Asked()
    engine: Engine = engine_of(whole, apart=apart)
    assert engine.run() is RunState.SUCCEEDED
    assert apart.queue_s is not None
    assert 0 < apart.queue_s <= 60


@pytest.mark.parametrize("name", ["timeout_s", "queue_timeout_s", "deadline_s"])
@pytest.mark.parametrize("limit", [0, -1.0, float("nan"), float("inf")])
def test_what_is_no_limit_is_refused_before_anything_runs(name: str, limit: float) -> None:
    with pytest.raises(ValueError, match=f"step work: {name} must be more than 0 seconds"):

        @step(**{name: limit})  # type: ignore[call-overload]
        def work() -> None: ...
