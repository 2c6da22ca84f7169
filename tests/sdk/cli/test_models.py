"""`weft models` against a real mesh, and models of pipelines; docs/models.md is typed elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.sdk.cli.conftest import Weft
from weft import Model, model
from weft.errors import WeftError

SCRIPT = """
from typing import NamedTuple

import weft
from weft import Model, pipeline, step


class Made(NamedTuple):
    scores: list[int]
    weights: list[int]


@step
def train(rows: int) -> Made:
    return Made(list(range(rows)), [rows])


@step
def reuse(weights: list[int]) -> int:
    return sum(weights)


@pipeline(model=Model("churn", description="nightly", labels={"team": "a"}))
def fit(rows: int = 3) -> None:
    train(rows)


@pipeline
def serve() -> int:
    return reuse(weft.model("churn").artifact("train.weights"))


if __name__ == "__main__":
    fit()
    fit()  # cached: the second version links what the first run made
    version = weft.model("churn")
    assert (version.number, version.stage) == (2, "NONE"), version
    assert version.load("train.weights") == [3]
    try:
        version.load()
    except weft.WeftError as error:
        print(error)
    print(serve().result())
"""


@pytest.fixture(scope="module")
def churn(weft: Weft, home: Path, environment: dict[str, str]) -> str:
    """What a script that makes and uses a model printed."""
    import subprocess
    import sys

    file = home / "churn.py"
    file.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(file)],
        env=environment,
        capture_output=True,
        text=True,
        cwd=home,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_pipelines_runs_make_versions_that_others_load(weft: Weft, churn: str) -> None:
    assert "has train.scores, train.weights: say which" in churn
    assert churn.splitlines()[-1] == "3"
    listed = json.loads(weft("models", "versions", "churn", "-o", "json").out)
    assert [version["number"] for version in listed] == [2, 1]
    assert listed[0]["description"] == "nightly"
    assert listed[0]["labels"] == {"team": "a"}
    assert listed[0]["run"].startswith("projects/default/runs/")
    both = [json.loads(weft("models", "links", f"churn@{n}", "-o", "json").out) for n in (1, 2)]
    first, second = [{link["artifactVersion"] for link in links} for links in both]
    assert first == second
    assert len(first) == 2


@pytest.mark.parametrize("output", ["json", "yaml", "name", "table"])
def test_models_come_in_every_format(output: str, weft: Weft, churn: str) -> None:
    commands = (["list"], ["show", "churn"], ["show", "churn@latest"], ["versions", "churn"])
    for command in (*commands, ["history", "churn"], ["requests", "list"]):
        done = weft("models", *command, "-o", output)
        assert done.code == 0, done.err
    assert "churn" in weft("models", "list", "-o", output).out


def test_what_cannot_be_is_said_with_its_exit_code(weft: Weft, churn: str) -> None:
    assert weft("models", "show", "absent").code == 5
    assert weft("models", "show", "churn@production").code == 5
    assert weft("models", "create", "churn").code == 6
    assert weft("models", "update", "churn").code == 2
    assert weft("models", "link", "churn@1", "no-number").code == 2
    assert weft("models", "link", "churn@1").code == 2
    assert weft("models", "requests", "show", "absent").code == 5
    assert weft("models", "delete", "churn", "--yes").code == 6


def test_a_version_made_by_hand_is_asked_for_denied_and_withdrawn(weft: Weft, home: Path) -> None:
    assert weft("models", "create", "manual", "--approval", "staging").code == 0
    made = weft("models", "new-version", "manual", "--name", "legacy", "-o", "name")
    assert made.out.strip() == "projects/default/models/manual/versions/1"
    for verb in ("deny", "withdraw"):
        asked = weft("models", "promote", "manual@legacy", "--to", "staging", "--ask").out.strip()
        shown = weft("models", "requests", "show", asked)
        assert "PENDING" in shown.out
        decided = weft("models", "requests", verb, asked, "-m", "no", "-o", "json")
        assert json.loads(decided.out)["decisionComment"] == "no"
    everything = weft("models", "requests", "list", "manual", "--state", "any", "-o", "name")
    assert len(everything.out.splitlines()) == 2
    assert weft("models", "update", "manual", "--no-approval").code == 0
    assert weft("models", "promote", "manual", "--to", "staging").code == 0
    assert weft("models", "unlink", "manual@1", "fit-load@9").code == 5


def test_a_version_is_named_once() -> None:
    with pytest.raises(WeftError, match="not both"):
        model("fraud", 3, stage="production")
    assert Model.of("fraud") == Model("fraud")
    assert Model.of(None) is None
