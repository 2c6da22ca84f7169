"""Queries of pipelines."""

import sqlalchemy as sa

from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session
from workspace.store.base import columns, every, first
from workspace.store.lists import Listed, listed
from workspace.store.schema import Pipeline

_C = columns(Pipeline)

ORDERS = Orders((OrderKey("create_time", _C.create_time),), OrderKey("uid", _C.uid))


def get(session: Session, project: str, pipeline: str) -> Pipeline | None:
    return first(session, Pipeline, every(Pipeline).where(_C.project == project, _C.id == pipeline))


def existing(session: Session, project: str, pipelines: set[str]) -> set[str]:
    """Those of the pipelines that exist."""
    found = session.connection().execute(
        sa.select(_C.id).where(_C.project == project, session.among(_C.id, sorted(pipelines)))
    )
    return {row.id for row in found}


def list_page(session: Session, project: str, window: Window) -> Listed[Pipeline]:
    return listed(session, Pipeline, window, _C.project == project)
