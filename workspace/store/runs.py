"""Queries of runs."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from meshkit.filters import Choices, Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.query import Query
from meshkit.schema import among, database_time_ms
from meshkit.session import Session
from workspace import names
from workspace.lifecycle import RUN_ACTIVE, RunState
from workspace.store import collections, values
from workspace.store.base import Rows, columns, every, fetch, insert_or
from workspace.store.collections import Collection
from workspace.store.lists import Listed, Visible, within
from workspace.store.schema import LateReport, Launch, Run, RunCounter, Step, StepAttempt
from workspace.store.schema_artifacts import CacheUse, LineageEdge
from workspace.store.schema_conditions import RunCondition
from workspace.store.schema_logs import LogStream, RunLogUsage
from workspace.store.schema_secrets import RunSecret
from workspace.store.schema_step_launches import StepLaunch

_C = columns(Run)
_S = columns(Step)
_E = columns(LineageEdge)
_COUNTERS = RunCounter.__table__

TRIGGERS = ("SDK", "SNAPSHOT", "RETRY", "EVENT", "SCHEDULE")
Key = tuple[str, str]

ORDERS = Orders((OrderKey("create_time", _C.create_time),), OrderKey("uid", _C.uid))


# The getters read messages: watches filter what events carry.
FIELDS = Fields(
    Field(
        "state",
        Kind.ENUM,
        _C.state,
        choices=Choices({state: n for n, state in enumerate(RunState, 1)}, "RUN_STATE_"),
    ),
    Field(
        "trigger",
        Kind.ENUM,
        _C.trigger,
        choices=Choices({trigger: n for n, trigger in enumerate(TRIGGERS, 1)}, "RUN_TRIGGER_"),
    ),
    Field("id", Kind.STRING, _C.id, lambda run: run.name.rpartition("/")[2]),
    Field("pipeline", Kind.STRING, _C.pipeline, lambda run: run.pipeline.rpartition("/")[2]),
    Field("snapshot", Kind.STRING, _C.snapshot, lambda run: run.snapshot.rpartition("/")[2]),
    Field("create_time", Kind.TIMESTAMP, _C.create_time),
    Field("creator", Kind.STRING, _C.creator),
    Field("labels", Kind.MAP, values.beside(Run, "labels")),
    Field("metadata", Kind.VALUES, values.beside(Run, "metadata")),
)


_IN_PROJECT = _C.project == sa.bindparam("in_project")
_BY_ID = every(Run).where(_IN_PROJECT, _C.id == sa.bindparam("run"))
_AMONG_IDS = every(Run).where(_IN_PROJECT, among(_C.id, "runs")).order_by(_C.uid)
_GET = Rows(Run, _BY_ID, "in_project", "run")
_LOCK = Rows(Run, _BY_ID.with_for_update(), "in_project", "run")
_LOCK_MANY = Rows(Run, _AMONG_IDS.with_for_update(), "in_project", "runs")
_EXISTING = Query(sa.select(_C.id).where(_IN_PROJECT, among(_C.id, "runs")), "in_project", "runs")
_STANDING = Query(
    sa.select(_C.uid, _C.end_time).where(_IN_PROJECT, _C.id == sa.bindparam("run")),
    "in_project",
    "run",
)


def get(session: Session, project: str, run: str) -> Run | None:
    return _GET.first(session, project, run)


def lock(session: Session, project: str, run: str) -> Run | None:
    """The run, held until the commit: whoever changes its steps holds it too."""
    return _LOCK.first(session, project, run)


def lock_many(session: Session, keys: Iterable[Key]) -> dict[Key, Run]:
    """Runs by (project, id), held until the commit; in one order, so that no two lock crosswise."""
    by_project: dict[str, list[str]] = defaultdict(list)
    for project, run in sorted(set(keys)):
        by_project[project].append(run)
    found: dict[Key, Run] = {}
    for project, runs in by_project.items():
        for row in _LOCK_MANY.all(session, project, runs):
            found[project, row.id] = row
    return found


def existing(session: Session, project: str, runs: Iterable[str]) -> set[str]:
    """Those of the ids that are taken."""
    return {id_ for (id_,) in _EXISTING.all(session.connection(), project, sorted(runs))}


def list_page(
    session: Session, visible: Visible, window: Window, filter_: Filter | None
) -> Listed[Run]:
    return collections.page(session, Run, window, _collection(session, visible), filter_)


def newest(session: Session, visible: Visible, filter_: Filter | None, limit: int) -> list[Run]:
    """The newest runs, newest first: the initial state of a watch."""
    return collections.newest(session, Run, _collection(session, visible), filter_, limit)


def _collection(session: Session, visible: Visible) -> Collection:
    one = next(iter(visible)) if visible and len(visible) == 1 else None
    scope = within(session, _C.project, visible)
    return Collection(values.runs_of(one) if one else "", scope)


def counts(session: Session, project: str) -> dict[str, int]:
    """Runs of a project in each state that has any."""
    table = _COUNTERS.c
    query = sa.select(table.state, table.count).where(table.project == project, table.count > 0)
    return dict(map(tuple, session.connection().execute(query)))


def count(session: Session, deltas: dict[tuple[str, str], int]) -> None:
    """Adds to the counters of (project, state); in one order, as locks are taken."""
    rows = [RunCounter(*key, delta) for key, delta in sorted(deltas.items()) if delta]
    insert_or(session, rows, _add)


def _add(statement: Any) -> Any:
    counters = columns(RunCounter)
    added = counters.count + statement.excluded.count
    key = [counters.project, counters.state]
    return statement.on_conflict_do_update(index_elements=key, set_={"count": added})


def touch(session: Session, alive: Sequence[tuple[Key, int]]) -> None:
    """Notes signs of life: (project, run) and how many milliseconds ago by the database's clock."""
    statement = (
        Run.__table__.update()
        .where(_C.project == sa.bindparam("in_project"), _C.id == sa.bindparam("in_run"))
        .values(heartbeat_ms=database_time_ms() - sa.bindparam("ago_ms", type_=sa.BigInteger))
    )
    rows = [{"in_project": p, "in_run": r, "ago_ms": ago} for (p, r), ago in sorted(alive)]
    if rows:
        session.connection().execute(statement, rows)


def active(session: Session) -> list[Run]:
    """Every run that has begun and not ended."""
    begun = session.among(_C.state, [str(s) for s in RUN_ACTIVE if s is not RunState.PENDING])
    return fetch(session, Run, every(Run).where(begun))


def time_ms(session: Session) -> int:
    """The database's clock, in milliseconds since 1970."""
    return int(session.connection().execute(sa.select(database_time_ms())).scalar_one())


def standing(session: Session, project: str, run: str) -> tuple[UUID, datetime | None] | None:
    """Uid and end of a run."""
    row = _STANDING.first(session.connection(), project, run)
    return (row[0], row[1]) if row else None


def set_launched(session: Session, run: Run) -> None:
    """Notes the workload of a run that was just made, and why it has to wait."""
    statement = (
        Run.__table__.update()
        .where(_C.uid == run.uid)
        .values(workload=run.workload, state_reason=run.state_reason)
    )
    session.connection().execute(statement)


def lock_silent(session: Session, keys: Sequence[Key]) -> list[Run]:
    """Those of the runs that are marked as silent, held until the commit."""
    ids_ = session.among(_C.id, sorted({run for _, run in keys}))
    statement = every(Run).where(ids_, _C.unresponsive_since.is_not(None)).order_by(_C.uid)
    wanted = set(keys)
    rows = fetch(session, Run, statement.with_for_update())
    return [row for row in rows if (row.project, row.id) in wanted]


def end_time(session: Session, project: str, run: str) -> tuple[bool, datetime | None]:
    """Whether the run exists, and when it ended."""
    found = standing(session, project, run)
    return found is not None, found[1] if found else None


def takers(session: Session, runs: Sequence[Run], limit: int) -> dict[UUID, list[str]]:
    """Names of other runs whose steps took what these made, so many of each."""
    made = (
        sa.select(_S.run_uid.label("maker"), _E.version_uid)
        .join_from(LineageEdge.__table__, Step.__table__, _S.uid == _E.step_uid)
        .where(session.among(_S.run_uid, [run.uid for run in runs]), _E.is_output)
        .subquery()
    )
    taken = (
        sa.select(made.c.maker, _S.project, _S.run)
        .distinct()
        .join_from(made, LineageEdge.__table__, _E.version_uid == made.c.version_uid)
        .join(Step.__table__, _S.uid == _E.step_uid)
        .where(~_E.is_output, _S.run_uid != made.c.maker)
        .subquery()
    )
    place = sa.func.row_number().over(partition_by=taken.c.maker, order_by=taken.c.run)
    placed = sa.select(taken, place.label("place")).subquery()
    query = sa.select(placed).where(placed.c.place <= limit).order_by(placed.c.run)
    found: dict[UUID, list[str]] = {}
    for maker, project, run, _place in session.connection().execute(query):
        found.setdefault(maker, []).append(names.run(project, run))
    return found


def delete(session: Session, run: Run) -> list[LogStream]:
    """Deletes a run with all that is its own, and answers its logs."""
    logs, usage, given = columns(LogStream), columns(RunLogUsage), columns(RunSecret)
    of_run = sa.and_(logs.project == run.project, logs.run == run.id)
    streams = fetch(session, LogStream, every(LogStream).where(of_run))
    steps = sa.select(_S.uid).where(_S.run_uid == run.uid)
    connection = session.connection()
    for cls, condition in (
        (LogStream, of_run),
        (RunLogUsage, sa.and_(usage.project == run.project, usage.run == run.id)),
        (RunSecret, sa.and_(given.project == run.project, given.run == run.id)),
        (LineageEdge, _E.step_uid.in_(steps)),
        (CacheUse, columns(CacheUse).step_uid.in_(steps)),
        (StepAttempt, columns(StepAttempt).step_uid.in_(steps)),
        (StepLaunch, columns(StepLaunch).run_uid == run.uid),
        (Step, _S.run_uid == run.uid),
        (LateReport, columns(LateReport).run_uid == run.uid),
        (RunCondition, columns(RunCondition).run_uid == run.uid),
        (Launch, columns(Launch).run_uid == run.uid),
        (Run, _C.uid == run.uid),
    ):
        connection.execute(cls.__table__.delete().where(condition))
    values.forget(session, [run.uid])
    return streams
