"""Records of runs in memory: what a test reads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from weft._approval import Question, Verdict
from weft._records import (
    Alert,
    CacheCandidate,
    Given,
    Json,
    Listener,
    LogBatch,
    LogLine,
    Metadata,
    Metric,
    RunRecord,
    RunReport,
    StepRecord,
    StepReport,
    now,
)
from weft._states import RunState, StepState

T = TypeVar("T", Metric, Metadata)
if TYPE_CHECKING:
    from weft._apart import Apart

Answer = Callable[[Question], Verdict]


class Results:
    """What steps of earlier runs made, by step and key of the cache."""

    def __init__(self) -> None:
        self._by_key: dict[tuple[str, str], CacheCandidate] = {}
        self._latest: dict[str, CacheCandidate] = {}

    def add(self, step: str, found: CacheCandidate) -> None:
        """Keep a result."""
        self._by_key[step, found.key] = self._latest[step] = found

    def find(self, step: str, key: str, max_age_s: float | None) -> CacheCandidate | None:
        """Give the result with this key, else the step's latest."""
        for found in (self._by_key.get((step, key)), self._latest.get(step)):
            if found is None:
                continue
            age_s = (now() - found.create_time).total_seconds()
            if max_age_s is None or age_s <= max_age_s:
                return found
        return None

    def forget(self) -> None:
        """Have every step run again."""
        self._by_key.clear()
        self._latest.clear()


class RunRecords:
    """Everything that one run told, in order. Steps are named by their ids.

    Attributes:
        run: The run as it was created.
        steps: Its steps as they were declared, with the items of fan-outs.
        run_reports, step_reports: Its states.
    """

    def __init__(self, run: RunRecord, results: Results, answer: Answer | None) -> None:
        self.run = run
        self.steps: dict[str, StepRecord] = {}
        self.run_reports: list[RunReport] = []
        self.step_reports: list[StepReport] = []
        self._batches: list[LogBatch] = []
        self._metadata: list[Metadata] = []
        self._metrics: list[Metric] = []
        self._alerts: list[Alert] = []
        self._results = results
        self._answer = answer
        self._lock = threading.Lock()

    # What a test asks.

    @property
    def state(self) -> RunState:
        """The last state of the run."""
        return self.run_reports[-1].state if self.run_reports else RunState.PENDING

    @property
    def states(self) -> dict[str, StepState]:
        """The last state of every step, without the items of fan-outs."""
        found = {id_: StepState.PENDING for id_, step in self.steps.items() if not step.parent}
        found |= {r.step: r.state for r in self.step_reports if r.step in found}
        return found

    def lines(self, step: str = "") -> list[LogLine]:
        """What a step wrote to its log, printed or logged; of the whole run without a step."""
        with self._lock:
            batches = [batch for batch in self._batches if step in {"", batch.step}]
        return [line for batch in batches for line in batch.lines]

    def log(self, step: str = "") -> str:
        """The messages of `lines`, a line each."""
        return "\n".join(line.message for line in self.lines(step))

    def metrics(self, step: str = "") -> dict[str, float]:
        """The last value of each metric."""
        return {metric.name: metric.value for metric in self._of(step, self._metrics)}

    def curve(self, step: str, metric: str) -> list[tuple[float | None, float]]:
        """Every (x, value) of a metric, as they were logged."""
        return [(m.x, m.value) for m in self._of(step, self._metrics) if m.name == metric]

    def metadata(self, step: str = "") -> dict[str, Json]:
        """What was said with `log_metadata`, the last of each; of an output, `output.name`."""
        told = self._of(step, self._metadata)
        return {name: value for metadata in told for name, value in metadata.by_name.items()}

    @property
    def alerts(self) -> list[str]:
        """What people would have been told with `weft.alert`."""
        with self._lock:
            return [alert.text for alert in self._alerts]

    # What the engine tells: a RunRecorder.

    def add_steps(self, steps: Sequence[StepRecord]) -> None:
        """Keep steps."""
        with self._lock:
            self.steps.update({step.id: step for step in steps})

    def report_run(self, report: RunReport) -> None:
        """Keep a state of the run."""
        with self._lock:
            self.run_reports.append(report)

    def report_step(self, report: StepReport) -> None:
        """Keep a state of a step, and its result for later runs."""
        with self._lock:
            self.step_reports.append(report)
            if report.state is StepState.SUCCEEDED and report.cache_key:
                self._keep(report)

    def append_logs(self, batch: LogBatch) -> None:
        """Keep lines."""
        with self._lock:
            self._batches.append(batch)

    def write_metadata(self, metadata: Metadata) -> None:
        """Keep values."""
        with self._lock:
            self._metadata.append(metadata)

    def write_metrics(self, metrics: Sequence[Metric]) -> None:
        """Keep points."""
        with self._lock:
            self._metrics.extend(metrics)

    def write_alert(self, alert: Alert) -> None:
        """Keep what people would be told."""
        with self._lock:
            self._alerts.append(alert)

    def lookup_cache(self, step: str, key: str, max_age_s: float | None) -> CacheCandidate | None:
        """Find what an earlier run of the test made."""
        with self._lock:
            return self._results.find(step, key, max_age_s)

    def given(self) -> Mapping[str, Given]:
        """Nothing: this run retries none."""
        return {}

    @property
    def ask(self) -> Callable[[Question, threading.Event], Verdict] | None:
        """Asks the test, where it answers."""
        answer = self._answer
        return None if answer is None else lambda question, _: answer(question)

    @property
    def apart(self) -> Apart | None:
        """Every step is executed here."""
        return None

    def close(self) -> None:
        """Everything is there."""

    def _keep(self, report: StepReport) -> None:
        declared = self.steps.get(report.step)
        name = f"projects/{self.run.project}/runs/{self.run.name}/steps/{report.step}"
        parts, outputs = report.cache_components, report.outputs
        found = CacheCandidate(report.cache_key, name, report.time, parts, outputs)
        self._results.add((declared.parent if declared else "") or report.step, found)

    def _of(self, step: str, told: list[T]) -> list[T]:
        with self._lock:
            return [one for one in told if step in {"", one.step}]

    def __repr__(self) -> str:
        return f"<records of run {self.run.name} {self.state}>"


class MemoryRecorder:
    """Keeps the records of runs, and what their steps made."""

    def __init__(self) -> None:
        self.runs: list[RunRecords] = []
        self.results = Results()
        self.answer: Answer | None = None

    def begin(
        self,
        run: RunRecord,
        listener: Listener,  # noqa: ARG002 - nobody else can want anything of it
    ) -> RunRecords:
        """Open the records of a run."""
        records = RunRecords(run, self.results, self.answer)
        self.runs.append(records)
        return records
