"""Steps that ask people, runs that pause, and results that a retried run takes over."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.sdk.recording import Make, told
from weft import (
    RunFailedError,
    RunState,
    StepState,
    pipeline,
    step,
    wait_for_approval,
)
from weft._approval import Question, Verdict, asks
from weft._records import ArtifactVersion, Given, Nobody
from weft._states import StopMode
from weft._step_settings import with_settings
from weft._store import LocalStore, Place
from weft._values import save_value
from weft._wishes import Wishes
from weft.errors import ApprovalError, NoActiveStepError, UnaskableWarning
from weftapi.workspace.v1 import reports_pb2, run_types_pb2, step_settings_pb2

renamed = wait_for_approval


@step
def gate() -> Any:
    return wait_for_approval("Go?", schema={"type": "string"}, timeout_s=60, approvers=["users/a"])


@pipeline
def gated() -> Any:
    return gate()


@step
def load() -> int:
    return 1


@step
def double(number: int) -> int:
    return number * 2


@pipeline
def chain() -> int:
    return double(load())


@step(isolation="process", cache=False)
def ask_apart() -> dict[str, str]:
    answer: dict[str, str] = wait_for_approval("Go?", schema={"type": "object"}, timeout_s=60)
    return answer


@pipeline
def apart() -> dict[str, str]:
    return ask_apart()


def test_the_answer_is_what_the_call_returns(engine_of: Make) -> None:
    asked: list[Question] = []

    def ask(question: Question, _stop: threading.Event) -> Verdict:
        asked.append(question)
        return Verdict("APPROVED", answer="yes, now", resolver="users/a")

    engine = engine_of(gated, ask=ask)
    assert engine.run() is RunState.SUCCEEDED
    assert asked == [Question("gate-ask-1", "gate", "Go?", {"type": "string"}, 60, ("users/a",))]


def test_a_step_in_a_process_of_its_own_asks_through_its_parent(engine_of: Make) -> None:
    asked: list[Question] = []

    def ask(question: Question, _stop: threading.Event) -> Verdict:
        asked.append(question)
        return Verdict("APPROVED", answer={"stage": "now"}, resolver="users/a")

    engine = engine_of(apart, ask=ask)
    assert engine.run() is RunState.SUCCEEDED, engine.failure
    assert asked == [Question("ask-apart-ask-1", "ask-apart", "Go?", {"type": "object"}, 60)]
    (made,) = engine.units["ask-apart"].outputs.values()
    assert engine.read(made) == {"stage": "now"}


def test_its_questions_can_fail_and_be_stopped(engine_of: Make) -> None:
    def fail(_question: Question, _stop: threading.Event) -> Verdict:
        raise ApprovalError("cannot be asked: gone")

    engine = engine_of(apart, ask=fail)
    assert engine.run() is RunState.FAILED
    assert engine.failure
    assert "cannot be asked: gone" in engine.failure.message
    with (
        pytest.warns(UnaskableWarning, match="step ask-apart asks people"),
        pytest.raises(RunFailedError, match="nobody can be asked"),
    ):
        apart()

    def wait(_question: Question, stop: threading.Event) -> Verdict:
        stopping.stop(StopMode.GRACEFUL, "enough")
        assert stop.wait(30)
        return Verdict("CANCELLED")

    stopping = engine_of(apart, ask=wait)
    assert stopping.run() is RunState.STOPPED


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (Verdict("DENIED", None, "users/a", "too early"), "denied by users/a: too early"),
        (Verdict("EXPIRED"), "was expired"),
    ],
)
def test_a_no_fails_the_step_for_good(engine_of: Make, verdict: Verdict, words: str) -> None:
    engine = engine_of(gated, ask=lambda _question, _stop: verdict)
    assert engine.run() is RunState.FAILED
    assert engine.failure
    assert words in engine.failure.message
    assert engine.units["gate"].attempt == 1


def test_a_step_that_waits_can_be_stopped(engine_of: Make) -> None:
    def ask(_question: Question, stop: threading.Event) -> Verdict:
        assert stop.wait(30)
        return Verdict("CANCELLED")

    engine = engine_of(gated, ask=ask)
    engine.stop(StopMode.GRACEFUL, "enough")
    assert engine.run() is RunState.STOPPED


def test_nobody_can_be_asked_where_there_is_no_workspace() -> None:
    with (
        pytest.warns(UnaskableWarning, match="step gate asks people"),
        pytest.raises(RunFailedError, match="nobody can be asked"),
    ):
        gated()
    with pytest.raises(NoActiveStepError):
        wait_for_approval("Go?")


def test_what_asks_is_plain_to_see_by_any_name() -> None:
    def by_module() -> None:
        weft.wait_for_approval("Go?")

    def within() -> Any:
        return [wait_for_approval(text) for text in ("Go?", "Sure?")]

    def by_another_name() -> None:
        renamed("Go?")

    def asks_nobody() -> str:
        return "wait_for_approval"

    found = [asks(each) for each in (by_module, within, by_another_name, asks_nobody)]
    assert found == [True, True, True, False]
    assert not asks(len)


def test_ids_of_questions_are_ids_of_resources(engine_of: Make) -> None:
    asked: list[Question] = []

    @step
    def a_step_whose_name_is_so_very_long_that_no_id_can_hold_more_x() -> None:
        wait_for_approval("One?")
        wait_for_approval("Two?")

    @pipeline
    def long() -> None:
        a_step_whose_name_is_so_very_long_that_no_id_can_hold_more_x()

    def ask(question: Question, _stop: threading.Event) -> Verdict:
        asked.append(question)
        return Verdict("APPROVED")

    assert engine_of(long, ask=ask).run() is RunState.SUCCEEDED
    ids = [question.id for question in asked]
    assert len(set(ids)) == 2
    assert all(len(id_) <= 63 for id_ in ids)


def test_a_paused_run_starts_nothing_until_it_goes_on(engine_of: Make) -> None:
    engine = engine_of(chain)
    engine.pause(is_paused=True)
    running = threading.Thread(target=engine.run)
    # Both wishes are heard in order, before anything that a step could say.
    engine.pause(is_paused=False)
    running.start()
    running.join(30)
    assert engine.state is RunState.SUCCEEDED


def test_what_an_earlier_run_made_is_not_run_again(engine_of: Make, tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "artifacts")
    place = Place("default", "earlier", "load", 1, "output")
    version: ArtifactVersion = save_value(store, place, 21, allow_pickle=False)
    engine = engine_of(chain, given={"load": Given({"output": version})})
    assert engine.run() is RunState.SUCCEEDED
    assert engine.units["load"].state is StepState.CACHED
    # It is on record already: nothing is told of it.
    steps = {getattr(record, "step", "") for record in told(engine, tmp_path)}
    assert "load" not in steps
    (result,) = engine.units["double"].outputs.values()
    assert engine.read(result) == 42


def test_a_step_that_is_run_again_alone_leaves_the_rest_out(
    engine_of: Make, tmp_path: Path
) -> None:
    store = LocalStore(tmp_path / "artifacts")
    place = Place("default", "earlier", "load", 1, "output")
    version: ArtifactVersion = save_value(store, place, 21, allow_pickle=False)
    alone = engine_of(chain, only="load")
    assert alone.run() is RunState.SUCCEEDED
    states = {id_: unit.state for id_, unit in alone.units.items()}
    assert states == {"load": StepState.SUCCEEDED, "double": StepState.SKIPPED}
    later = engine_of(chain, only="double", given={"load": Given({"output": version})})
    assert later.run() is RunState.SUCCEEDED
    assert later.units["double"].state is StepState.SUCCEEDED


def test_wishes_are_heard_once_and_a_pause_ends_with_its_absence() -> None:
    heard: list[Any] = []

    class Listener(Nobody):
        def stop(self, mode: StopMode, reason: str) -> None:
            heard.append((mode, reason))

        def pause(self, *, is_paused: bool) -> None:
            heard.append(is_paused)

    wishes = Wishes(Listener())
    pause = reports_pb2.Directive(pause=run_types_pb2.PauseRequest())
    stop = reports_pb2.Directive(stop=run_types_pb2.StopRequest(mode=2, reason="now"))
    for directives in ([], [pause], [pause], [], [pause, stop], [stop], [stop]):
        wishes.obey(directives)
    assert heard == [True, False, True, ("FORCE", "now"), False]


def test_settings_of_a_run_replace_those_of_its_steps() -> None:
    settings = step_settings_pb2.StepSettings(
        resources={"cpu_millis": 1500, "memory_bytes": 1024},
        retry={"max_retry_count": 2, "backoff": {"seconds": 3}},
        cache={"enabled": False},
        timeout={"seconds": 9},
        environment={"SEED": "1"},
    )
    graph = with_settings(chain.trace(), {"load": settings})
    changed, plain = graph.nodes["load"].step, graph.nodes["double"].step
    assert (changed.resources.cpu, changed.resources.memory_bytes) == (1.5, 1024)
    assert (changed.retry.max, changed.retry.backoff_s) == (2, 3.0)
    assert (changed.cache.enabled, changed.timeout_s) == (False, 9.0)
    assert (changed.environment, changed.isolated()) == ({"SEED": "1"}, "process")
    assert plain.timeout_s is None
    assert chain.trace().nodes["load"].step.timeout_s is None
