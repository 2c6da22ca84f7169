"""A workspace that refuses pickle: for its runners, for local runs, for whoever reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.sdk.cli.conftest import Weft
from weft import Artifact, RunFailedError, pipeline, step
from weft._connection import Connection
from weft._models import keeping_of
from weft._store import LocalStore, Place
from weft._values import save_value
from weft.errors import PickleRefusedError, PickleWarning

ODD = """
from weft import pipeline, step


class Odd:
    pass


@step
def make() -> Odd:
    return Odd()


@pipeline
def odd() -> None:
    make()
"""


class Odd:
    """What only pickle could store."""


@step
def make_odd() -> Odd:
    return Odd()


@pipeline
def oddly() -> None:
    make_odd()


def test_a_runner_obeys_whatever_its_environment_says(weft: Weft, tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(ODD)
    name = weft("run", tmp_path / "odd.py", "-o", "name", WEFT_ALLOW_PICKLE="1").out.strip()
    told = json.loads(weft("runs", "diagnose", name, "-o", "json").out)["step"]["failure"]
    assert told["exceptionType"].endswith("PickleRefusedError")
    assert "WEFT_WORKSPACE_ALLOW_PICKLE" in told["message"]


def test_a_local_run_obeys_and_so_does_who_reads(
    home: Path, connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEFT_CONFIG_DIR", str(home / "config"))
    monkeypatch.setenv("WEFT_ALLOW_PICKLE", "1")
    monkeypatch.setenv("WEFT_DATA_DIR", str(tmp_path))
    with pytest.raises(RunFailedError, match="the policy refuses pickle"):
        oddly()
    keeping = keeping_of(connection.workspace)
    store = LocalStore(tmp_path / "artifacts")
    place = Place("default", "earlier", "make", 1, "output")
    with pytest.warns(PickleWarning):
        version = save_value(store, place, Odd(), allow_pickle=True)
    read = Artifact(version, allow_pickle=keeping.allow_pickle, store=str(tmp_path / "artifacts"))
    with pytest.raises(PickleRefusedError, match="must both allow it"):
        read.load()
