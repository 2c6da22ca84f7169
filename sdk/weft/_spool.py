"""Keeps runs on this machine when no workspace is reachable: one file of JSON lines per run.

`weft sync` replays these files: `read_spool` yields the very records that the recorder was given,
in order. A line is whole or, after a crash, the last one of its file, which is then left out.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from weft import _json
from weft._records import (
    Alert,
    CacheCandidate,
    Given,
    Listener,
    LogBatch,
    Metadata,
    Metric,
    Record,
    RunRecord,
    RunReport,
    StepRecord,
    StepReport,
    now,
)
from weft._states import StepState


class SpoolRecorder:
    """Records runs under a folder: `spool/<run>.jsonl`, and an index of cached results."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(
        self,
        run: RunRecord,
        listener: Listener,  # noqa: ARG002 - nobody else can want anything of it
    ) -> SpoolRun:
        """Open the run's file."""
        return SpoolRun(self._folder, run)


class SpoolRun:
    """The file of one run."""

    def __init__(self, folder: Path, run: RunRecord) -> None:
        self._run = run
        self._cache = folder / "cache" / run.project
        self._lock = threading.Lock()
        self.path = folder / "spool" / f"{run.name}.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[str] = self.path.open("x", encoding="utf-8")
        # Says that the run goes on: `weft sync` leaves it alone until this process is done.
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._parents: dict[str, str] = {}
        self._write(run)

    def add_steps(self, steps: Sequence[StepRecord]) -> None:
        """Keep the steps."""
        self._parents |= {step.id: step.parent for step in steps if step.parent}
        self._write(*steps)

    def report_run(self, report: RunReport) -> None:
        """Keep a state of the run."""
        self._write(report)

    def report_step(self, report: StepReport) -> None:
        """Keep a state of a step, and index its result."""
        self._write(report)
        if report.state is StepState.SUCCEEDED and report.cache_key:
            self._index(report)

    def append_logs(self, batch: LogBatch) -> None:
        """Keep lines."""
        self._write(batch)

    def write_metadata(self, metadata: Metadata) -> None:
        """Keep values."""
        self._write(metadata)

    def write_metrics(self, metrics: Sequence[Metric]) -> None:
        """Keep points."""
        self._write(*metrics)

    def write_alert(self, alert: Alert) -> None:
        """Keep what people are told when the run is handed over."""
        self._write(alert)

    def lookup_cache(self, step: str, key: str, max_age_s: float | None) -> CacheCandidate | None:
        """Find an earlier result of this machine."""
        folder = self._cache / step
        for file in (folder / f"{key}.json", folder / "latest.json"):
            found = _read_candidate(file)
            if found is not None and _is_young(found, max_age_s):
                return found
        return None

    def given(self) -> Mapping[str, Given]:
        """Nothing: this run retries none."""
        return {}

    @property
    def ask(self) -> None:
        """Nobody else reads this file."""
        return

    @property
    def apart(self) -> None:
        """No workload manager reads this file."""
        return

    def close(self) -> None:
        """Flush to disk."""
        with self._lock:
            if not self._file.closed:
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()

    def discard(self) -> None:
        """Forget the run: somebody else has all of it."""
        with self._lock:
            self.path.unlink(missing_ok=True)
            self._file.close()

    def _write(self, *records: Record) -> None:
        lines = "".join(f"{_dump(record)}\n" for record in records)
        with self._lock:
            if not self._file.closed:  # a step that was left behind may still speak
                self._file.write(lines)
                self._file.flush()

    def _index(self, report: StepReport) -> None:
        name = f"projects/{self._run.project}/runs/{self._run.name}/steps/{report.step}"
        candidate = CacheCandidate(
            report.cache_key,
            name,
            report.time,
            report.cache_components,
            report.outputs,
        )
        folder = self._cache / self._parents.get(report.step, report.step)
        folder.mkdir(parents=True, exist_ok=True)
        text = _dump(candidate)
        for file in (f"{report.cache_key}.json", "latest.json"):
            _replace(folder / file, text)


def read_spool(path: Path) -> Iterator[Record]:
    """Yield the records of a run's file, in order."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                yield _json.decode(json.loads(line))


def _dump(value: Any) -> str:
    return json.dumps(_json.encode(value), separators=(",", ":"))


def _read_candidate(file: Path) -> CacheCandidate | None:
    try:
        found = _json.decode(json.loads(file.read_text()))
    except FileNotFoundError:
        return None
    return found if isinstance(found, CacheCandidate) else None


def _is_young(found: CacheCandidate, max_age_s: float | None) -> bool:
    return max_age_s is None or (now() - found.create_time).total_seconds() <= max_age_s


def _replace(file: Path, text: str) -> None:
    """Put a whole file in place, so that a reader never sees half of it."""
    part = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}")
    part.write_text(text)
    part.replace(file)
