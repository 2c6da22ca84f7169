"""Artifacts in the hands of Python know where they come from, across pipelines."""

from __future__ import annotations

import pytest

import weft
from tests.sdk.cli.conftest import Weft
from weft import pipeline, start_run, step
from weft.errors import WeftError


@step(cache=False)
def gather(rows: list[int]) -> list[int]:
    return rows


@step(cache=False)
def add_up(numbers: list[int]) -> int:
    return sum(numbers)


@pytest.fixture
def in_process(weft: Weft, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of this process are recorded in the mesh of these tests."""
    monkeypatch.delenv("WEFT_OFFLINE", raising=False)
    for name, value in environment.items():
        if name.startswith("WEFT_"):
            monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("in_process")
def test_lineage_goes_both_ways_and_across_pipelines() -> None:
    with start_run("delivery") as own:
        delivered = own.log_artifact("numbers", [1, 2, 3])

    @pipeline
    def summing() -> int:
        return add_up(gather(delivered))

    run = summing()
    (gathered,) = run.steps["gather"].outputs.values()
    around = gathered.lineage()
    assert [(found.name, found.load()) for found in around.made_of] == [("main.numbers", [1, 2, 3])]
    assert [(found.name, found.load()) for found in around.used_for] == [("add-up.output", 6)]
    first, second = weft.artifact("delivery-main-numbers").lineage().used_for
    assert (first.version.producer_step, second.version.producer_step) == ("gather", "add-up")
    near = first.lineage(depth=1)
    assert (len(near.made_of), len(near.used_for)) == (1, 1)
    (last,) = run.steps["add_up"].outputs.values()
    assert [found.name for found in last.lineage().made_of] == ["gather.output", "main.numbers"]
    assert last.lineage().used_for == ()


@pytest.mark.usefixtures("in_process")
def test_what_the_workspace_does_not_know_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("WEFT_OFFLINE", "1")
        with start_run("alone") as own:
            local = own.log_artifact("numbers", [1])
    with pytest.raises(WeftError, match="`weft sync` hands over"):
        local.lineage()
