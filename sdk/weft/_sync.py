"""Hands runs that were recorded on this machine over to a workspace."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from weft._connection import Endpoint
from weft._records import (
    Alert,
    Failure,
    LogBatch,
    Metadata,
    Metric,
    Nobody,
    Record,
    RunRecord,
    RunRecorder,
    RunReport,
    StepRecord,
    StepReport,
    now,
)
from weft._remote import RemoteRecorder
from weft._spool import read_spool
from weft._states import RunState
from weft.errors import NotSignedInError, UnavailableError, WeftError

_CLOSE_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Synced:
    """A run of the spool: handed over where `error` is None, else kept."""

    run: str
    error: Exception | None = None


def sync(endpoint: Endpoint, data: Path) -> Iterator[Synced]:
    """Replays every spooled run that has ended, oldest first; one whose process died has FAILED.

    A file leaves the spool when the workspace holds all of it. Handing a run over twice is
    safe: the second time it is found to be there. One that cannot be handed over keeps none of
    the others. Raises UnavailableError where the workspace is away, and NotSignedInError.
    """
    for path in sorted((data / "spool").glob("*.jsonl")):
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                # Its process is not done with it, or another `weft sync` is at it.
                continue
            yield from _settle(endpoint, path)


def _settle(endpoint: Endpoint, path: Path) -> Iterator[Synced]:
    try:
        records = iter(read_spool(path))
        run = next(records, None)
        if isinstance(run, RunRecord):
            _hand_over(endpoint, run, records)
            yield Synced(run.name)
    except (UnavailableError, NotSignedInError):
        raise
    except (WeftError, ValueError, TypeError) as error:
        yield Synced(path.stem, error)
        return
    path.rename(path.with_suffix(".synced"))


def _hand_over(endpoint: Endpoint, run: RunRecord, records: Iterator[Record]) -> None:
    recorder = RemoteRecorder(endpoint, replays=True, close_timeout_s=_CLOSE_TIMEOUT_S)
    recording = recorder.begin(run, Nobody())
    try:
        for kind, neighbours in groupby(_with_end(records), type):
            if kind is StepRecord:
                # The items of a fan-out come in thousands: many in one call.
                recording.add_steps([r for r in neighbours if isinstance(r, StepRecord)])
                continue
            for record in neighbours:
                _replay(recording, record)
    finally:
        recording.close()


def _with_end(records: Iterator[Record]) -> Iterator[Record]:
    """The records, and the end that a killed process could not tell.

    Nobody holds its file any more, so nobody executes the run; its steps share its fate.
    """
    state, time = RunState.PENDING, now()
    for record in records:
        if isinstance(record, RunReport):
            state = record.state
        if isinstance(record, RunReport | StepReport):
            time = record.time
        yield record
    if state.is_final:
        return
    reason = "the process that executed it ended without a word"
    if state is RunState.STOPPING:
        yield RunReport(0, RunState.STOPPED, time, reason)
    else:
        failure = Failure("INFRASTRUCTURE", "PROCESS_DIED", reason)
        yield RunReport(0, RunState.FAILED, time, reason, failure)


def _replay(recording: RunRecorder, record: Record) -> None:
    match record:
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
        case Alert():
            recording.write_alert(record)
