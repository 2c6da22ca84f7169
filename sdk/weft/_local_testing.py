"""Tests of pipelines without any server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weft._approval import Question, Verdict
from weft._recorded import MemoryRecorder
from weft._tested import Runs

if TYPE_CHECKING:
    from weft._records import Recorder
    from weft._settings import Settings


class LocalWeft(Runs):
    """Runs pipelines in this process, and keeps what they tell in memory.

    Attributes:
        folder: Where artifacts are.
        secrets: Values by secret and key: what steps with `@step(secrets=[...])` read.
    """

    def __init__(self, folder: Path) -> None:
        self._recorder = MemoryRecorder()
        super().__init__(self._recorder.runs)
        self.folder = folder
        self.secrets: MutableMapping[str, Mapping[str, str]] = {}

    def forget_results(self) -> None:
        """Have every step run again: nothing comes from the cache."""
        self._recorder.results.forget()

    def approve(self, answer: Any = None) -> None:
        """From now on say yes to what steps ask with `wait_for_approval`, and this beside it."""
        self.decide(lambda _: Verdict("APPROVED", answer))

    def deny(self, comment: str = "") -> None:
        """From now on say no."""
        self.decide(lambda _: Verdict("DENIED", comment=comment))

    def decide(self, answer: Callable[[Question], Verdict]) -> None:
        """From now on have a function answer; it sees the `Question`, and may say "EXPIRED"."""
        self._recorder.answer = answer

    def _secrets(self) -> Mapping[str, Mapping[str, str]]:
        return self.secrets

    def _choose(self, local: Settings) -> tuple[Recorder, Settings]:
        store = str(self.folder / "artifacts")
        return self._recorder, replace(local, artifact_store=store, data=self.folder)
