"""Queries of pipelines."""

import sqlalchemy as sa

from meshkit.paging import OrderKey, Orders, Window
from meshkit.query import Query
from meshkit.schema import among
from meshkit.session import Session
from workspace.store.base import Row, Rows, columns, every
from workspace.store.lists import Listed, listed
from workspace.store.schema import Run
from workspace.store.schema_snapshots import Build, Pipeline, Snapshot

_C = columns(Pipeline)
_USERS: dict[str, type[Row]] = {"runs": Run, "snapshots": Snapshot, "builds": Build}

ORDERS = Orders((OrderKey("create_time", _C.create_time),), OrderKey("uid", _C.uid))


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


def list_page(session: Session, project: str, window: Window) -> Listed[Pipeline]:
    return listed(session, Pipeline, window, _C.project == project)
