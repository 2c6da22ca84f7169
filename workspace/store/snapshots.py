"""Queries of snapshots; lists leave the graph out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from meshkit.filters import Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.query import Query
from meshkit.schema import among
from meshkit.session import Session
from workspace.store import collections, schedules, values
from workspace.store.base import Rows, columns, every, fetch
from workspace.store.collections import Collection
from workspace.store.lists import Listed, revision
from workspace.store.schema import Run
from workspace.store.schema_schedules import Schedule
from workspace.store.schema_snapshots import Snapshot
from workspace.store.schema_triggers import Trigger

_C = columns(Snapshot)
_R = columns(Run)

ORDERS = Orders((OrderKey("create_time", _C.create_time),), OrderKey("uid", _C.uid))
OLDEST_FIRST = Orders(
    (OrderKey("create_time", _C.create_time),), OrderKey("uid", _C.uid), "create_time"
)
FIELDS = Fields(
    Field("id", Kind.STRING, _C.id),
    Field("pipeline", Kind.STRING, _C.pipeline),
    Field("template", Kind.STRING, _C.template),
    Field("build", Kind.STRING, _C.build),
    Field("create_time", Kind.TIMESTAMP, _C.create_time),
    Field("labels", Kind.MAP, values.beside(Snapshot, "labels")),
)
# The large ones stay where they are: lists do not show them, and making a run does not need them.
_LARGE = {
    "spec": sa.literal({}, _C.spec.type),
    "parameters_schema": sa.null(),
    "graph": sa.literal([], _C.graph.type),
}


def _without(*names: str) -> sa.Select[Any]:
    return sa.select(*(_LARGE[c.name] if c.name in names else c for c in Snapshot.__table__.c))


_LISTED = _without("spec", "graph", "parameters_schema")
_IN_PROJECT = _C.project == sa.bindparam("in_project")
_GET = Rows(
    Snapshot,
    every(Snapshot).where(_IN_PROJECT, _C.id == sa.bindparam("snapshot")),
    "in_project",
    "snapshot",
)
_LOCK = Rows(
    Snapshot,
    every(Snapshot).where(_IN_PROJECT, _C.id == sa.bindparam("snapshot")).with_for_update(),
    "in_project",
    "snapshot",
)
_LOCK_TEMPLATE = Rows(
    Snapshot,
    every(Snapshot).where(_IN_PROJECT, _C.template == sa.bindparam("held")).with_for_update(),
    "in_project",
    "held",
)
_OF_TEMPLATE = Query(
    sa.select(_C.id).where(_IN_PROJECT, _C.template == sa.bindparam("held")), "in_project", "held"
)
_TO_RUN = Rows(
    Snapshot,
    _without("spec").where(_IN_PROJECT, among(_C.id, "snapshots")),
    "in_project",
    "snapshots",
)


def get(session: Session, project: str, snapshot: str) -> Snapshot | None:
    return _GET.first(session, project, snapshot)


def lock(session: Session, project: str, snapshot: str) -> Snapshot | None:
    """The snapshot, held until the commit."""
    return _LOCK.first(session, project, snapshot)


def lock_template(session: Session, project: str, template: str) -> Snapshot | None:
    """The snapshot that holds a template's name, held until the commit."""
    return _LOCK_TEMPLATE.first(session, project, template)


def of_template(session: Session, project: str, template: str) -> str | None:
    """The id of the snapshot that is published under a name."""
    found = _OF_TEMPLATE.first(session.connection(), project, template)
    return found[0] if found else None


def users(session: Session, snapshot: Snapshot, limit: int) -> list[str]:
    """Names of runs that were made of a snapshot, newest first, and of schedules that run it."""
    query = (
        sa.select(_R.id)
        .where(_R.project == snapshot.project, _R.snapshot == snapshot.id)
        .order_by(_R.create_time.desc())
        .limit(limit)
    )
    found = session.connection().execute(query).scalars()
    runs = [f"projects/{snapshot.project}/runs/{id_}" for id_ in found]
    left = limit - len(runs)
    return runs + schedules.of_snapshot(session, snapshot.project, snapshot.id, left)


def oldest(session: Session, project: str, window: Window, before: datetime) -> Listed[Snapshot]:
    """A page of the snapshots that are older than a time, without what is long."""
    old = _LISTED.where(_C.project == project, _C.create_time < before)
    return Listed(fetch(session, Snapshot, window.apply(old)), revision(session))


def lock_many(session: Session, uids: Sequence[UUID]) -> list[Snapshot]:
    """Snapshots, held until the commit, in one order."""
    query = every(Snapshot).where(session.among(_C.uid, uids)).order_by(_C.uid)
    return fetch(session, Snapshot, query.with_for_update())


def used(session: Session, project: str, snapshots: Sequence[str]) -> set[str]:
    """Those of the snapshots, by id, that runs were made of, or schedules and triggers run."""
    found: set[str] = set()
    for cls in (Run, Schedule, Trigger):
        c = columns(cls)
        query = sa.select(c.snapshot).distinct()
        query = query.where(c.project == project, session.among(c.snapshot, snapshots))
        found.update(session.connection().execute(query).scalars())
    return found


def delete(session: Session, snapshot: Snapshot) -> None:
    session.connection().execute(Snapshot.__table__.delete().where(_C.uid == snapshot.uid))
    values.forget(session, [snapshot.uid])


def to_run(session: Session, project: str, snapshots: set[str]) -> dict[str, Snapshot]:
    """What making runs needs of snapshots, by id."""
    return {row.id: row for row in _TO_RUN.all(session, project, sorted(snapshots))}


def default_parameters(session: Session, snapshot: Snapshot) -> dict[str, Any]:
    """The default values in a snapshot's graph."""
    query = sa.select(_C.spec["parameters"]).where(_C.uid == snapshot.uid)
    return session.connection().execute(query).scalar_one() or {}


def list_page(
    session: Session, project: str, window: Window, filter_: Filter | None
) -> Listed[Snapshot]:
    collection = Collection(values.snapshots_of(project), [_C.project == project])
    return collections.page(session, Snapshot, window, collection, filter_, selected=_LISTED)
