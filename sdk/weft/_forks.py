"""Lets processes that a step forks speak for the step, as workers of a DataLoader do.

A fork copies the memory of this process, with what waits to be sent and with locks that nobody in
the copy will ever release, and none of the threads that send. So a copy records nothing itself:
what it says goes to the process that it was forked from, which records it, once.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from weft import _json
from weft._capture import router
from weft._records import (
    Alert,
    CacheCandidate,
    Given,
    LogBatch,
    Metadata,
    Metric,
    Record,
    RunRecorder,
    RunReport,
    StepRecord,
    StepReport,
)
from weft._states import StepState

if TYPE_CHECKING:
    from weft._apart import Apart
    from weft._approval import Question, Verdict

# A line of a log has 16 KiB, and metadata of a step 64 KiB.
_MAX_BYTES = 1 << 18
_SETTLE_S = 10.0


class ForkSafeRun:
    """A run's recorder, also in processes that are forked meanwhile."""

    def __init__(self, recording: RunRecorder) -> None:
        self._recording = recording
        self._line: _Line | None = None
        self._is_copy = False
        _runs.add(self)

    def add_steps(self, steps: Sequence[StepRecord]) -> None:
        """Declares steps."""
        if not self._is_copy:
            self._recording.add_steps(steps)

    def report_run(self, report: RunReport) -> None:
        """Tells a state of the run; a copy of the engine tells none."""
        if not self._is_copy:
            self._recording.report_run(report)

    def report_step(self, report: StepReport) -> None:
        """Tells a state of a step, after all that its processes have said of it."""
        if self._is_copy:
            return
        # The coordinator waits for nobody who only says that something begins.
        if self._line and (report.state.is_final or report.state is StepState.RETRYING):
            self._line.settle(_SETTLE_S)
        self._recording.report_step(report)

    def append_logs(self, batch: LogBatch) -> None:
        """Hands over lines, after those that copies have spoken by now."""
        if self._is_copy:
            self._say(*(replace(batch, lines=(line,)) for line in batch.lines))
            return
        if self._line:
            self._line.settle(_SETTLE_S)
        self._recording.append_logs(batch)

    def write_metadata(self, metadata: Metadata) -> None:
        """Keeps values."""
        if self._is_copy:
            self._say(metadata)
        else:
            self._recording.write_metadata(metadata)

    def write_metrics(self, metrics: Sequence[Metric]) -> None:
        """Keeps figures."""
        if self._is_copy:
            self._say(*metrics)
        else:
            self._recording.write_metrics(metrics)

    def write_alert(self, alert: Alert) -> None:
        """Has people told something."""
        if self._is_copy:
            self._say(alert)
        else:
            self._recording.write_alert(alert)

    def lookup_cache(self, step: str, key: str, max_age_s: float | None) -> CacheCandidate | None:
        """Finds an earlier result."""
        return self._recording.lookup_cache(step, key, max_age_s)

    def given(self) -> Mapping[str, Given]:
        """Results from an earlier run."""
        return self._recording.given()

    @property
    def ask(self) -> Callable[[Question, threading.Event], Verdict] | None:
        """Asks people."""
        return self._recording.ask

    @property
    def apart(self) -> Apart | None:
        """Executes attempts elsewhere."""
        return self._recording.apart

    def close(self) -> None:
        """Makes everything durable; what processes say from now on nobody hears."""
        if self._is_copy:
            return
        _runs.discard(self)
        if self._line:
            self._line.close()
        self._recording.close()

    def prepare(self) -> None:
        """Just before a fork: makes the line that the copy will speak over."""
        if not self._is_copy and self._line is None:
            self._line = _Line(self._hear)

    def become_copy(self) -> None:
        """In the copy."""
        self._is_copy = True

    def listen(self) -> None:
        """Where the fork came from."""
        if not self._is_copy and self._line is not None:
            self._line.listen()

    def _say(self, *records: Record) -> None:
        assert self._line is not None
        for record in records:
            self._line.say(record)

    def _hear(self, record: Record) -> None:
        if isinstance(record, LogBatch):
            self._recording.append_logs(record)
        elif isinstance(record, Metadata):
            self._recording.write_metadata(record)
        elif isinstance(record, Metric):
            self._recording.write_metrics([record])
        elif isinstance(record, Alert):
            self._recording.write_alert(record)


class _Line:
    """Messages from copies, whole and in the order in which they were sent."""

    def __init__(self, hear: Callable[[Record], None]) -> None:
        self._hear = hear
        self._heard_end, self._end = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._thread: threading.Thread | None = None
        self._settled: dict[str, threading.Event] = {}

    def say(self, record: Record) -> None:
        """Sends a record, from a copy; whose run is over, speaks in vain."""
        said = json.dumps(_json.encode(record), ensure_ascii=False).encode(errors="surrogatepass")
        with suppress(ConnectionError):
            if self._fits(said):
                return
            warnings.warn(
                f"a {type(record).__name__} of {len(said):,} bytes is too large to come from a "
                "forked process: it is not on record",
                RuntimeWarning,
                stacklevel=2,
            )

    def _fits(self, said: bytes) -> bool:
        """Sends, unless the system takes no message as large, or it would be cut where it ends."""
        try:
            return len(said) <= _MAX_BYTES and self._end.send(said) == len(said)
        except OSError as error:
            if error.errno != errno.EMSGSIZE:
                raise
            return False

    def listen(self) -> None:
        """Begins to hear."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="weft-forks", daemon=True)
            self._thread.start()

    def settle(self, timeout_s: float) -> bool:
        """Waits until everything that was said so far is heard."""
        if self._thread is None:
            return True
        settled = threading.Event()
        mark = str(id(settled))
        self._settled[mark] = settled
        self._end.send(mark.encode())
        return settled.wait(timeout_s)

    def close(self) -> None:
        """Hears what was said so far, and no more."""
        self.settle(_SETTLE_S)
        if self._thread is not None:
            self._end.send(b"0")
            self._thread.join(_SETTLE_S)
        self._end.close()
        self._heard_end.close()

    def _next(self) -> Any:
        return json.loads(self._heard_end.recv(_MAX_BYTES).decode(errors="surrogatepass"))

    def _work(self) -> None:
        while said := self._next():
            if isinstance(said, int):
                self._settled.pop(str(said)).set()
            else:
                self._hear(_json.decode(said))


def _before() -> None:
    for run in list(_runs):
        run.prepare()


def _in_parent() -> None:
    for run in list(_runs):
        run.listen()


def _in_copy() -> None:
    for run in _runs:
        run.become_copy()
    router.become_copy()


_runs: set[ForkSafeRun] = set()
os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_copy)
