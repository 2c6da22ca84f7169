"""Queries of step launches."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from meshkit.schema import database_time_ms
from meshkit.session import Session
from workspace.store.base import columns, every, first
from workspace.store.schema import Run, Step
from workspace.store.schema_step_launches import StepLaunch

_C = columns(StepLaunch)
_R = columns(Run)
_S = columns(Step)
# Written out, so that the index on it serves.
_UNDER_WAY = ("INTENDED", "SUBMITTED", "STOPPING", "CANCELLING")
_CHANGING = ("arguments", "state", "reporter", "outcome", "start_by", "over_time")

Key = tuple[UUID, int]


def get(session: Session, step_uid: UUID, attempt: int) -> StepLaunch | None:
    return first(
        session,
        StepLaunch,
        every(StepLaunch).where(_C.step_uid == step_uid, _C.attempt == attempt),
    )


def by_workload(session: Session, workload: str, manager: str) -> StepLaunch | None:
    """The launch of a workload that has not ended, if it is this manager's."""
    is_it = (_C.workload == workload, _C.manager == manager, _C.state != "ENDED")
    query = every(StepLaunch).where(*is_it)
    return first(session, StepLaunch, query)


def unfinished(session: Session) -> list[tuple[StepLaunch, Step, Run]]:
    """Every launch that has not ended, with its step and run."""
    return _under_way(session)


def silent(session: Session, since_ms: int) -> list[tuple[StepLaunch, Step, Run]]:
    """Those of `unfinished` that once spoke, have not since, and have not said how they ended."""
    is_heard = _C.reporter.is_not(None), _C.heartbeat_ms.between(1, since_ms)
    return _under_way(session, *is_heard, _C.outcome == "")


def _under_way(
    session: Session, *conditions: sa.ColumnElement[bool]
) -> list[tuple[StepLaunch, Step, Run]]:
    sizes = len(StepLaunch.__table__.c), len(Step.__table__.c)
    query = (
        sa.select(*StepLaunch.__table__.c, *Step.__table__.c, *Run.__table__.c)
        .join_from(StepLaunch.__table__, Step.__table__, _S.uid == _C.step_uid)
        .join(Run.__table__, _R.uid == _C.run_uid)
        .where(_C.state.in_(_UNDER_WAY), *conditions)
    )
    found = [tuple(row) for row in session.connection().execute(query)]
    end = sum(sizes)
    return [
        (StepLaunch(*row[: sizes[0]]), Step(*row[sizes[0] : end]), Run(*row[end:])) for row in found
    ]


def save(session: Session, launch: StepLaunch) -> None:
    session.connection().execute(
        StepLaunch.__table__.update()
        .where(_C.step_uid == launch.step_uid, _C.attempt == launch.attempt)
        .values({name: getattr(launch, name) for name in _CHANGING})
    )


def touch(session: Session, alive: Sequence[tuple[Key, int]]) -> None:
    """Notes signs of life: (step's uid, attempt) and how many milliseconds ago."""
    ago = sa.bindparam("ago_ms", type_=sa.BigInteger)
    statement = (
        StepLaunch.__table__.update()
        .where(_C.step_uid == sa.bindparam("of_step"), _C.attempt == sa.bindparam("of_attempt"))
        .values(heartbeat_ms=database_time_ms() - ago)
    )
    rows = [{"of_step": s, "of_attempt": n, "ago_ms": ms} for (s, n), ms in sorted(alive)]
    if rows:
        session.connection().execute(statement, rows)
