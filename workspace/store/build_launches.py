"""Queries of build launches."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from meshkit.session import Session
from workspace.store.base import columns
from workspace.store.schema_build_launches import BuildLaunch
from workspace.store.schema_snapshots import Build

_C = columns(BuildLaunch)
_B = columns(Build)
# Written out, so that the index on it serves.
_UNDER_WAY = ("INTENDED", "SUBMITTED")
# All but what an image is made of, which may be large: `recipe_of` reads that.
_READ = tuple(column for column in BuildLaunch.__table__.c if column.name != "recipe")
_SELECT = sa.select(*_READ)


def get(session: Session, build_uid: UUID, uri: str) -> BuildLaunch | None:
    return _one(session, _SELECT.where(_C.build_uid == build_uid, _C.uri == uri))


def recipe_of(session: Session, launch: BuildLaunch) -> dict[str, Any]:
    """What an image is made of; nothing once it was built."""
    is_it = (_C.build_uid == launch.build_uid, _C.uri == launch.uri)
    found = session.connection().execute(sa.select(_C.recipe).where(*is_it)).scalar()
    return dict(found or {})


def of_build(session: Session, build_uid: UUID) -> list[BuildLaunch]:
    """The launches of all images of a build that workloads build."""
    return _all(session, _SELECT.where(_C.build_uid == build_uid).order_by(_C.uri))


def is_under_way(session: Session, build_uid: UUID) -> bool:
    """Whether a workload may yet be building an image of a build."""
    is_it = (_C.build_uid == build_uid, _C.state.in_(_UNDER_WAY))
    return _one(session, _SELECT.where(*is_it).limit(1)) is not None


def by_workload(session: Session, workload: str, manager: str) -> list[BuildLaunch]:
    """The launches of a manager's workload that have not ended; those of several builds."""
    is_it = (_C.workload == workload, _C.manager == manager, _C.state != "ENDED")
    return _all(session, _SELECT.where(*is_it))


def under_way(session: Session, project: str, uri: str) -> BuildLaunch | None:
    """The launch that is to build an image already, for another build that waits for it.

    The workload of one that nobody waits for may be about to be cancelled.
    """
    is_it = (_C.project == project, _C.uri == uri, _C.state.in_(_UNDER_WAY))
    query = _SELECT.join(Build.__table__, _B.uid == _C.build_uid)
    return _one(session, query.where(*is_it, _B.state == "BUILDING").limit(1))


def place(session: Session, workload: str, manager: str) -> None:
    """Gives a workload to a manager, for all builds that wait for it."""
    statement = BuildLaunch.__table__.update().values(manager=manager)
    session.connection().execute(statement.where(_C.workload == workload, _C.state == "INTENDED"))


def unfinished(session: Session) -> list[tuple[BuildLaunch, Build]]:
    """Every launch that has not ended, with its build; oldest first."""
    query = (
        sa.select(*_READ, *Build.__table__.c)
        .join_from(BuildLaunch.__table__, Build.__table__, _B.uid == _C.build_uid)
        .where(_C.state.in_(_UNDER_WAY))
        .order_by(_B.create_time, _B.uid)
    )
    size = len(_READ)
    rows = session.connection().execute(query)
    return [(_launch(row[:size]), Build(*row[size:])) for row in rows]


def save(session: Session, launch: BuildLaunch) -> None:
    """Writes down where a launch stands; with its end, what it was made of is forgotten."""
    statement = BuildLaunch.__table__.update().where(
        _C.build_uid == launch.build_uid, _C.uri == launch.uri
    )
    gone: dict[str, Any] = {} if launch.state in _UNDER_WAY else {"recipe": {}}
    values = {"state": launch.state, "start_by": launch.start_by, **gone}
    session.connection().execute(statement.values(**values))


def delete(session: Session, build_uids: Sequence[UUID]) -> None:
    """Forgets the launches of builds."""
    session.connection().execute(
        BuildLaunch.__table__.delete().where(session.among(_C.build_uid, build_uids))
    )


def _all(session: Session, query: sa.Select[Any]) -> list[BuildLaunch]:
    return [_launch(row) for row in session.connection().execute(query)]


def _one(session: Session, query: sa.Select[Any]) -> BuildLaunch | None:
    return next(iter(_all(session, query)), None)


def _launch(values: Iterable[Any]) -> BuildLaunch:
    return BuildLaunch(**dict(zip((column.name for column in _READ), values, strict=True)))
