"""Making up for times of a schedule that passed before it was there, or while it rested."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from meshkit.errors import FieldViolation, InvalidArgument
from meshkit.session import Session
from workspace.operations import schedules, starts
from workspace.operations.schedule_log import add_line
from workspace.operations.schedules import ScheduleKey
from workspace.store import runs as run_store
from workspace.store.schema import Run
from workspace.store.schema_schedules import Outcome, Schedule

# So many times one call makes up for.
MOST = 100
_TICK = timedelta(microseconds=1)
# Nothing was scheduled before; a moment less is a time too.
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Backfilled:
    """The runs that were made, and how many times of the span had theirs."""

    runs: Sequence[Run]
    present: int


def backfill(
    session: Session, key: ScheduleKey, start: datetime, end: datetime | None, *, requester: str
) -> Backfilled:
    """Makes the runs that are missing of the times in [start, end], as whoever asks."""
    row = schedules.held(session, key, "")
    times = _times(session, row, start, end)
    ids = {schedules.run_id(row, time): time for time in times}
    present = run_store.existing(session, row.project, ids)
    runs = []
    for id_, time in ids.items():
        if id_ not in present:
            new = schedules.new_run(session, row, id_=id_, creator=requester, time=time)
            runs.append(starts.start(session, new))
            add_line(session, row, time, Outcome.STARTED, run=id_, requester=requester)
    session.audited(resource=row.name)
    if runs:
        # Whoever looks at its history reads it again.
        schedules.save(session, row, ())
    return Backfilled(runs, len(present))


def _times(
    session: Session, row: Schedule, start: datetime, end: datetime | None
) -> list[datetime]:
    """The times of the span that the schedule does not fire at by itself; InvalidArgument."""
    end = end or session.now
    if end > session.now:
        raise _bad("end_time", "must not lie ahead: the schedule fires then by itself")
    if end < start:
        raise _bad("end_time", "must not lie before start_time")

    def is_past(time: datetime) -> bool:
        return time <= end and (row.next_run_time is None or time < row.next_run_time)

    times = itertools.takewhile(is_past, schedules.timing_of(row).after(max(start, _EPOCH) - _TICK))
    found = list(itertools.islice(times, MOST + 1))
    if len(found) > MOST:
        last = f"{found[-2]:%Y-%m-%dT%H:%M:%SZ}"
        raise _bad("end_time", f"must leave at most {MOST} times: the last of these is {last}")
    return found


def _bad(field: str, problem: str) -> InvalidArgument:
    violations = [FieldViolation(field, problem)]
    return InvalidArgument("INVALID_FIELDS", f"{field} {problem}.", violations=violations)
