"""Pipelines whose function looks at results: plain Python around steps, on record as it grows."""

# ruff: noqa: FBT001 - parameters of pipelines under test

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from tests.sdk.recording import Make
from tests.sdk.small_steps import add, load, states
from weft import (
    ExecutionMode,
    NonRetryableError,
    Run,
    RunFailedError,
    RunState,
    StepFailedError,
    StepState,
    _json,
    _late,
    context,
    pipeline,
    step,
)
from weft._apart import arguments_of
from weft._attempt import Attempt
from weft._engine import Engine
from weft._records import Given, Record, StepRecord
from weft._rerun import Past
from weft._states import StopMode
from weft._store import LocalStore, Place
from weft._values import save_value
from weft.errors import RunnerError, RunStoppedError, TracingError, WeftError
from weftapi.workspace.v1 import run_types_pb2

Records = Callable[[Run[Any]], list[Record]]


@step
def halve(value: float) -> float:
    return value / 2


@step(cache=False)
def broken(value: int) -> int:
    raise ValueError(f"bad {value}")


@step
async def square(value: int) -> int:
    await asyncio.sleep(0)
    return value * value


@pipeline
def search(rows: int = 5, above: float = 1.0) -> float:
    loss = halve(float(len(load(rows))))
    while loss > above:
        loss = halve(loss)
    return loss


def declared(told: list[Record]) -> dict[str, tuple[str, ...]]:
    return {record.id: record.upstream for record in told if isinstance(record, StepRecord)}


def test_a_loop_over_results_is_on_record_step_by_step(records: Records) -> None:
    run = search()
    assert run.result() == 0.625
    assert declared(records(run)) == {
        "load": (),
        "halve": ("load",),
        "halve-2": ("halve",),
        "halve-3": ("halve-2",),
    }


def test_of_a_step_after_a_look_it_is_not_said_that_the_code_has_none() -> None:
    past = Past(cast("Any", None), run_types_pb2.Run(), {}, search.trace())
    with pytest.raises(WeftError, match=r"no step halve-2 before it looks.*these can: load$"):
        past.attempt(run_types_pb2.Step(step_id="halve-2"))


def test_parameters_decide_as_much_as_results_do() -> None:
    assert list(search(above=2.0).steps) == ["load", "halve", "halve-2"]
    assert list(search(above=9.0).steps) == ["load", "halve"]


def test_what_is_called_after_a_look_depends_on_it(records: Records) -> None:
    @pipeline
    def choice(rows: int) -> Any:
        if len(load(rows)) > 2:
            return add(1, 2)
        return halve(1.0)

    run = choice(3)
    assert run.result() == 3
    assert declared(records(run)) == {"load": (), "add": ("load",)}
    assert choice(1).result() == 0.5


def test_steps_run_beside_each_other_until_one_is_looked_at() -> None:
    meeting = threading.Barrier(2, timeout=30)

    @step(cache=False)
    def meet(number: int) -> int:
        meeting.wait()
        return number

    @pipeline
    def whole() -> int:
        first, second = meet.submit(1), meet.submit(2)
        return first.result() + second.result()

    assert whole().result() == 3


def test_items_and_outputs_of_results_are_values() -> None:
    @step
    def table() -> dict[str, list[int]]:
        return {"rows": [1, 2]}

    @pipeline
    def whole() -> list[int]:
        found = table()
        total = [halve(float(n)) for n in found["rows"]]
        return [round(t * 10) for t in total] + [len(found.keys())]

    assert whole().result() == [5, 10, 1]


def test_a_fan_out_can_be_looked_at() -> None:
    @pipeline
    def whole() -> int:
        parts = add.map(load(3), b=1)
        return sum(parts.result()) + sum(1 for _ in parts)

    assert whole().result() == 9


def test_a_failure_that_is_caught_is_none_of_the_runs() -> None:
    @pipeline
    def careful() -> str:
        try:
            return str(broken.submit(1).result())
        except StepFailedError as error:
            return f"{error.step}: {error.failure.message}"

    run = careful()
    assert run.result() == "broken: bad 1"
    assert states(run)["broken"] is StepState.FAILED


def test_a_failure_that_is_let_through_is_the_runs() -> None:
    @pipeline
    def careless() -> int:
        value = add(broken(1), 1)  # is skipped
        return int(value)

    with pytest.raises(RunFailedError, match="failed in step broken: ValueError: bad 1") as caught:
        careless()
    assert states(caught.value.run) == {"broken": StepState.FAILED, "add": StepState.SKIPPED}


def test_a_failure_that_nobody_looked_at_is_the_runs() -> None:
    @pipeline
    def hasty() -> int:
        broken(1)
        return load.submit(2).result()[1]

    with pytest.raises(RunFailedError, match="bad 1"):
        hasty()


def test_an_error_of_the_function_itself_ends_the_run() -> None:
    @pipeline
    def whole() -> None:
        raise KeyError(load.submit(2).result()[0])

    with pytest.raises(RunFailedError, match="failed in the pipeline's function: KeyError: 0") as e:
        whole()
    assert e.value.run.failure is not None
    assert "test_dynamic.py" in e.value.run.failure.location


@pytest.mark.parametrize("mode", list(ExecutionMode))
def test_other_steps_fare_as_the_mode_says(mode: ExecutionMode) -> None:
    begun = threading.Event()

    @step(cache=False)
    def waits() -> int:
        begun.set()
        while mode is ExecutionMode.FAIL_FAST and not context().stop_requested:
            time.sleep(0.001)
        context().check_stop()
        return 1

    @step(cache=False)
    def fails() -> int:
        assert begun.wait(30)
        raise NonRetryableError("no")

    @pipeline(execution_mode=mode)
    def whole() -> None:
        waits()
        fails.submit().result()

    with pytest.raises(RunFailedError) as caught:
        whole()
    ended = mode is ExecutionMode.FAIL_FAST
    expected = StepState.STOPPED if ended else StepState.SUCCEEDED
    assert states(caught.value.run)["waits"] is expected


def test_async_pipelines_gather_and_group() -> None:
    @pipeline
    async def whole() -> int:
        async with asyncio.TaskGroup() as group:
            one, two = group.create_task(square(2)), group.create_task(square(3))
        three, four = await asyncio.gather(square(4), square(5))
        return add(one.result() + two.result(), three + four)

    run = whole()
    assert run.result() == 54
    assert list(run.steps) == ["square", "square-2", "square-3", "square-4", "add"]


def test_cancelling_what_awaits_a_step_stops_the_step() -> None:
    @step(cache=False)
    def endless() -> None:
        while True:
            context().check_stop()
            time.sleep(0.001)

    @pipeline
    async def whole(rows: int) -> int:
        first = len(await load(rows))
        try:
            async with asyncio.timeout(0.05):
                await endless.submit()
        except TimeoutError:
            return 5 + first
        return 0

    run = whole(2)
    assert (run.result(), run.state) == (7, RunState.SUCCEEDED)
    assert states(run)["endless"] is StepState.STOPPED


@pytest.mark.parametrize("is_async", [True, False])
def test_a_stop_ends_the_function_too(engine_of: Make, is_async: bool) -> None:
    engines: list[Engine] = []

    @step(cache=False)
    def waits(first: int) -> int:
        engines[0].stop(StopMode.GRACEFUL, "enough")
        while not context().stop_requested:
            time.sleep(0.001)
        return first

    def plain() -> int:
        return add(waits.submit(len(load(2))).result(), 1)

    async def awaiting() -> int:
        return add(await waits(len(load(2))), 1)

    engines.append(engine_of(pipeline(awaiting if is_async else plain)))
    assert engines[0].run() is RunState.STOPPED
    later = [unit.state for unit in engines[0].units.values() if unit.id == "add"]
    assert later == ([] if is_async else [StepState.STOPPED])


def test_a_forced_stop_does_not_wait_for_the_function(engine_of: Make) -> None:
    engines: list[Engine] = []
    forever = threading.Event()

    @pipeline
    def whole() -> None:
        load.submit(2).result()
        engines[0].stop(StopMode.FORCE, "now")
        forever.wait(30)

    engines.append(engine_of(whole))
    assert engines[0].run() is RunState.STOPPED
    forever.set()


def test_results_of_an_earlier_run_are_looked_at_too(engine_of: Make, tmp_path: Path) -> None:
    place = Place("default", "earlier", "load", 1, "output")
    version = save_value(LocalStore(tmp_path / "artifacts"), place, [0], allow_pickle=False)
    engine = engine_of(search, given={"load": Given({"output": version})})
    assert engine.run() is RunState.SUCCEEDED
    assert {id_: unit.state for id_, unit in engine.units.items()} == {
        "load": StepState.CACHED,
        "halve": StepState.SUCCEEDED,
    }


def test_what_a_function_calls_beside_the_one_step_is_left_out(engine_of: Make) -> None:
    engine = engine_of(search, only="load")
    assert engine.run() is RunState.SUCCEEDED
    states = {id_: unit.state for id_, unit in engine.units.items()}
    assert states["load"] is StepState.SUCCEEDED
    assert {state for id_, state in states.items() if id_ != "load"} == {StepState.SKIPPED}


def test_a_step_under_way_cannot_be_made_to_wait() -> None:
    @pipeline
    def whole() -> None:
        first = load.submit(2)
        first.result()
        add.submit(1, 2).after(first)

    with pytest.raises(RunFailedError, match=r"`add.after\(...\)\(...\)` to have it wait for load"):
        whole()


def test_a_stopped_run_says_so_to_the_caller() -> None:
    @step(cache=False)
    def interrupts() -> int:
        os.kill(os.getpid(), signal.SIGINT)
        while not context().stop_requested:
            time.sleep(0.001)
        context().check_stop()
        return 1

    @pipeline
    def whole() -> int:
        return add(interrupts.submit().result(), 1)

    with pytest.raises(RunStoppedError):
        whole()


def attempt_at(late: Any, tmp_path: Path) -> Attempt:
    return Attempt(
        late.definition,
        {},
        None,
        LocalStore(tmp_path),
        allow_pickle=False,
        is_late=True,  # type: ignore[arg-type]
    )


def test_a_late_step_reaches_the_process_that_executes_it(tmp_path: Path) -> None:
    changed = halve.with_options(environment={"SEED": "1"}, secrets=["key"])
    told = json.loads(arguments_of(attempt_at(changed, tmp_path)))
    found = _late.take(told)
    assert told == {}
    assert found is not None
    assert found.function is halve.definition.function
    assert (found.environment, found.secrets) == ({"SEED": "1"}, ("key",))
    assert _late.take({"value": _json.encode(1)}) is None


def test_a_late_step_that_nobody_can_import_is_named(tmp_path: Path) -> None:
    @step
    def local() -> None: ...

    told = json.loads(arguments_of(attempt_at(local, tmp_path)))
    with pytest.raises(RunnerError, match="at the top of its module"):
        _late.take(told)


def test_a_handle_has_no_value_outside_of_its_run() -> None:
    kept: list[Any] = []

    @pipeline
    def whole() -> None:
        kept.append(load.submit(1))

    whole()
    with pytest.raises(TracingError):
        kept[0].result()
