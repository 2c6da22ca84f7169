"""Queries of pipelines."""

from collections.abc import Sequence

import sqlalchemy as sa

from meshkit.filters import Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.query import Query
from meshkit.schema import among
from meshkit.session import Session
from workspace.store.base import Row, Rows, columns, every
from workspace.store.lists import Listed, listed, matching, revision
from workspace.store.schema import Run
from workspace.store.schema_snapshots import Build, Pipeline, Snapshot

_C = columns(Pipeline)
_USERS: dict[str, type[Row]] = {"runs": Run, "snapshots": Snapshot, "builds": Build}

ORDERS = Orders(
    (OrderKey("create_time", _C.create_time), OrderKey("name", _C.id, value=lambda row: row.id)),
    OrderKey("uid", _C.uid),
)
FIELDS = Fields(
    Field("id", Kind.STRING, _C.id),
    Field("display_name", Kind.STRING, _C.display_name),
    Field("create_time", Kind.TIMESTAMP, _C.create_time),
    Field("labels", Kind.MAP, _C.labels),
)

_IN_PROJECT = _C.project == sa.bindparam("in_project")
_GET = Rows(
    Pipeline,
    every(Pipeline).where(_IN_PROJECT, _C.id == sa.bindparam("pipeline")),
    "in_project",
    "pipeline",
)
_LOCK = Rows(
    Pipeline,
    every(Pipeline).where(_IN_PROJECT, _C.id == sa.bindparam("pipeline")).with_for_update(),
    "in_project",
    "pipeline",
)
_EXISTING = Query(
    sa.select(_C.id).where(_IN_PROJECT, among(_C.id, "pipelines")), "in_project", "pipelines"
)

_R = columns(Run)
# As an alias, so that the database looks into it once for each pipeline.
_N = Run.__table__.alias("newest")
_NEWEST = (
    sa.select(_N.c.uid)
    .where(_N.c.project == _C.project, _N.c.pipeline == _C.id)
    .order_by(_N.c.create_time.desc(), _N.c.uid.desc())
    .limit(sa.bindparam("most", type_=sa.Integer))
    .correlate(Pipeline.__table__)
)


def _latest(source: sa.FromClause) -> Rows[Run]:
    """Newest runs of pipelines, from what joins each run to its pipeline."""
    statement = (
        every(Run)
        .select_from(source)
        .where(_IN_PROJECT, among(_C.id, "pipelines"))
        .order_by(_R.pipeline, _R.create_time.desc(), _R.uid.desc())
    )
    return Rows(Run, statement, "in_project", "pipelines", "most")


_PLACES = _NEWEST.lateral("places")
# SQLite knows no LATERAL, and PostgreSQL would look at every run for an IN that is correlated.
_LATEST = {
    "sqlite": _latest(Pipeline.__table__.join(Run.__table__, _R.uid.in_(_NEWEST))),
    "postgresql": _latest(
        Pipeline.__table__.join(_PLACES, sa.true()).join(Run.__table__, _R.uid == _PLACES.c.uid)
    ),
}


def get(session: Session, project: str, pipeline: str) -> Pipeline | None:
    return _GET.first(session, project, pipeline)


def lock(session: Session, project: str, pipeline: str) -> Pipeline | None:
    """The pipeline, held until the commit."""
    return _LOCK.first(session, project, pipeline)


def users(session: Session, pipeline: Pipeline, limit: int) -> list[str]:
    """Names of what belongs to a pipeline: some runs, snapshots and builds, newest first."""
    found: list[str] = []
    for collection, cls in _USERS.items():
        own = columns(cls)
        query = (
            sa.select(own.id)
            .where(own.project == pipeline.project, own.pipeline == pipeline.id)
            .order_by(own.create_time.desc())
            .limit(limit)
        )
        ids = session.connection().execute(query).scalars()
        found += [f"projects/{pipeline.project}/{collection}/{id_}" for id_ in ids]
    return found[:limit]


def delete(session: Session, pipeline: Pipeline) -> None:
    session.connection().execute(Pipeline.__table__.delete().where(_C.uid == pipeline.uid))


def existing(session: Session, project: str, pipelines: set[str]) -> set[str]:
    """Those of the pipelines that exist."""
    found = _EXISTING.all(session.connection(), project, sorted(pipelines))
    return {id_ for (id_,) in found}


def list_page(
    session: Session, project: str, window: Window, filter_: Filter | None
) -> Listed[Pipeline]:
    return listed(session, Pipeline, window, _C.project == project, *matching(filter_))


def latest_runs(
    session: Session, project: str, pipelines: Sequence[str], limit: int
) -> Listed[Run]:
    """The newest runs of each pipeline, so many at most."""
    query = _LATEST[session.get_bind().dialect.name]
    return Listed(query.all(session, project, list(pipelines), limit), revision(session))
