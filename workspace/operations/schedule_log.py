"""The log of what became of the times of schedules."""

from datetime import datetime, timedelta

from meshkit.ids import new_uid
from meshkit.session import Session
from workspace.store import schedules as store
from workspace.store.base import insert
from workspace.store.schema_schedules import Outcome, Schedule, ScheduleFiring

KEPT = timedelta(days=90)


def log_firing(
    session: Session,
    row: Schedule,
    time: datetime,
    outcome: Outcome,
    *,
    until: datetime | None = None,
    reason: str = "",
    message: str = "",
    run: str = "",
    requester: str = "",
) -> None:
    """Adds a line, and notes it at the schedule, which the caller saves."""
    add_line(
        session,
        row,
        time,
        outcome,
        until=until,
        reason=reason,
        message=message,
        run=run,
        requester=requester,
    )
    row.last_outcome, row.last_message, row.last_fire_time = outcome.value, message, until or time


def add_line(
    session: Session,
    row: Schedule,
    time: datetime,
    outcome: Outcome,
    *,
    until: datetime | None = None,
    reason: str = "",
    message: str = "",
    run: str = "",
    requester: str = "",
) -> None:
    """Adds a line that says nothing of how the schedule stands."""
    line = ScheduleFiring(
        new_uid(),
        row.uid,
        row.project,
        row.id,
        time,
        outcome.value,
        session.now,
        until,
        reason,
        message,
        run,
        requester,
    )
    insert(session, [line])
    store.forget(session, row.uid, session.now - KEPT)
