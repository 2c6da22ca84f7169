"""Queries of launches: runs that a workload manager executes."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from meshkit.session import Session
from workspace.store.base import columns, every, first
from workspace.store.schema import Launch, Project, Run
from workspace.store.schema_step_launches import StepLaunch

_C = columns(Launch)
_R = columns(Run)
_P = columns(Project)
_STEPS = columns(StepLaunch)
# What a workload manager has, or is about to get: written out, so that the index on it serves.
_UNDER_WAY = ("INTENDED", "SUBMITTED", "CANCELLING")


def get(session: Session, run_uid: UUID) -> Launch | None:
    return first(session, Launch, every(Launch).where(_C.run_uid == run_uid))


def not_ended(session: Session, run_uids: Sequence[UUID]) -> set[UUID]:
    """Those of the runs of which a launch, or that of an attempt at a step, has not ended."""
    found: set[UUID] = set()
    for own in (_C, _STEPS):
        query = sa.select(own.run_uid).where(session.among(own.run_uid, run_uids))
        left = session.connection().execute(query.where(own.state != "ENDED"))
        found.update(left.scalars())
    return found


def unfinished(session: Session) -> list[tuple[Launch, Run]]:
    """Every launch that was let in and has not ended, with its run; oldest first."""
    query = (
        sa.select(*Launch.__table__.c, *Run.__table__.c)
        .join_from(Launch.__table__, Run.__table__, _R.uid == _C.run_uid)
        .where(_C.state.in_(_UNDER_WAY))
        .order_by(_R.create_time, _R.uid)
    )
    size = len(Launch.__table__.c)
    rows = session.connection().execute(query)
    return [(Launch(*row[:size]), Run(*row[size:])) for row in rows]


def by_workload(session: Session, workload: str, manager: str) -> Launch | None:
    """The launch of a workload that has not ended, if it is this manager's."""
    is_it = (_C.workload == workload, _C.manager == manager, _C.state != "ENDED")
    return first(session, Launch, every(Launch).where(*is_it))


def place(session: Session, launches: Sequence[Launch | StepLaunch], manager: str) -> None:
    """Gives launches to a manager; what ended meanwhile keeps the one that it had."""
    for table, own in ((Launch, _C), (StepLaunch, _STEPS)):
        workloads = [launch.workload for launch in launches if isinstance(launch, table)]
        if workloads:
            statement = table.__table__.update().values(manager=manager)
            is_among = session.among(own.workload, workloads)
            session.connection().execute(statement.where(is_among, own.state != "ENDED"))


def save(session: Session, launch: Launch) -> None:
    session.connection().execute(
        Launch.__table__.update()
        .where(_C.run_uid == launch.run_uid)
        .values(state=launch.state, cancel_time=launch.cancel_time, start_by=launch.start_by)
    )


def leave_line(session: Session, run_uid: UUID) -> None:
    """Ends the launch of a run that will not wait for its turn any longer."""
    session.connection().execute(
        Launch.__table__.update()
        .where(_C.run_uid == run_uid, _C.state == "QUEUED")
        .values(state="ENDED")
    )


def has_line(session: Session) -> bool:
    """Whether any run waits for its turn."""
    query = sa.select(_C.run_uid).where(_C.state == "QUEUED").limit(1)
    return session.connection().execute(query).first() is not None


def lines(session: Session) -> list[tuple[str, int]]:
    """Projects in which runs wait, each with how many it may execute at a time (0: any)."""
    query = (
        sa.select(_P.id, _P.max_concurrent_runs)
        .where(_P.id.in_(sa.select(_C.project).where(_C.state == "QUEUED")))
        .order_by(_P.id)
    )
    return [tuple(row) for row in session.connection().execute(query)]


def executing(session: Session, project: str) -> int:
    """How many runs of a project a workload manager has, or is about to get."""
    query = (
        sa.select(sa.func.count())
        .select_from(Launch.__table__)
        .join(Run.__table__, _R.uid == _C.run_uid)
        .where(_C.state.in_(_UNDER_WAY), _C.project == project, _R.end_time.is_(None))
    )
    return int(session.connection().execute(query).scalar_one())


def queued(session: Session, project: str, limit: int) -> list[Launch]:
    """The first who wait in a project, longest waiting first."""
    query = (
        sa.select(*Launch.__table__.c)
        .join_from(Launch.__table__, Run.__table__, _R.uid == _C.run_uid)
        .where(_C.state == "QUEUED", _C.project == project)
        .order_by(_R.create_time, _R.uid)
        .limit(limit)
    )
    return [Launch(*row) for row in session.connection().execute(query)]
