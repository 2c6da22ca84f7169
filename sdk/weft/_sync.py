"""Hands runs that were recorded on this machine over to a workspace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from weft._connection import Endpoint
from weft._records import (
    LogBatch,
    Metadata,
    Metric,
    Record,
    RunRecord,
    RunRecorder,
    RunReport,
    StepRecord,
    StepReport,
)
from weft._remote import RemoteRecorder
from weft._spool import read_spool
from weft._states import StopMode


def sync(endpoint: Endpoint, data: Path) -> Iterator[str]:
    """Replays every spooled run, oldest first; yields the name of each that is handed over.

    A file leaves the spool when the workspace holds all of it. Handing a run over twice is
    safe: the second time it is found to be there. Raises ApiError, RecordingError.
    """
    for path in sorted((data / "spool").glob("*.jsonl")):
        records = iter(read_spool(path))
        run = next(records, None)
        if isinstance(run, RunRecord):
            _hand_over(endpoint, run, records)
            yield run.name
        path.rename(path.with_suffix(".synced"))


def _hand_over(endpoint: Endpoint, run: RunRecord, records: Iterator[Record]) -> None:
    # The run's own uid is the reporter: a sync that was cut off goes on as the same one.
    recorder = RemoteRecorder(endpoint, replays=run.uid)
    recording = recorder.begin(run, _nobody_listens)
    for record in records:
        _replay(recording, record)
    recording.close()


def _replay(recording: RunRecorder, record: Record) -> None:
    match record:
        case StepRecord():
            recording.add_steps([record])
        case RunReport():
            recording.report_run(record)
        case StepReport():
            recording.report_step(record)
        case LogBatch():
            recording.append_logs(record)
        case Metadata():
            recording.write_metadata(record)
        case Metric():
            recording.write_metrics([record])


def _nobody_listens(_mode: StopMode, _reason: str) -> None:
    """The run ended long ago: nothing can be stopped."""
