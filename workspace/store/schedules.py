"""Queries of schedules, and of what became of their times."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from meshkit.filters import Choices, Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session
from workspace.store.base import Rows, columns, every
from workspace.store.lists import Listed, listed, matching
from workspace.store.schema_schedules import Outcome, Schedule, ScheduleFiring, ScheduleState

_C = columns(Schedule)
_F = columns(ScheduleFiring)

_STATES = Choices({state: n for n, state in enumerate(ScheduleState, 1)}, "SCHEDULE_STATE_")
_OUTCOMES = Choices({outcome: n for n, outcome in enumerate(Outcome, 1)}, "FIRING_OUTCOME_")

ORDERS = Orders(
    (OrderKey("name", _C.id, value=lambda row: row.id), OrderKey("create_time", _C.create_time)),
    OrderKey("uid", _C.uid),
    default="name",
)
FIELDS = Fields(
    Field("state", Kind.ENUM, _C.state, choices=_STATES),
    Field("snapshot", Kind.STRING, _C.snapshot),
    Field("creator", Kind.STRING, _C.creator),
    Field("create_time", Kind.TIMESTAMP, _C.create_time),
)
FIRING_ORDERS = Orders((OrderKey("create_time", _F.create_time),), OrderKey("uid", _F.uid))
FIRING_FIELDS = Fields(
    Field("outcome", Kind.ENUM, _F.outcome, choices=_OUTCOMES),
    Field("create_time", Kind.TIMESTAMP, _F.create_time),
)

_BY_ID = every(Schedule).where(
    _C.project == sa.bindparam("in_project"), _C.id == sa.bindparam("id_")
)
_GET = Rows(Schedule, _BY_ID, "in_project", "id_")
_LOCK = Rows(Schedule, _BY_ID.with_for_update(), "in_project", "id_")
_LOCK_UID = Rows(
    Schedule, every(Schedule).where(_C.uid == sa.bindparam("id_")).with_for_update(), "id_"
)


def get(session: Session, project: str, schedule: str) -> Schedule | None:
    return _GET.first(session, project, schedule)


def lock(session: Session, project: str, schedule: str) -> Schedule | None:
    """The schedule, held until the commit."""
    return _LOCK.first(session, project, schedule)


def lock_uid(session: Session, uid: UUID) -> Schedule | None:
    """The schedule of a uid, held until the commit: who fires it comes before who changes it."""
    return _LOCK_UID.first(session, uid)


def list_page(
    session: Session, project: str, window: Window, filter_: Filter | None
) -> Listed[Schedule]:
    return listed(session, Schedule, window, _C.project == project, *matching(filter_))


def due(session: Session, now: datetime, limit: int) -> list[UUID]:
    """Schedules whose time has come, longest waiting first."""
    query = sa.select(_C.uid).where(_C.next_run_time <= now).order_by(_C.next_run_time)
    return list(session.connection().execute(query.limit(limit)).scalars())


def buffering(session: Session, limit: int) -> list[UUID]:
    """Schedules of which a time waits for a run to end."""
    query = sa.select(_C.uid).where(_C.buffered_time.is_not(None), _C.state != ScheduleState.PAUSED)
    return list(
        session.connection().execute(query.order_by(_C.buffered_time).limit(limit)).scalars()
    )


def of_snapshot(session: Session, project: str, snapshot: str, limit: int) -> list[str]:
    """The names of schedules that run a snapshot."""
    return _named(session, project, _C.snapshot == snapshot, limit)


def of_template(session: Session, project: str, template: str, limit: int) -> list[str]:
    """The names of schedules that run whatever is published as a template."""
    return _named(session, project, _C.template == template, limit)


def _named(
    session: Session, project: str, condition: sa.ColumnElement[bool], limit: int
) -> list[str]:
    query = sa.select(_C.id).where(_C.project == project, condition).order_by(_C.uid).limit(limit)
    found: Sequence[str] = session.connection().execute(query).scalars().all()
    return [f"projects/{project}/schedules/{id_}" for id_ in found]


def delete(session: Session, schedule: Schedule) -> None:
    """The schedule and its history."""
    connection = session.connection()
    connection.execute(ScheduleFiring.__table__.delete().where(_F.schedule_uid == schedule.uid))
    connection.execute(Schedule.__table__.delete().where(_C.uid == schedule.uid))


def forget(session: Session, schedule: UUID, before: datetime) -> None:
    """What became of its times long ago."""
    table = ScheduleFiring.__table__
    old = table.delete().where(_F.schedule_uid == schedule, _F.create_time < before)
    session.connection().execute(old)


def list_firings(
    session: Session, schedule: UUID, window: Window, filter_: Filter | None
) -> Listed[ScheduleFiring]:
    return listed(session, ScheduleFiring, window, _F.schedule_uid == schedule, *matching(filter_))
