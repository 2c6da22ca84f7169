"""Engines whose records a test reads, and which ask as it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from weft._approval import Question, Verdict
from weft._engine import Engine
from weft._records import Given, Record
from weft._spool import SpoolRun, read_spool

Ask = Callable[[Question, threading.Event], Verdict]
Make = Callable[..., Engine]


class Recording:
    """A spooled run that asks as it is told, and has results of an earlier one."""

    def __init__(
        self,
        run: SpoolRun,
        ask: Ask | None = None,
        given: Mapping[str, Given] | None = None,
        apart: Any = None,
    ) -> None:
        self.apart = apart
        self._run = run
        self.ask = ask
        self._given = given or {}

    def given(self) -> Mapping[str, Given]:
        return self._given

    def __getattr__(self, name: str) -> Any:
        return getattr(self._run, name)


def told(engine: Engine, folder: Path) -> list[Record]:
    return list(read_spool(folder / "spool" / f"{engine.record.name}.jsonl"))
