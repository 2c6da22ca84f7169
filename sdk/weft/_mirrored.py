"""Runs that a workspace records, and a test's own records beside."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from weft._recorded import Results, RunRecords
from weft._records import (
    Alert,
    CacheCandidate,
    Given,
    Listener,
    LogBatch,
    Metadata,
    Metric,
    Recorder,
    RunRecord,
    RunRecorder,
    RunReport,
    StepRecord,
    StepReport,
)

if TYPE_CHECKING:
    from weft._approval import Question, Verdict


class MirroredRun(RunRecords):
    """Keeps what a run tells, and hands it on to where it is really recorded."""

    def __init__(self, run: RunRecord, real: RunRecorder) -> None:
        super().__init__(run, Results(), None)
        self._real = real

    def add_steps(self, steps: Sequence[StepRecord]) -> None:
        """Keep and hand on."""
        super().add_steps(steps)
        self._real.add_steps(steps)

    def report_run(self, report: RunReport) -> None:
        """Keep and hand on."""
        super().report_run(report)
        self._real.report_run(report)

    def report_step(self, report: StepReport) -> None:
        """Keep and hand on."""
        super().report_step(report)
        self._real.report_step(report)

    def append_logs(self, batch: LogBatch) -> None:
        """Keep and hand on."""
        super().append_logs(batch)
        self._real.append_logs(batch)

    def write_metadata(self, metadata: Metadata) -> None:
        """Keep and hand on."""
        super().write_metadata(metadata)
        self._real.write_metadata(metadata)

    def write_metrics(self, metrics: Sequence[Metric]) -> None:
        """Keep and hand on."""
        super().write_metrics(metrics)
        self._real.write_metrics(metrics)

    def write_alert(self, alert: Alert) -> None:
        """Keep and hand on."""
        super().write_alert(alert)
        self._real.write_alert(alert)

    def lookup_cache(self, step: str, key: str, max_age_s: float | None) -> CacheCandidate | None:
        """Ask the workspace."""
        return self._real.lookup_cache(step, key, max_age_s)

    def given(self) -> Mapping[str, Given]:
        """Ask the workspace."""
        return self._real.given()

    @property
    def ask(self) -> Callable[[Question, threading.Event], Verdict] | None:
        """People of the workspace answer."""
        return self._real.ask

    def close(self) -> None:
        """Wait until the workspace has everything."""
        self._real.close()


class Mirror:
    """Records runs where the context in use says, and keeps what they tell."""

    def __init__(self) -> None:
        self.runs: list[RunRecords] = []

    def before(self, recorder: Recorder) -> Recorder:
        """Give a recorder that stands before the real one."""
        return _Before(self.runs, recorder)


class _Before:
    def __init__(self, runs: list[RunRecords], recorder: Recorder) -> None:
        self._runs = runs
        self._recorder = recorder

    def begin(self, run: RunRecord, listener: Listener) -> RunRecorder:
        records = MirroredRun(run, self._recorder.begin(run, listener))
        self._runs.append(records)
        return records
