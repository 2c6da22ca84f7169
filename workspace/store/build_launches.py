"""Queries of build launches."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from meshkit.session import Session
from workspace.store.base import columns, every, first
from workspace.store.schema_build_launches import BuildLaunch
from workspace.store.schema_snapshots import Build

_C = columns(BuildLaunch)
_B = columns(Build)
# Written out, so that the index on it serves.
_UNDER_WAY = ("INTENDED", "SUBMITTED", "CANCELLING")


def get(session: Session, build_uid: UUID, uri: str) -> BuildLaunch | None:
    return first(
        session, BuildLaunch, every(BuildLaunch).where(_C.build_uid == build_uid, _C.uri == uri)
    )


def of_build(session: Session, build_uid: UUID) -> list[BuildLaunch]:
    """The launches of all images of a build that workloads build."""
    query = every(BuildLaunch).where(_C.build_uid == build_uid).order_by(_C.uri)
    return [BuildLaunch(*row) for row in session.connection().execute(query)]


def by_workload(session: Session, workload: str, manager: str) -> list[BuildLaunch]:
    """The launches of a manager's workload that have not ended; those of several builds."""
    is_it = (_C.workload == workload, _C.manager == manager, _C.state != "ENDED")
    query = every(BuildLaunch).where(*is_it)
    return [BuildLaunch(*row) for row in session.connection().execute(query)]


def under_way(session: Session, project: str, uri: str) -> BuildLaunch | None:
    """The launch that is to build an image already, for another build."""
    is_it = (_C.project == project, _C.uri == uri, _C.state.in_(("INTENDED", "SUBMITTED")))
    return first(session, BuildLaunch, every(BuildLaunch).where(*is_it).limit(1))


def place(session: Session, workload: str, manager: str) -> None:
    """Gives a workload to a manager, for all builds that wait for it."""
    statement = BuildLaunch.__table__.update().values(manager=manager)
    session.connection().execute(statement.where(_C.workload == workload, _C.state == "INTENDED"))


def unfinished(session: Session) -> list[tuple[BuildLaunch, Build]]:
    """Every launch that has not ended, with its build; oldest first."""
    query = (
        sa.select(*BuildLaunch.__table__.c, *Build.__table__.c)
        .join_from(BuildLaunch.__table__, Build.__table__, _B.uid == _C.build_uid)
        .where(_C.state.in_(_UNDER_WAY))
        .order_by(_B.create_time, _B.uid)
    )
    size = len(BuildLaunch.__table__.c)
    rows = session.connection().execute(query)
    return [(BuildLaunch(*row[:size]), Build(*row[size:])) for row in rows]


def save(session: Session, launch: BuildLaunch) -> None:
    session.connection().execute(
        BuildLaunch.__table__.update()
        .where(_C.build_uid == launch.build_uid, _C.uri == launch.uri)
        .values(state=launch.state, start_by=launch.start_by, recipe=launch.recipe)
    )


def delete(session: Session, build_uids: Sequence[UUID]) -> None:
    """Forgets the launches of builds."""
    session.connection().execute(
        BuildLaunch.__table__.delete().where(session.among(_C.build_uid, build_uids))
    )
