"""A person stops one step of a run: it ends, and what depends on it fares as if it had failed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sdk.test_engine import check_legal, engine_of
from weft import ExecutionMode, Retry, RunState, StepState, context, pipeline, step
from weft._engine import Engine
from weft._records import Nobody, Record
from weft._states import StopMode
from weft._wishes import Wishes
from weft.errors import StepStoppedError
from weftapi.workspace.v1 import reports_pb2, run_types_pb2

GRACEFUL, FORCE = StopMode.GRACEFUL, StopMode.FORCE
STOPPED, SKIPPED, SUCCEEDED = StepState.STOPPED, StepState.SKIPPED, StepState.SUCCEEDED


def story(
    folder: Path,
    act: Callable[[], int],
    wish: Callable[[Engine], None],
    mode: ExecutionMode = ExecutionMode.CONTINUE,
) -> Engine:
    """slow -> after and beside -> last, where `wish` comes true once `slow` runs."""
    told = threading.Event()
    engines: list[Engine] = []

    @step(cache=False, retries=Retry(1, 0.0))
    def slow() -> int:
        wish(engines[0])
        told.set()
        return act()

    @step(cache=False)
    def beside() -> int:
        assert told.wait(30)
        return 3

    @step(cache=False)
    def after(number: int) -> int:
        return number

    @step(cache=False)
    def last(number: int) -> int:
        return number

    @pipeline(execution_mode=mode)
    def whole() -> None:
        after(slow())
        last(beside())

    return finished(engines, *engine_of(folder, whole))


def finished(engines: list[Engine], engine: Engine, records: Callable[[], list[Record]]) -> Engine:
    engines.append(engine)
    engine.run()
    check_legal(records())
    return engine


def ends_when_told() -> int:
    assert context().stop_event.wait(30)
    raise StepStoppedError("told")


def states(engine: Engine) -> dict[str, StepState]:
    return {unit.id: unit.state for unit in engine.units.values()}


def stop(unit: str, mode: StopMode = GRACEFUL, grace_s: float = 60.0) -> Callable[[Engine], None]:
    return lambda engine: engine.stop_step(unit, mode, "enough", grace_s=grace_s)


def test_what_depends_on_a_stopped_step_is_skipped_and_the_rest_runs(tmp_path: Path) -> None:
    engine = story(tmp_path, ends_when_told, stop("slow"))
    assert states(engine) == {
        "slow": STOPPED,
        "after": SKIPPED,
        "beside": SUCCEEDED,
        "last": SUCCEEDED,
    }
    assert engine.state is RunState.FAILED
    assert engine.failure
    assert (engine.failure.code, engine.failure.step) == ("STEP_STOPPED", "slow")
    assert engine.failure.message == "step slow was stopped: enough"


def test_the_execution_mode_decides_about_the_rest(tmp_path: Path) -> None:
    engine = story(tmp_path, ends_when_told, stop("slow"), ExecutionMode.STOP_ON_FAILURE)
    found = states(engine)
    assert (found["slow"], found["after"], engine.state) == (STOPPED, SKIPPED, RunState.FAILED)


def test_a_step_that_does_not_listen_is_left_behind_after_its_grace(tmp_path: Path) -> None:
    release = threading.Event()
    for number, wish in enumerate((stop("slow", grace_s=0.05), stop("slow", FORCE))):
        engine = story(tmp_path / str(number), lambda: int(release.wait(60)), wish)
        assert states(engine)["slow"] is STOPPED
    release.set()


def test_a_step_that_ends_well_within_its_grace_has_ended_well(tmp_path: Path) -> None:
    engine = story(tmp_path, lambda: int(context().stop_event.wait(30)), stop("slow"))
    assert (states(engine)["after"], engine.state) == (SUCCEEDED, RunState.SUCCEEDED)


def test_a_stopped_step_is_not_tried_again(tmp_path: Path) -> None:
    def fails() -> int:
        assert context().stop_event.wait(30)
        raise OSError("interrupted")

    engine = story(tmp_path, fails, stop("slow"))
    assert (states(engine)["slow"], engine.units["slow"].attempt) == (STOPPED, 1)


def test_a_step_that_has_not_started_never_does(tmp_path: Path) -> None:
    engine = story(tmp_path, lambda: 1, stop("after"))
    assert (states(engine)["slow"], states(engine)["after"]) == (SUCCEEDED, STOPPED)
    assert engine.units["after"].attempt == 0


def test_where_the_whole_run_stops_nothing_follows_from_one_step(tmp_path: Path) -> None:
    def both(engine: Engine) -> None:
        engine.stop_step("slow", GRACEFUL, grace_s=60)
        engine.stop(GRACEFUL)

    assert story(tmp_path, ends_when_told, both).state is RunState.STOPPED


def test_nothing_happens_to_what_is_over_or_unknown(tmp_path: Path) -> None:
    def wish(engine: Engine) -> None:
        engine.stop_step("absent", FORCE, grace_s=0)

    assert story(tmp_path, lambda: 1, wish).state is RunState.SUCCEEDED


def fan_out(folder: Path, wish: str, *, tolerates: bool = False, concurrency: int = 3) -> Engine:
    """Three items, the first of which has `wish` stopped, and waits to be told where it is it."""
    engines: list[Engine] = []

    @step(cache=False)
    def item(number: int) -> int:
        if number == 0:
            engines[0].stop_step(wish, GRACEFUL, "enough", grace_s=60)
            if wish != "item-2":
                return ends_when_told()
        return number

    @step(cache=False)
    def total(numbers: list[Any]) -> int:
        return len(numbers)

    @pipeline
    def whole() -> None:
        made = item.map([0, 1, 2], concurrency=concurrency, return_exceptions=tolerates)
        total(made)

    return finished(engines, *engine_of(folder, whole))


def test_a_stopped_item_fails_its_fan_out(tmp_path: Path) -> None:
    engine = fan_out(tmp_path, "item-0")
    found = states(engine)
    assert (found["item-0"], found["item"], found["total"]) == (STOPPED, StepState.FAILED, SKIPPED)
    assert engine.units["item"].failure
    assert engine.units["item"].failure.message.startswith("1 of 3 items failed, first item-0")


def test_a_fan_out_that_puts_up_with_failures_puts_up_with_stopped_items(tmp_path: Path) -> None:
    engine = fan_out(tmp_path, "item-0", tolerates=True)
    assert (states(engine)["item"], engine.state) == (SUCCEEDED, RunState.SUCCEEDED)


def test_an_item_that_is_held_back_makes_no_room_for_another(tmp_path: Path) -> None:
    engine = fan_out(tmp_path, "item-2", tolerates=True, concurrency=1)
    found = states(engine)
    assert (found["item-1"], found["item-2"]) == (SUCCEEDED, STOPPED)


@pytest.mark.parametrize("tolerates", [False, True])
def test_a_fan_out_is_stopped_as_a_whole(tmp_path: Path, *, tolerates: bool) -> None:
    engine = fan_out(tmp_path, "item", tolerates=tolerates, concurrency=1)
    found = states(engine)
    assert {found[name] for name in ("item", "item-0", "item-1", "item-2")} == {STOPPED}
    assert (found["total"], engine.state) == (SKIPPED, RunState.FAILED)
    assert engine.failure
    assert engine.failure.step == "item"


def test_each_wish_is_heard_once() -> None:
    heard: list[tuple[Any, ...]] = []

    class Listener(Nobody):
        def stop_step(self, step: str, mode: StopMode, reason: str, *, grace_s: float) -> None:
            heard.append((step, mode, reason, grace_s))

    def told(step: str, mode: Any) -> reports_pb2.Directive:
        request = run_types_pb2.StopRequest(mode=mode, reason="enough")
        request.grace.FromSeconds(5)
        wish = reports_pb2.StepStop(step_id=step, request=request)
        return reports_pb2.Directive(step_stop=wish)

    wishes = Wishes(Listener())
    first = [told("a", run_types_pb2.STOP_MODE_GRACEFUL)]
    both = [told("a", run_types_pb2.STOP_MODE_FORCE), told("b", run_types_pb2.STOP_MODE_GRACEFUL)]
    for directives in (first, first, both, both):
        wishes.obey(directives)
    assert heard == [
        ("a", GRACEFUL, "enough", 5.0),
        ("a", FORCE, "enough", 5.0),
        ("b", GRACEFUL, "enough", 5.0),
    ]
