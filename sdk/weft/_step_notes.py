"""What the code of a step tells beside its outputs, from a process of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from weft import _alerts
from weft._asking import Asker
from weft._backoff import persist
from weft._connection import Endpoint
from weft._noted import Noted
from weft._records import Alert, Metadata, Metric
from weft._run_ref import RunRef
from weft.errors import WeftError

if TYPE_CHECKING:
    from weft._approval import Question, Verdict

_CLOSE_S = 60.0


class StepNotes:
    """Tells the workspace from a thread of its own; the values travel with the attempt's end."""

    def __init__(self, endpoint: Endpoint, ref: RunRef, step: str, attempt: int) -> None:
        self._endpoint = endpoint
        self._run = ref.name
        self._key = (step, attempt)
        self._noted = Noted(endpoint, ref.name, is_live=True)
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._abandoned = threading.Event()
        self._sender = threading.Thread(target=self._send, name="weft-notes", daemon=True)
        self._sender.start()

    def write_metadata(self, metadata: Metadata) -> None:
        """Keeps values."""
        self._work.put(lambda: self._noted.note(*self._key, metadata.by_name))

    def write_metrics(self, metrics: Sequence[Metric]) -> None:
        """Keeps figures, the newest of each name."""
        values = {metric.name: metric.value for metric in metrics}
        self._work.put(lambda: self._noted.note(*self._key, values))

    def write_alert(self, alert: Alert) -> None:
        """Has people told something."""
        self._work.put(lambda: _alerts.send(self._endpoint, self._run, alert))

    def ask(self, question: Question, stop: threading.Event) -> Verdict:
        """Asks people, and waits."""
        return Asker(self._endpoint, self._run, self._work.put, lambda _: True).ask(question, stop)

    def close(self) -> dict[str, Any]:
        """Tells what is left, and gives all values."""
        self._work.put(None)
        self._sender.join(_CLOSE_S)
        self._abandoned.set()
        return self._noted.take(*self._key)

    def _send(self) -> None:
        while (work := self._work.get()) is not None:
            try:
                persist(work, stop=self._abandoned)
            except WeftError:
                # Values travel once more with the end; an alert that cannot be told is lost.
                continue
