"""Every test of the SDK keeps its artifacts and its spool in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.sdk.recording import Make, Recording
from weft import Pipeline, Run
from weft._describe import run_record
from weft._engine import Engine
from weft._options import Options
from weft._records import Nobody, Record
from weft._spool import SpoolRecorder, read_spool
from weft._store import LocalStore

settings.register_profile("sdk", deadline=None)  # a busy machine is no failure
settings.load_profile("sdk")


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "weft"
    for name in ("WEFT_ARTIFACT_STORE", "WEFT_PROJECT", "WEFT_ALLOW_PICKLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WEFT_DATA_DIR", str(folder))
    monkeypatch.setenv("WEFT_ECHO", "0")
    monkeypatch.setenv(
        "WEFT_CONFIG_DIR", str(tmp_path / "config")
    )  # never the developer's own mesh
    return folder


@pytest.fixture
def records(data_dir: Path) -> Callable[[Run[Any]], list[Record]]:
    """Give what a run has told, in order."""

    def read(run: Run[Any]) -> list[Record]:
        return list(read_spool(data_dir / "spool" / f"{run.name}.jsonl"))

    return read


@pytest.fixture
def engine_of(tmp_path: Path) -> Iterator[Make]:
    """Makes engines, whose records are closed with the test."""
    with ExitStack() as closing:

        def make(whole: Pipeline[..., Any], *, only: str = "", **recording: Any) -> Engine:
            graph = whole.trace()
            record = run_record(graph, "default")
            spool = SpoolRecorder(tmp_path).begin(record, Nobody())
            closing.callback(spool.close)
            store = LocalStore(tmp_path / "artifacts")
            recorder: Any = Recording(spool, **recording)
            options = Options(cache=False, only=only)
            return Engine(graph, record, recorder=recorder, store=store, options=options)

        yield make
