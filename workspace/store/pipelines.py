"""Queries of pipelines."""

import sqlalchemy as sa

from meshkit.paging import OrderKey, Orders, Window
from meshkit.query import Query
from meshkit.schema import among
from meshkit.session import Session
from workspace.store.base import Rows, columns, every
from workspace.store.lists import Listed, listed
from workspace.store.schema import Pipeline

_C = columns(Pipeline)

ORDERS = Orders((OrderKey("create_time", _C.create_time),), OrderKey("uid", _C.uid))


_IN_PROJECT = _C.project == sa.bindparam("in_project")
_GET = Rows(
    Pipeline,
    every(Pipeline).where(_IN_PROJECT, _C.id == sa.bindparam("pipeline")),
    "in_project",
    "pipeline",
)
_EXISTING = Query(
    sa.select(_C.id).where(_IN_PROJECT, among(_C.id, "pipelines")), "in_project", "pipelines"
)


def get(session: Session, project: str, pipeline: str) -> Pipeline | None:
    return _GET.first(session, project, pipeline)


def existing(session: Session, project: str, pipelines: set[str]) -> set[str]:
    """Those of the pipelines that exist."""
    found = _EXISTING.all(session.connection(), project, sorted(pipelines))
    return {id_ for (id_,) in found}


def list_page(session: Session, project: str, window: Window) -> Listed[Pipeline]:
    return listed(session, Pipeline, window, _C.project == project)
