"""Queries of launches: runs that a workload manager executes."""

from uuid import UUID

import sqlalchemy as sa

from meshkit.session import Session
from workspace.store.base import columns, every, first
from workspace.store.schema import Launch, Run

_C = columns(Launch)
_R = columns(Run)


def get(session: Session, run_uid: UUID) -> Launch | None:
    return first(session, Launch, every(Launch).where(_C.run_uid == run_uid))


def unfinished(session: Session) -> list[tuple[Launch, Run]]:
    """Every launch that has not ended, with its run; oldest first."""
    query = (
        sa.select(*Launch.__table__.c, *Run.__table__.c)
        .join_from(Launch.__table__, Run.__table__, _R.uid == _C.run_uid)
        .where(_C.state != "ENDED")
        .order_by(_R.create_time, _R.uid)
    )
    size = len(Launch.__table__.c)
    rows = session.connection().execute(query)
    return [(Launch(*row[:size]), Run(*row[size:])) for row in rows]


def by_workload(session: Session, workload: str) -> Launch | None:
    """The launch of a workload that has not ended."""
    return first(session, Launch, every(Launch).where(_C.workload == workload, _C.state != "ENDED"))


def save(session: Session, launch: Launch) -> None:
    session.connection().execute(
        Launch.__table__.update()
        .where(_C.run_uid == launch.run_uid)
        .values(state=launch.state, cancel_time=launch.cancel_time)
    )
