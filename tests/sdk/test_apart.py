"""The engine with attempts that are executed apart: by a stand-in for the workspace."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.sdk.recording import Make
from weft import Resources, Retry, RunState, StepState, pipeline, step
from weft._apart import arguments_of
from weft._attempt import Attempt, AttemptResult, FailedAttempt
from weft._records import Failure
from weft._states import StopMode
from weft.errors import ArgumentError

Deliver = Callable[[AttemptResult], None]
MI = 1 << 20


class Elsewhere:
    """Executes attempts in threads, and says of some that they ran out of memory."""

    def __init__(self, *, hungry: int = 0, room: threading.Event | None = None) -> None:
        self.memory: list[int] = []
        self.most = 0
        self.let_go: list[str] = []
        self.when_full: Callable[[], None] = lambda: None
        # In the queue of a cluster: nobody executes what was asked for.
        self.is_waiting = False
        self._hungry = hungry
        self._room = room
        self._lock = threading.Lock()
        self._running = 0

    def start(self, attempt: Attempt, deliver: Deliver, begun: Callable[[], None]) -> Elsewhere:
        if not self.is_waiting:
            begun()
        with self._lock:
            self.memory.append(attempt.step.resources.memory_bytes)
            self._running += 1
            self.most = max(self.most, self._running)
            if self._running == 64:
                self.when_full()
        threading.Thread(target=self._run, args=(attempt, deliver), daemon=True).start()
        return self

    def open(self) -> None:
        assert self._room is not None
        self._room.set()

    def request_stop(self) -> None:
        self.let_go.append("asked")

    def force_stop(self) -> None:
        self.let_go.append("forced")

    def _run(self, attempt: Attempt, deliver: Deliver) -> None:
        if self._room:
            self._room.wait(30)
        with self._lock:
            self._running -= 1
        if len(self.memory) <= self._hungry:
            failure = Failure("INFRASTRUCTURE", "OUT_OF_MEMORY", "It ran out of memory.")
            deliver(FailedAttempt(failure, is_retryable=True))
        else:
            deliver(attempt.execute())


@step(
    resources=Resources(memory=64 * MI), retries=Retry(3, 0.0, memory_growth=2, max_memory="200Mi")
)
def eat() -> int:
    return 1


@step(isolation="thread")
def here(value: int) -> int:
    return value


@step
def there(value: int) -> int:
    return value


@pipeline(isolation="workload")
def eating() -> None:
    here(eat())


@pipeline(isolation="workload")
def many() -> None:
    there.map(list(range(100)))


def test_memory_grows_from_attempt_to_attempt_up_to_its_limit(engine_of: Make) -> None:
    apart = Elsewhere(hungry=3)
    engine = engine_of(eating, apart=apart)
    assert engine.run() is RunState.SUCCEEDED
    assert [memory // MI for memory in apart.memory] == [64, 128, 200, 200]
    assert engine.units["here"].attempt == 1


def test_no_more_than_so_many_are_under_way(engine_of: Make) -> None:
    apart = Elsewhere(room=threading.Event())
    engine = engine_of(many, apart=apart)
    # None ends before the engine has started all that it would.
    apart.when_full = lambda: engine._loop.put(apart.open)
    assert engine.run() is RunState.SUCCEEDED
    assert apart.most == 64
    assert len(apart.memory) == 100


@pytest.mark.parametrize("is_waiting", [True, False])
def test_waiting_for_a_workload_takes_nothing_of_a_steps_time(
    engine_of: Make,
    is_waiting: bool,  # noqa: FBT001 - a case
) -> None:
    @step(timeout_s=0.05)
    def quick() -> int:
        return 1

    @pipeline(isolation="workload")
    def hurried() -> None:
        quick()

    apart = Elsewhere(room=threading.Event())
    apart.is_waiting = is_waiting
    engine = engine_of(hurried, apart=apart)
    # A timer of the same engine: a later one than that of the step, if that has one.
    engine._loop.after(0.2, apart.open)
    assert engine.run() is (RunState.SUCCEEDED if is_waiting else RunState.FAILED)


def test_what_does_not_stop_is_let_go(engine_of: Make) -> None:
    apart = Elsewhere(room=threading.Event())
    engine = engine_of(eating, apart=apart)
    engine.stop(StopMode.FORCE)
    engine.stop(StopMode.FORCE)
    assert engine.run() is RunState.STOPPED
    assert {unit.state for unit in engine.units.values()} == {StepState.STOPPED}


def test_without_anybody_to_ask_it_is_a_process(engine_of: Make) -> None:
    engine = engine_of(eating)
    assert engine.run() is RunState.SUCCEEDED


def test_what_a_step_says_comes_before_what_others_prefer() -> None:
    isolated: list[Any] = [
        here.definition.isolated("workload"),
        there.definition.isolated("workload"),
        there.definition.isolated("process"),
        there.definition.isolated(),
        there.with_options(environment={"A": "1"}).definition.isolated("thread"),
    ]
    assert isolated == ["thread", "workload", "process", "thread", "process"]
    assert many.trace().nodes["there"].step.isolation == "workload"
    assert eating.trace().nodes["here"].step.isolation == "thread"


def test_growth_has_its_limits() -> None:
    assert Retry(memory_growth=1.5).grown(100) == 150
    assert Retry(memory_growth=2, max_memory=120).grown(100) == 120
    assert Retry(memory_growth=2, max_memory=50).grown(100) == 100
    with pytest.raises(ValueError, match="memory_growth"):
        Retry(memory_growth=0.5)


def test_arguments_that_no_workspace_takes_are_refused_here(engine_of: Make) -> None:
    @pipeline(isolation="workload")
    def large() -> None:
        there(list(range(60_000)))  # type: ignore[arg-type]

    class Asked(Elsewhere):
        def start(self, attempt: Attempt, deliver: Deliver, begun: Callable[[], None]) -> Elsewhere:
            with pytest.raises(ArgumentError, match="too large"):
                arguments_of(attempt)
            return super().start(attempt, deliver, begun)

    engine = engine_of(large, apart=Asked())
    assert engine.run() is RunState.SUCCEEDED
