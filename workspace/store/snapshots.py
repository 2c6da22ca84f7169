"""Queries of snapshots; lists leave the graph out."""

from typing import Any

import sqlalchemy as sa

from meshkit.filters import Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session
from workspace.store.base import columns, every, fetch, first
from workspace.store.lists import Listed, matching, revision
from workspace.store.schema import Snapshot

_C = columns(Snapshot)

ORDERS = Orders((OrderKey("create_time", _C.create_time),), OrderKey("uid", _C.uid))
FIELDS = Fields(
    Field("pipeline", Kind.STRING, _C.pipeline),
    Field("create_time", Kind.TIMESTAMP, _C.create_time),
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
_TO_RUN = _without("spec")


def get(session: Session, project: str, snapshot: str) -> Snapshot | None:
    return first(session, Snapshot, every(Snapshot).where(_C.project == project, _C.id == snapshot))


def to_run(session: Session, project: str, snapshots: set[str]) -> dict[str, Snapshot]:
    """What making runs needs of snapshots, by id."""
    wanted = session.among(_C.id, sorted(snapshots))
    rows = fetch(session, Snapshot, _TO_RUN.where(_C.project == project, wanted))
    return {row.id: row for row in rows}


def default_parameters(session: Session, snapshot: Snapshot) -> dict[str, Any]:
    """The default values in a snapshot's graph."""
    query = sa.select(_C.spec["parameters"]).where(_C.uid == snapshot.uid)
    return session.connection().execute(query).scalar_one() or {}


def list_page(
    session: Session, project: str, window: Window, filter_: Filter | None
) -> Listed[Snapshot]:
    statement = window.apply(_LISTED.where(_C.project == project, *matching(filter_)))
    return Listed(fetch(session, Snapshot, statement), revision(session))
