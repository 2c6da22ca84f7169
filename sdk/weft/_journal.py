"""Records a run in the workspace and, until that has all of it, on this machine too.

A workspace that is away when the run ends keeps nobody waiting, and a process that dies takes
nothing with it: the file stays in the spool, and `weft sync` hands it over.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

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
from weft._spool import SpoolRecorder, SpoolRun
from weft.errors import RecordingError, UnavailableError

if TYPE_CHECKING:
    from weft._apart import Apart
    from weft._approval import Question, Verdict

_log = logging.getLogger("weft")


class JournaledRecorder:
    """Records in the workspace behind `remote`, with `spool` as the journal.

    `release` is called when the run has been closed.
    """

    def __init__(
        self, remote: Recorder, spool: SpoolRecorder, *, release: Callable[[], None]
    ) -> None:
        self._remote = remote
        self._spool = spool
        self._release = release

    def begin(self, run: RunRecord, listener: Listener) -> RunRecorder:
        """Creates the run; one whose workspace has just gone is recorded here alone."""
        try:
            recording = self._remote.begin(run, listener)
        except UnavailableError as error:
            self._release()
            _log.warning("%s: the run is recorded on this machine", error)
            return self._spool.begin(run, listener)
        except BaseException:
            self._release()
            raise
        return JournaledRun(recording, self._spool.begin(run, listener), self._release)


class JournaledRun:
    """One run, told to both in the same order: a replay of the file is the very same record."""

    def __init__(self, remote: RunRecorder, journal: SpoolRun, release: Callable[[], None]) -> None:
        self._remote = remote
        self._journal = journal
        self._release = release
        self._order = threading.Lock()
        # Lines may have to wait for the workspace; reports never wait behind them.
        self._line_order = threading.Lock()

    def add_steps(self, steps: Sequence[StepRecord]) -> None:
        """Declares steps."""
        with self._order:
            self._journal.add_steps(steps)
            self._remote.add_steps(steps)

    def report_run(self, report: RunReport) -> None:
        """Tells a state of the run."""
        with self._order:
            self._journal.report_run(report)
            self._remote.report_run(report)

    def report_step(self, report: StepReport) -> None:
        """Tells a state of a step."""
        with self._order:
            self._journal.report_step(report)
            self._remote.report_step(report)

    def append_logs(self, batch: LogBatch) -> None:
        """Hands over lines."""
        with self._line_order:
            self._journal.append_logs(batch)
            self._remote.append_logs(batch)

    def write_metadata(self, metadata: Metadata) -> None:
        """Keeps values."""
        with self._order:
            self._journal.write_metadata(metadata)
            self._remote.write_metadata(metadata)

    def write_metrics(self, metrics: Sequence[Metric]) -> None:
        """Keeps figures."""
        with self._order:
            self._journal.write_metrics(metrics)
            self._remote.write_metrics(metrics)

    def write_alert(self, alert: Alert) -> None:
        """Has people told something."""
        with self._order:
            self._journal.write_alert(alert)
            self._remote.write_alert(alert)

    def lookup_cache(self, step: str, key: str, max_age_s: float | None) -> CacheCandidate | None:
        """Finds an earlier result in the workspace."""
        return self._remote.lookup_cache(step, key, max_age_s)

    def given(self) -> Mapping[str, Given]:
        """Results from an earlier run, as the workspace has them."""
        return self._remote.given()

    @property
    def ask(self) -> Callable[[Question, threading.Event], Verdict] | None:
        """Asks people through the workspace."""
        return self._remote.ask

    @property
    def apart(self) -> Apart | None:
        """As the workspace's own record."""
        return self._remote.apart

    def close(self) -> None:
        """Waits a little for the workspace; what it does not have by then stays in the spool."""
        try:
            self._remote.close()
        except RecordingError as error:
            _log.warning("%s; the record is kept: `weft sync` hands it over", error)
        except KeyboardInterrupt:
            _log.warning("nobody waits any longer; the record is kept: `weft sync` hands it over")
            raise
        else:
            self._journal.discard()
        finally:
            self._journal.close()
            self._release()
