"""Queries of log streams."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from meshkit.filters import Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.schema import among
from meshkit.session import Session
from workspace.store.base import Rows, columns, every, fetch, first, ignore_conflicts, insert_or
from workspace.store.lists import Listed, Place, beyond, listed, matching
from workspace.store.schema import Run
from workspace.store.schema_logs import LogRemoval, LogState, LogStream, RunLogUsage

_C = columns(LogStream)
_U = columns(RunLogUsage)

ORDERS = Orders((OrderKey("create_time", _C.create_time),), OrderKey("uid", _C.uid))
FIELDS = Fields(
    Field("run", Kind.STRING, _C.run, lambda log: log.run.rpartition("/")[2]),
    Field("step_id", Kind.STRING, _C.step_id),
)
_USAGE = Rows(
    RunLogUsage,
    every(RunLogUsage)
    .where(_U.project == sa.bindparam("project"), _U.run == sa.bindparam("run"))
    .with_for_update(),
    "project",
    "run",
)


def get(session: Session, project: str, log_stream: str) -> LogStream | None:
    return first(
        session, LogStream, every(LogStream).where(_C.project == project, _C.id == log_stream)
    )


def lock(session: Session, project: str, log_stream: str) -> LogStream | None:
    """The log stream, held until the commit: whoever opens or seals it holds it."""
    statement = every(LogStream).where(_C.project == project, _C.id == log_stream)
    return first(session, LogStream, statement.with_for_update())


def lock_usage(session: Session, project: str, run: str) -> RunLogUsage:
    """What the logs of a run are charged with, held until the commit."""
    found = _USAGE.first(session, project, run)
    if found is None:
        # Another replica may be as quick: whoever waited reads what it wrote.
        insert_or(session, [RunLogUsage(project, run)], ignore_conflicts)
        found = _USAGE.first(session, project, run)
        assert found
    return found


def save_usage(session: Session, row: RunLogUsage) -> None:
    session.connection().execute(
        sa.update(RunLogUsage.__table__)
        .where(_U.project == row.project, _U.run == row.run)
        .values(bytes=row.bytes, lines=row.lines)
    )


def of_uid(session: Session, uid: UUID) -> LogStream | None:
    return first(session, LogStream, every(LogStream).where(_C.uid == uid))


def of_uids(session: Session, uids: Sequence[UUID]) -> list[LogStream]:
    return fetch(session, LogStream, every(LogStream).where(among(_C.uid, uids)))


def list_page(
    session: Session, project: str, window: Window, filter_: Filter | None
) -> Listed[LogStream]:
    return listed(session, LogStream, window, _C.project == project, *matching(filter_))


def sealed_before(
    session: Session, created_before: datetime, after: Place | None, limit: int
) -> list[LogStream]:
    """Complete log streams of all projects that were made before a time, the oldest first."""
    statement = every(LogStream).where(
        _C.state == LogState.SEALED.value, _C.create_time < created_before, *beyond(_C, after)
    )
    order = (_C.create_time, _C.uid)
    return fetch(session, LogStream, statement.order_by(*order).limit(limit))


def removals(session: Session, limit: int) -> list[LogRemoval]:
    """Lines that are to go."""
    own = columns(LogRemoval)
    return fetch(session, LogRemoval, every(LogRemoval).order_by(own.uid).limit(limit))


def removed(session: Session, uids: Sequence[UUID]) -> None:
    """Forgets lines that are gone."""
    table = LogRemoval.__table__
    session.connection().execute(table.delete().where(session.among(table.c.uid, uids)))


def delete(session: Session, row: LogStream) -> None:
    session.connection().execute(sa.delete(LogStream.__table__).where(_C.uid == row.uid))


def open_after_run(session: Session, ended_before: datetime, limit: int) -> list[LogStream]:
    """Log streams of all projects that are still open though their run ended before a time."""
    runs = columns(Run)
    statement = (
        every(LogStream)
        .join(Run.__table__, sa.and_(runs.project == _C.project, runs.id == _C.run))
        .where(_C.state == LogState.OPEN.value, runs.end_time < ended_before)
        .order_by(_C.uid)
        .limit(limit)
    )
    return fetch(session, LogStream, statement)
