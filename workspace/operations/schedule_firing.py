"""Firing: the one transaction that advances a schedule and makes the run of its time.

Whoever fires holds the schedule's row, and finds its times there: a replica that comes second
finds none left, and a process that dies on the way leaves all of it undone. The run is named
after the schedule and its time, so that even the database would refuse a second one.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from meshkit.errors import MeshError
from meshkit.jobs import Lease
from meshkit.session import Session
from workspace.lifecycle import RUN_TERMINAL
from workspace.operations import schedules, starts
from workspace.operations.schedule_log import log_firing
from workspace.store import runs as run_store
from workspace.store import schedules as store
from workspace.store.schema_schedules import (
    CatchUp,
    Outcome,
    Overlap,
    Schedule,
    ScheduleState,
)

# Why somebody may not do something somewhere; None where they may.
Rights = Callable[[str, str, str], MeshError | None]
# What a run of a snapshot takes, whoever starts it.
RUN = "snapshots.run"
# Later than this, a time was missed.
_LATE = timedelta(minutes=5)
_DEFAULT_LIMIT = 10
_TICK = timedelta(microseconds=1)
_WRITTEN = (
    "state",
    "next_run_time",
    "buffered_time",
    "run_count",
    "last_run",
    "last_outcome",
    "last_message",
    "last_fire_time",
)


def fire(session: Session, lease: Lease, uid: UUID, rights: Rights) -> bool:
    """Does what is due for a schedule; whether there was anything."""
    lease.check(session)
    row = store.lock_uid(session, uid)
    if row is None or row.state == ScheduleState.PAUSED:
        return False
    firing = _Firing(session, row, rights)
    has_fired = firing.release()
    if row.next_run_time and row.next_run_time <= session.now:
        firing.catch_up(row.next_run_time)
        schedules.advance(session, row)
        has_fired = True
    if has_fired:
        schedules.save(session, row, _WRITTEN)
    return has_fired


class _Firing:
    """The times of one schedule that have come."""

    def __init__(self, session: Session, row: Schedule, rights: Rights) -> None:
        self._session = session
        self._row = row
        self._rights = rights

    def release(self) -> bool:
        """Starts what waited for a run that has ended; whether it did."""
        time = self._row.buffered_time
        if time is None or self._goes_on():
            return False
        self._row.buffered_time = None
        self._start(time)
        return True

    def catch_up(self, first: datetime) -> None:
        """Goes through the times from `first` to now, as the schedule says."""
        row, now = self._row, self._session.now
        most = (row.catch_up_limit or _DEFAULT_LIMIT) if row.catch_up == CatchUp.ALL else 1
        timing = schedules.timing_of(row)
        times = timing.newest(first - _TICK, now, most)
        if row.catch_up == CatchUp.NONE:
            times = [time for time in times if now - time <= _LATE]
        if not times or times[0] > first:
            end = (times[0] if times else now) - _TICK
            # A new time zone database may know nothing of the time that an older one named.
            self._miss(first, next(iter(timing.newest(first - _TICK, end, 1)), first))
        for time in times:
            if row.max_runs and row.run_count >= row.max_runs:
                return
            self._come(time)

    def _miss(self, first: datetime, last: datetime) -> None:
        log_firing(
            self._session,
            self._row,
            first,
            Outcome.SKIPPED,
            until=last if last > first else None,
            reason="MISSED",
            message="Nobody was there to see its time pass, and it is not made up for.",
        )

    def _come(self, time: datetime) -> None:
        """A time has come: it starts a run, waits for one, or is skipped."""
        row = self._row
        if row.overlap == Overlap.ALLOW or not self._goes_on():
            self._start(time)
        elif row.overlap == Overlap.BUFFER_ONE and row.buffered_time is None:
            row.buffered_time = time
            told = f"Waits for {row.last_run} to end."
            log_firing(self._session, row, time, Outcome.BUFFERED, reason="OVERLAP", message=told)
        else:
            told = f"{row.last_run} goes on."
            log_firing(self._session, row, time, Outcome.SKIPPED, reason="OVERLAP", message=told)

    def _start(self, time: datetime) -> None:
        row = self._row
        refusal = self._run(time)
        if refusal:
            log_firing(
                self._session,
                row,
                time,
                Outcome.FAILED,
                reason=refusal.reason,
                message=refusal.message,
            )

    def _run(self, time: datetime) -> MeshError | None:
        """Makes the run of a time; why it could not be made."""
        row = self._row
        id_ = schedules.run_id(row, time)
        try:
            snapshot = schedules.snapshot_of(self._session, row)
            if refusal := self._rights(row.creator, RUN, snapshot):
                return refusal
            new = schedules.new_run(self._session, row, id_=id_, creator=row.creator, time=time)
            run = starts.start(self._session, new)
        except MeshError as error:
            # A neighbour in another process spoiled the transaction: it is done again, whole.
            if isinstance(error.__cause__, IntegrityError):
                raise
            return error
        row.last_run, row.run_count = run.id, row.run_count + 1
        log_firing(self._session, row, time, Outcome.STARTED, run=run.id)
        return None

    def _goes_on(self) -> bool:
        """Whether the newest run has not ended."""
        row = self._row
        run = run_store.get(self._session, row.project, row.last_run) if row.last_run else None
        return run is not None and run.state not in RUN_TERMINAL
