"""Whatever happens, states change legally, reports are numbered without a gap, and runs end."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weft import ExecutionMode, Pipeline, Retry, RunState, StepState, context, pipeline, step
from weft._describe import run_record
from weft._engine import Engine
from weft._options import Options
from weft._records import Nobody, Record, RunRecord, RunReport, StepReport
from weft._spool import SpoolRecorder, read_spool
from weft._states import RUN_TRANSITIONS, STEP_TRANSITIONS, StopMode
from weft._store import ArtifactStore, LocalStore


def engine_of(
    folder: Path, whole: Pipeline[..., Any], *, store: ArtifactStore | None = None, **options: Any
) -> tuple[Engine, Callable[[], list[Record]]]:
    graph = whole.trace()
    record: RunRecord = run_record(graph, "default")
    recording = SpoolRecorder(folder).begin(record, Nobody())
    engine = Engine(
        graph,
        record,
        recorder=recording,
        store=store or LocalStore(folder / "artifacts"),
        options=Options(echo=False, **options),
    )

    def records() -> list[Record]:
        recording.close()
        return list(read_spool(recording.path))

    return engine, records


def check_legal(records: list[Record]) -> None:
    reports = [r for r in records if isinstance(r, RunReport | StepReport)]
    assert [r.sequence for r in reports] == list(range(1, len(reports) + 1))
    run = RunState.PENDING
    steps: dict[str, StepState] = {}
    attempts: dict[str, int] = {}
    for report in reports:
        if isinstance(report, RunReport):
            assert report.state in RUN_TRANSITIONS[run]
            run = report.state
            continue
        assert report.state in STEP_TRANSITIONS[steps.get(report.step, StepState.PENDING)]
        assert report.attempt >= attempts.get(report.step, 0)
        steps[report.step], attempts[report.step] = report.state, report.attempt
    assert run.is_final
    assert all(state.is_final for state in steps.values())


BEHAVIOURS = st.sampled_from(["fine", "raise", "flaky", "exit"])
NODES = st.lists(
    st.tuples(BEHAVIOURS, st.lists(st.integers(0, 7), max_size=3), st.booleans()),
    min_size=1,
    max_size=8,
)


@dataclass(frozen=True)
class Stops:
    """In which steps somebody stops the run, or steps of it."""

    run_at: int | None
    step_at: int | None
    mode: StopMode

    def apply(self, engine: Engine, number: int) -> None:
        if number == self.run_at:
            engine.stop(self.mode, "test")
        if number == self.step_at:
            # Some that run, some that have not started, some that are over.
            for unit in list(engine.units)[:: number + 1]:
                engine.stop_step(unit, self.mode, grace_s=0)


PLACES = st.none() | st.integers(0, 8)
STOPS = st.builds(Stops, PLACES, PLACES, st.sampled_from(StopMode))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    nodes=NODES,
    mode=st.sampled_from(ExecutionMode),
    stops=STOPS,
)
def test_every_run_tells_a_legal_story(
    tmp_path: Path, nodes: Any, mode: ExecutionMode, stops: Stops
) -> None:
    engines: list[Engine] = []

    @step(retries=Retry(1, 0.0, retry_on=(OSError,)), cache=False)
    def act(how: str, number: int, waits: list[Any]) -> int:
        stops.apply(engines[0], number)
        if how == "exit":
            raise SystemExit(1)
        if how == "raise" or (how == "flaky" and context().attempt == 1):
            raise OSError(how)
        return number

    @pipeline(execution_mode=mode)
    def whole() -> None:
        made: list[Any] = []
        for number, (how, waits, mapped) in enumerate(nodes):
            needs = [made[index] for index in waits if index < len(made)]
            if mapped:
                made.append(act.map([how, "fine"], number=number, waits=needs))
            else:
                made.append(act(how, number, needs))

    engine, records = engine_of(tmp_path, whole, fail_fast_grace_s=5, max_workers=3)
    engines.append(engine)
    final = engine.run()
    check_legal(records())
    # A stopped run grants no second attempt.
    failing = {"raise", "exit"} if stops.run_at is None else {"raise", "exit", "flaky"}
    failed = any(how in failing for how, _, _ in nodes)
    if stops.run_at is None and stops.step_at is None:
        assert final is (RunState.FAILED if failed else RunState.SUCCEEDED)
    if not failed and stops.step_at is None:
        assert final is not RunState.FAILED


def test_a_timeout_stops_waiting(tmp_path: Path) -> None:
    release = threading.Event()

    @step(timeout_s=0.05, retries=Retry(1, 0.0))
    def hang() -> None:
        release.wait(60)

    @pipeline
    def whole() -> None:
        hang()

    engine, records = engine_of(tmp_path, whole)
    assert engine.run() is RunState.FAILED
    release.set()
    failure = engine.units["hang"].failure
    assert failure is not None
    assert (failure.code, failure.message) == ("TIMEOUT", "step hang did not end within 0.05 s")
    assert engine.units["hang"].attempt == 2
    check_legal(records())


def test_an_async_step_is_cancelled_by_its_timeout(tmp_path: Path) -> None:
    import asyncio

    cancelled = threading.Event()

    @step(timeout_s=0.05)
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
    assert cancelled.wait(10)
    check_legal(records())


def stopped_while_running(tmp_path: Path, *modes: StopMode, listens: bool) -> Any:
    running, release = threading.Event(), threading.Event()

    @step(cache=False)
    def work() -> int:
        running.set()
        here = context()
        (here.stop_event if listens else release).wait(60)
        return 1

    @step
    def later(n: int) -> int:
        return n

    @pipeline
    def whole() -> None:
        later(work())

    engine, records = engine_of(tmp_path, whole)

    def stop() -> None:
        running.wait(30)
        for mode in modes:
            engine.stop(mode, "enough")

    thread = threading.Thread(target=stop)
    thread.start()
    final = engine.run()
    thread.join()
    release.set()
    check_legal(records())
    return final, engine.units["work"].state, engine.units["later"].state


def test_a_graceful_stop_lets_running_steps_end(tmp_path: Path) -> None:
    found = stopped_while_running(tmp_path, StopMode.GRACEFUL, listens=True)
    assert found == (RunState.STOPPED, StepState.SUCCEEDED, StepState.STOPPED)


def test_force_after_graceful_does_not_wait(tmp_path: Path) -> None:
    found = stopped_while_running(tmp_path, StopMode.GRACEFUL, StopMode.FORCE, listens=False)
    assert found == (RunState.STOPPED, StepState.STOPPED, StepState.STOPPED)


def test_independent_steps_run_at_the_same_time(tmp_path: Path) -> None:
    together = threading.Barrier(3, timeout=30)

    @step(cache=False)
    def meet(n: int) -> int:
        return together.wait()

    @pipeline
    def whole() -> None:
        for n in range(3):
            meet(n)

    engine, records = engine_of(tmp_path, whole, max_workers=3)
    assert engine.run() is RunState.SUCCEEDED
    check_legal(records())


@given(st.integers(1, 60), st.floats(0, 10), st.floats(0, 1), st.floats(0, 1, exclude_max=True))
def test_retry_delays_stay_within_bounds(
    failed: int, backoff: float, jitter: float, chance: float
) -> None:
    retry = Retry(100, backoff_s=backoff, max_backoff_s=5.0, jitter=jitter)
    delay = retry.delay_s(failed, lambda: chance)
    full = min(backoff * 2.0 ** (failed - 1), 5.0)
    assert full * (1 - jitter) <= delay <= full


@pytest.mark.parametrize("table", [RUN_TRANSITIONS, STEP_TRANSITIONS])
def test_final_states_absorb_and_all_are_reachable(table: Any) -> None:
    first = next(iter(table))
    seen, front = {first}, {first}
    while front:
        front = {after for state in front for after in table[state]} - seen
        seen |= front
    assert seen == set(table)
    assert {state for state in table if state.is_final} == {s for s in table if not table[s]}


def test_many_items_stay_fast(tmp_path: Path) -> None:
    @step(cache=False)
    def nothing(n: int) -> None:
        return None

    @pipeline
    def whole() -> None:
        nothing.map(random.sample(range(1000), 500))

    engine, records = engine_of(tmp_path, whole)
    assert engine.run() is RunState.SUCCEEDED
    check_legal(records())
