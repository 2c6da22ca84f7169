"""Queries of steps and their attempts."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from meshkit.filters import Choices, Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session
from workspace.lifecycle import STEP_ACTIVE, StepState
from workspace.store.base import columns, every, fetch, first, insert_or
from workspace.store.lists import Listed, listed, matching
from workspace.store.schema import Run, Step, StepAttempt

_C = columns(Step)
_ATTEMPTS = columns(StepAttempt)
_RUNS = columns(Run)
# Written out, because a statement for many rows has no parameters but theirs.
_EMPTY: sa.ColumnElement[str] = sa.literal_column("''")

ORDERS = Orders((OrderKey("ordinal", _C.ordinal),), OrderKey("uid", _C.uid), default="ordinal")
FIELDS = Fields(
    Field(
        "state",
        Kind.ENUM,
        _C.state,
        choices=Choices({state: n for n, state in enumerate(StepState, 1)}, "STEP_STATE_"),
    ),
    Field("step_id", Kind.STRING, _C.id),
    Field("map_group", Kind.STRING, _C.map_group),
)


def get(session: Session, run_uid: UUID, step: str) -> Step | None:
    return first(session, Step, every(Step).where(_C.run_uid == run_uid, _C.id == step))


def some(session: Session, run_uids: Sequence[UUID], ids: Sequence[str]) -> list[Step]:
    """Steps of these runs with these ids; who asks for several runs may get more than asked."""
    runs, steps = session.among(_C.run_uid, run_uids), session.among(_C.id, ids)
    return fetch(session, Step, every(Step).where(runs, steps))


def unsettled(session: Session, run_uids: Sequence[UUID]) -> list[Step]:
    """What the end of runs must know: their steps that have not ended, and those that failed."""
    states = [str(state) for state in (*STEP_ACTIVE, StepState.FAILED)]
    runs, in_state = session.among(_C.run_uid, run_uids), session.among(_C.state, states)
    return fetch(session, Step, every(Step).where(runs, in_state).order_by(_C.ordinal))


def of_run(session: Session, run_uid: UUID) -> list[Step]:
    """All steps of a run, in the order of its graph."""
    return fetch(
        session, Step, every(Step).where(_C.run_uid == run_uid).order_by(_C.ordinal, _C.uid)
    )


def list_page(
    session: Session, run_uid: UUID, window: Window, filter_: Filter | None
) -> Listed[Step]:
    return listed(session, Step, window, _C.run_uid == run_uid, *matching(filter_))


def attempts(session: Session, step_uid: UUID) -> list[StepAttempt]:
    """The attempts at a step, first to last."""
    statement = every(StepAttempt).where(_ATTEMPTS.step_uid == step_uid)
    return fetch(session, StepAttempt, statement.order_by(_ATTEMPTS.number))


def save_attempts(session: Session, rows: Sequence[StepAttempt]) -> None:
    """Adds attempts, or writes what is newly known of those that exist."""
    insert_or(session, rows, _newly_known)


def _newly_known(statement: Any) -> Any:
    new, known = statement.excluded, _ATTEMPTS
    newer = {
        "state": new.state,
        "end_time": new.end_time,
        "failure": sa.func.coalesce(new.failure, known.failure),
        "host": sa.func.coalesce(sa.func.nullif(new.host, _EMPTY), known.host),
        "log_stream": sa.func.coalesce(sa.func.nullif(new.log_stream, _EMPTY), known.log_stream),
    }
    key = [known.step_uid, known.number]
    return statement.on_conflict_do_update(index_elements=key, set_=newer)


def cached(session: Session, project: str, cache_key: str, *, since: datetime | None) -> list[Step]:
    """The newest steps of a project that ended well under a key."""
    conditions = [
        _C.project == project,
        _C.cache_key == cache_key,
        _C.state == StepState.SUCCEEDED.value,
    ]
    if since:
        conditions.append(_C.end_time >= since)
    statement = every(Step).where(*conditions).order_by(_C.end_time.desc()).limit(5)
    return fetch(session, Step, statement)


def nearest(session: Session, project: str, pipeline: str, step: str) -> Step | None:
    """The newest step of a pipeline and id that has a key to compare with."""
    statement = every(Step).where(
        _C.project == project, _C.pipeline == pipeline, _C.id == step, _C.cache_key != ""
    )
    return first(session, Step, statement.order_by(_C.create_time.desc()).limit(1))


def uids(
    session: Session, project: str, keys: Collection[tuple[str, str]]
) -> dict[tuple[str, str], UUID]:
    """The uids of those steps, by (run, id), that exist in the project."""
    runs, ids = {run for run, _ in keys}, {step for _, step in keys}
    query = (
        sa.select(_C.run, _C.id, _C.uid)
        .join_from(Step.__table__, Run.__table__, _RUNS.uid == _C.run_uid)
        .where(
            _RUNS.project == project,
            session.among(_RUNS.id, sorted(runs)),
            session.among(_C.id, sorted(ids)),
        )
    )
    return {(run, id_): uid for run, id_, uid in session.connection().execute(query)}
