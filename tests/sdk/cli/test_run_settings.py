"""`weft run --config --set`, and what says who said what."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from tests.sdk.cli.conftest import Weft


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    file = tmp_path / "run.yaml"
    file.write_text(
        "parameters: {rows: 4, lr: 0.25}\nname: From a file\nlabels: {team: vision}\ncache: false\n"
        "steps:\n  train: {retries: {max: 2, backoff_s: 3}, environment: {SEED: '1'}}\n"
    )
    return file


def test_a_run_has_the_settings_of_file_and_options(
    weft: Weft, train_file: Path, settings: Path
) -> None:
    told = weft(
        *("run", f"{train_file}::teach", "--config", settings, "--lr", "0.5", "-o", "json"),
        *("--set", "steps.train.retries.max=1", "--set", "steps.load.timeout_s=90"),
    )
    assert told.code == 0, told.err
    run = json.loads(told.out)
    assert run["parameters"] == {"rows": 4, "lr": 0.5, "fail": False}
    assert (run["displayName"], run["labels"]) == ("From a file", {"team": "vision"})
    assert run["cacheDisabled"] is True
    train = run["stepSettings"]["train"]
    assert (train["retry"]["maxRetryCount"], train["retry"]["backoff"]) == (1, "3s")
    assert train["environment"] == {"SEED": "1"}
    assert run["stepSettings"]["load"]["timeout"] == "90s"


def test_a_dry_run_says_who_says_so(offline: Weft, train_file: Path, settings: Path) -> None:
    command = ("run", f"{train_file}::teach", "--dry-run", "--config", settings, "--lr=1")
    told = offline(*command, "-o", "json")
    assert told.code == 0, told.err
    rows = {row.pop("setting"): row for row in json.loads(told.out)}
    assert rows["parameters.lr"] == {
        "value": 1.0,
        "from": "--lr",
        "insteadOf": [{"from": f"{settings}:1", "value": 0.25}],
    }
    assert rows["parameters.fail"] == {"value": False, "from": "default", "insteadOf": []}
    assert rows["steps.train.retries.max"] == {
        "value": 2,
        "from": f"{settings}:6",
        "insteadOf": [{"from": "the code", "value": 0}],
    }
    table = offline(*command).out.splitlines()
    assert table[0].split() == ["SETTING", "VALUE", "FROM", "INSTEAD", "OF"]
    assert any("default" in line and "parameters.fail" in line for line in table)


def test_what_cannot_be_has_place_fix_and_exit_code(
    offline: Weft, train_file: Path, settings: Path
) -> None:
    settings.write_text("steps:\n  train:\n    retrys: 3\n")
    told = offline("run", f"{train_file}::teach", "--config", settings)
    assert told.code == 2
    wanted = f"{settings}:3: steps.train.retrys is no setting here; did you mean retries?"
    assert told.err == f"error: {wanted}\n"
    step = offline("run", f"{train_file}::teach", "--dry-run", "--set", "steps.nap.cache=false")
    assert step.code == 2
    assert "calls no step nap: it has load, train" in step.err


def test_the_schema_is_printed_for_all_and_for_one_pipeline(
    offline: Weft, train_file: Path
) -> None:
    everything = json.loads(offline("schema").out)
    own = json.loads(offline("schema", f"{train_file}::teach").out)
    unknown = {"parameters": {"colour": 1}}
    assert jsonschema.Draft202012Validator(everything).is_valid(unknown)
    assert not jsonschema.Draft202012Validator(own).is_valid(unknown)
    assert jsonschema.Draft202012Validator(own).is_valid({"steps": {"load": {"cache": False}}})
    assert offline("schema", "none.py").code == 2
