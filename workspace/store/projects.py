"""Queries of projects."""

import sqlalchemy as sa

from meshkit.filters import Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session
from workspace.store.base import columns, every, first
from workspace.store.lists import Listed, Visible, listed, matching, within
from workspace.store.schema import Artifact, Pipeline, Project, Run

_C = columns(Project)

ORDERS = Orders(
    (
        OrderKey("name", _C.id, value=lambda row: row.id),
        OrderKey("create_time", _C.create_time),
    ),
    OrderKey("uid", _C.uid),
    default="name",
)
FIELDS = Fields(
    Field("create_time", Kind.TIMESTAMP, _C.create_time),
    Field("display_name", Kind.STRING, _C.display_name),
)


def get(session: Session, project: str) -> Project | None:
    return first(session, Project, every(Project).where(_C.id == project))


def lock(session: Session, project: str) -> Project | None:
    """The project, held until the commit."""
    return first(session, Project, every(Project).where(_C.id == project).with_for_update())


def existing(session: Session, projects: set[str]) -> set[str]:
    """Those of the projects that exist."""
    found = session.connection().execute(
        sa.select(_C.id).where(session.among(_C.id, sorted(projects)))
    )
    return {row.id for row in found}


def list_page(
    session: Session, visible: Visible, window: Window, filter_: Filter | None
) -> Listed[Project]:
    conditions = [*within(session, _C.id, visible), *matching(filter_)]
    return listed(session, Project, window, *conditions)


def dependents(session: Session, project: str) -> list[str]:
    """Which collections of the project are not empty."""
    found = []
    for name, cls in (("pipelines", Pipeline), ("runs", Run), ("artifacts", Artifact)):
        own = columns(cls)
        query = sa.select(own.uid).where(own.project == project).limit(1)
        if session.connection().execute(query).first():
            found.append(name)
    return found


def delete(session: Session, project: Project) -> None:
    session.connection().execute(Project.__table__.delete().where(_C.uid == project.uid))
