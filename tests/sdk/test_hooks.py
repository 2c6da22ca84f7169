"""What people have called when steps and runs begin and end; it never changes how they end."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from tests.sdk.recording import Make
from tests.sdk.small_steps import load, states
from weft import Happening, NonRetryableError, Retry, RunState, StepState, context, pipeline, step
from weft._hooks import Hooks
from weft._states import StopMode

Told = list[tuple[str, str]]


def telling(told: Told, what: str):
    return lambda happening: told.append((what, happening.step))


def test_steps_and_runs_tell_when_they_begin_and_end() -> None:
    told: Told = []
    attempts: list[Happening] = []
    started = threading.Event()

    def noted(happening: Happening) -> None:
        attempts.append(happening)
        started.set()

    async def well(happening: Happening) -> None:
        await asyncio.sleep(0)
        assert context().step == happening.step
        told.append(("well", happening.step))

    @step(retries=Retry(1, 0.0), cache=False, on_start=noted, on_success=well)
    def flaky() -> int:
        assert started.wait(30)
        if context().attempt == 1:
            raise ValueError("not yet")
        return 1

    @pipeline(on_start=telling(told, "begins"), on_success=telling(told, "ends"))
    def whole() -> int:
        return flaky()

    run = whole()
    assert told == [("begins", ""), ("well", "flaky"), ("ends", "")]
    assert [(h.run, h.step, h.attempt) for h in attempts] == [(run.name, "flaky", 1)]


def test_a_failure_is_told_once_it_is_final() -> None:
    told: list[Happening] = []

    @step(retries=Retry(2, 0.0), on_failure=told.append, on_success=told.append)
    def fails() -> None:
        if context().attempt == 2:
            raise NonRetryableError("never")
        raise ValueError("again")

    @pipeline(on_failure=told.append, on_success=told.append)
    def whole() -> None:
        fails()

    whole.run(raise_on_failure=False)
    assert [(h.step, h.attempt, h.failure.message) for h in told if h.failure] == [
        ("fails", 2, "never"),
        ("", 0, "never"),
    ]


def test_a_step_that_took_too_long_is_told_of() -> None:
    told: list[Happening] = []
    end = threading.Event()

    @step(timeout_s=0.01, on_failure=told.append)
    def endless() -> None:
        end.wait(30)

    run = pipeline(lambda: endless()).run(raise_on_failure=False)  # noqa: PLW0108 - steps decide
    end.set()
    assert [h.failure.code for h in told if h.failure] == ["TIMEOUT"]
    assert states(run) == {"endless": StepState.FAILED}


def test_what_a_hook_raises_is_logged_and_changes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(happening: Happening) -> None:
        raise KeyError(happening.step)

    @step(cache=False, on_success=broken)
    def fine() -> int:
        return 1

    @pipeline(on_start=broken, on_success=broken)
    def whole() -> int:
        return fine()

    with caplog.at_level(logging.WARNING, "weft"):
        assert whole().result() == 1
    assert "on_success of fine raised KeyError: 'fine'" in caplog.messages


def test_a_hook_that_does_not_end_is_left_behind(caplog: pytest.LogCaptureFixture) -> None:
    end = threading.Event()
    hooks = Hooks(on_start=lambda _: end.wait(30), limit_s=0.01)  # type: ignore[arg-type]
    with caplog.at_level(logging.WARNING, "weft"):
        hooks.call("on_start", Happening("p", "x", "run-1"))
    end.set()
    assert caplog.messages == ["on_start of run-1 did not end within 0.01 s and is left behind"]


def test_cached_and_stopped_steps_tell_nothing(engine_of: Make) -> None:
    told: list[Happening] = []
    once = load.with_options()
    once.definition = step(on_success=told.append)(load.definition.function).definition

    @pipeline
    def whole() -> None:
        once(3)

    whole()
    whole()
    assert len(told) == 1

    @step(cache=False, on_failure=told.append, on_success=told.append)
    def waits() -> None:
        engine.stop(StopMode.GRACEFUL, "enough")
        while True:
            context().check_stop()

    engine = engine_of(pipeline(lambda: waits()))  # noqa: PLW0108 - steps decide
    assert engine.run() is RunState.STOPPED
    assert len(told) == 1
