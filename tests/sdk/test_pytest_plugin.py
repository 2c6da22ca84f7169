"""The fixtures of `weft.pytest_plugin`, as people use them in tests of their pipelines."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

import weft
from weft import pipeline, step
from weft._masking import masker
from weft._surroundings import RealClock, surroundings
from weft.testing import LocalWeft

pytest_plugins = ["weft.pytest_plugin", "pytester"]
ALONE = ["-p", "no:cacheprovider", "-p", "no:asyncio", "-p", "weft.pytest_plugin"]
SECRET = "a-secret-of-a-test"
PATIENCE_S = 20


@step
def load(rows: int) -> list[int]:
    return list(range(rows))


@step
def total(data: list[int]) -> int:
    print(f"adding {len(data)} numbers")  # noqa: T201
    weft.log_metric("rows", len(data))
    weft.log_metadata({"source": "made up"})
    return sum(data)


@pipeline
def adding(rows: int = 4) -> int:
    return total(load(rows))


@step(cache=False)
def divide(number: int) -> float:
    return 1 / number


@pipeline
def dividing(number: int = 0) -> float:
    return divide(number)


def test_a_run_tells_everything(weft_local: LocalWeft) -> None:
    run = weft_local.run(adding, rows=5)
    assert run.result() == 10
    assert run.states == {"load": "SUCCEEDED", "total": "SUCCEEDED"}
    assert dict(run.outputs) == {"load": [0, 1, 2, 3, 4], "total": 10}
    assert run.log("total") == "adding 5 numbers"
    assert run.log("load") == ""
    assert run.metrics() == run.metrics("total") == {"rows": 5.0}
    assert run.metadata("total") == {"source": "made up"}
    assert run.steps["load"].outputs["output"].version.format == "json"
    assert str(weft_local.folder) in run.steps["load"].outputs["output"].uri


def test_a_failure_is_the_steps_own(weft_local: LocalWeft) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        weft_local.run(dividing)
    assert caught.traceback[-1].name == "divide"
    run = weft_local.try_run(dividing)
    assert (run.state, run.states) == ("FAILED", {"divide": "FAILED"})
    assert isinstance(run.error, ZeroDivisionError)
    assert run.failure
    assert run.failure.step == "divide"
    with pytest.raises(KeyError, match="divide is FAILED and has no outputs"):
        run.outputs["divide"]
    assert run.records.state == "FAILED"
    assert run.records.states == run.states


def test_a_pipeline_that_raises_itself_raises_that(weft_local: LocalWeft) -> None:
    @pipeline
    def looking(rows: int = 2) -> int:
        if len(load(rows)) < 3:
            raise LookupError("too few rows")
        return 1

    with pytest.raises(LookupError, match="too few rows"):
        weft_local.run(looking)


def test_an_item_of_a_fan_out_raises_its_own(weft_local: LocalWeft) -> None:
    @pipeline
    def many() -> list[float]:
        return divide.map([1, 2, 0])

    with pytest.raises(ZeroDivisionError):
        weft_local.run(many)

    @pipeline
    def few() -> list[float]:
        return divide.map([1, 2])

    assert weft_local.run(few).outputs["divide"] == [1.0, 0.5]


def test_backoffs_take_no_time(weft_local: LocalWeft) -> None:
    tries = []

    @step(retries=weft.Retry(max=3, backoff_s=600.0, max_backoff_s=2000.0), cache=False)
    def flaky() -> int:
        tries.append(1)
        if len(tries) < 4:
            raise ConnectionError("away")
        return len(tries)

    @pipeline
    def trying() -> int:
        return flaky()

    begin = time.monotonic()
    run = weft_local.run(trying)
    assert time.monotonic() - begin < 600
    assert run.result() == run.steps["flaky"].attempts == 4
    assert run.steps["flaky"].waits == (600.0, 1200.0, 2000.0)
    assert run.error is None


def test_a_clock_that_skips_ends_no_step_that_is_at_work(weft_local: LocalWeft) -> None:
    """The backoff of one step is waited for while another one, with a limit, does something."""
    retried = threading.Event()
    tries = []

    @step(timeout_s=3600.0, cache=False)
    def long() -> bool:
        return retried.wait(0.2)

    @step(retries=weft.Retry(max=1, backoff_s=7200.0), cache=False)
    def flaky() -> int:
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionError("away")
        retried.set()
        return 1

    @pipeline
    def both() -> bool:
        flaky()
        return long()

    run = weft_local.run(both)
    assert run.states == {"flaky": "SUCCEEDED", "long": "SUCCEEDED"}
    assert run.result() is False


def test_two_runs_share_a_cache_that_a_test_can_forget(weft_local: LocalWeft) -> None:
    weft_local.run(adding)
    assert set(weft_local.run(adding).states.values()) == {"CACHED"}
    changed = weft_local.run(adding, rows=5)
    assert changed.states == {"load": "SUCCEEDED", "total": "SUCCEEDED"}
    assert "input:rows" in changed.steps["load"].cache.explain()
    weft_local.forget_results()
    assert set(weft_local.run(adding).states.values()) == {"SUCCEEDED"}


@step(secrets=["registry"])
def sign_in() -> int:
    print("with", weft.secret("registry.token"))  # noqa: T201
    return len(weft.secret("registry.token"))


@pipeline
def signing_in() -> int:
    return sign_in()


def test_secrets_come_from_the_test(weft_local: LocalWeft) -> None:
    weft_local.secrets["registry"] = {"token": SECRET}
    run = weft_local.run(signing_in)
    assert run.result() == len(SECRET)
    assert run.log("sign-in") == "with ***"


def test_a_secret_that_is_missing_says_how_to_give_it(weft_local: LocalWeft) -> None:
    run = weft_local.try_run(signing_in)
    assert "weft_local.secrets['registry']" in str(run.error)


def test_people_are_asked(weft_local: LocalWeft) -> None:
    @step(cache=False)
    def ask() -> int:
        return weft.wait_for_approval("how many?", schema={"type": "integer"})

    @pipeline
    def asking() -> int:
        return ask()

    weft_local.approve(3)
    assert weft_local.run(asking).result() == 3
    weft_local.deny("not today")
    with pytest.raises(weft.ApprovalError, match="denied: not today"):
        weft_local.run(asking)


def test_runs_that_tested_code_starts_are_recorded_too(weft_local: LocalWeft) -> None:
    with weft.start_run("looking around") as own:
        weft.log_metric("loss", 0.5, x=1)
        own.log_artifact("rows", [1])
    assert adding().result() == 6
    notebook, added = weft_local.records
    assert (notebook.state, added.state) == ("SUCCEEDED", "SUCCEEDED")
    assert notebook.curve("main", "loss") == [(1, 0.5)]
    assert weft_local.records_of(added.run.name) is added
    with pytest.raises(KeyError, match="no run 'other'"):
        weft_local.records_of("other")


def test_hooks_and_alerts_happen(weft_local: LocalWeft) -> None:
    told: list[str] = []

    @step(cache=False, on_success=lambda happening: told.append(happening.step))
    def shout() -> int:
        weft.alert("done", alerter="chat")
        return 1

    @pipeline
    def shouting() -> int:
        return shout()

    assert weft_local.run(shouting).records.alerts == ["done"]
    assert told == ["shout"]


def test_the_world_is_as_before_when_the_test_has_ended(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEFT_CONTEXT", "mine")
    monkeypatch.setenv("WEFT_DATA_DIR", "/nowhere")
    before = dict(os.environ), masker.mask(SECRET), surroundings.clock
    # Other tests of this process left theirs.
    threads = set(threading.enumerate())
    pytester.makepyfile(
        """
        import os
        import weft

        @weft.step(secrets=["registry"])
        def one() -> int:
            assert weft.secret("registry.token")
            return 1

        @weft.pipeline
        def ones() -> int:
            return one()

        def test_one(weft_local):
            weft_local.secrets["registry"] = {"token": "a-secret-of-a-test"}
            assert "WEFT_CONTEXT" not in os.environ
            assert weft_local.run(ones).result() == 1

        def test_another(weft_local):
            assert weft_local.records == []
            assert not weft_local.secrets
        """
    )
    pytester.runpytest_inprocess(*ALONE).assert_outcomes(passed=2)
    environment, masked, clock = before
    assert {n: v for n, v in os.environ.items() if n.startswith("WEFT_")} == {
        n: v for n, v in environment.items() if n.startswith("WEFT_")
    }
    assert masked == masker.mask(SECRET) == SECRET
    assert surroundings.clock is clock
    assert isinstance(clock, RealClock)
    left = [t for t in set(threading.enumerate()) - threads if t.name.startswith("weft-")]
    for thread in left:
        # One that has told its result may need a moment to end.
        thread.join(PATIENCE_S)
    assert not [thread for thread in left if thread.is_alive()]


def test_the_plugin_costs_nothing_where_it_is_not_used(tmp_path: Path) -> None:
    from tests.sdk.test_exported_names import HEAVY, loaded_after

    loaded = loaded_after("import pytest, weft.pytest_plugin")
    assert not (loaded & HEAVY - loaded_after("import pytest"))
    assert "weft.testing" not in loaded
    assert "weft._engine" not in loaded
