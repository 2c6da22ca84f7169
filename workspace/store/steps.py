"""Queries of steps and their attempts."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from meshkit.filters import Choices, Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.query import Query
from meshkit.schema import among, among_pairs
from meshkit.session import Session
from workspace.lifecycle import STEP_ACTIVE, StepState
from workspace.store.base import Rows, columns, every, fetch, insert_or
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
    # One run has few: these are looked through, not indexed.
    Field("metadata", Kind.VALUES, _C.metadata),
    Field("map_group", Kind.STRING, _C.map_group),
)


_OF_RUN = every(Step).where(_C.run_uid == sa.bindparam("of_run", type_=_C.run_uid.type))
_OF_RUNS = every(Step).where(among(_C.run_uid, "of_runs"))
_GET = Rows(Step, _OF_RUN.where(_C.id == sa.bindparam("step")), "of_run", "step")
_SOME = Rows(Step, every(Step).where(among_pairs(_C.run_uid, _C.id, "keys")), "keys")
_IN_STATES = Rows(
    Step, _OF_RUNS.where(among(_C.state, "states")).order_by(_C.ordinal), "of_runs", "states"
)
_ALL = Rows(Step, _OF_RUN.order_by(_C.ordinal, _C.uid), "of_run")
_UIDS = Query(
    sa.select(_C.run, _C.id, _C.uid)
    .join_from(Step.__table__, Run.__table__, _RUNS.uid == _C.run_uid)
    .where(
        _RUNS.project == sa.bindparam("in_project"),
        among(_RUNS.id, "runs"),
        among(_C.id, "steps"),
    ),
    "in_project",
    "runs",
    "steps",
)
_ATTEMPTS_AT = Rows(
    StepAttempt,
    every(StepAttempt)
    .where(_ATTEMPTS.step_uid == sa.bindparam("at", type_=_ATTEMPTS.step_uid.type))
    .order_by(_ATTEMPTS.number),
    "at",
)
_ENDED_WELL = (
    every(Step)
    .where(
        _C.project == sa.bindparam("in_project"),
        _C.cache_key == sa.bindparam("key"),
        _C.state == StepState.SUCCEEDED.value,
    )
    .order_by(_C.end_time.desc())
    .limit(5)
)
_CACHED = Rows(Step, _ENDED_WELL, "in_project", "key")
_CACHED_SINCE = Rows(
    Step,
    _ENDED_WELL.where(_C.end_time >= sa.bindparam("since", type_=_C.end_time.type)),
    "in_project",
    "key",
    "since",
)
_NEAREST = Rows(
    Step,
    every(Step)
    .where(
        _C.project == sa.bindparam("in_project"),
        _C.pipeline == sa.bindparam("of_pipeline"),
        _C.id == sa.bindparam("step"),
        _C.cache_key != "",
    )
    .order_by(_C.create_time.desc())
    .limit(1),
    "in_project",
    "of_pipeline",
    "step",
)
_ATTEMPT_COUNT = Query(
    sa.select(_C.attempt_count)
    .join_from(Step.__table__, Run.__table__, _RUNS.uid == _C.run_uid)
    .where(
        _RUNS.project == sa.bindparam("in_project"),
        _RUNS.id == sa.bindparam("of_run"),
        _C.id == sa.bindparam("step"),
    ),
    "in_project",
    "of_run",
    "step",
)
_UNSETTLED = [str(state) for state in (*STEP_ACTIVE, StepState.FAILED)]


def get(session: Session, run_uid: UUID, step: str) -> Step | None:
    return _GET.first(session, run_uid, step)


def attempt_count(session: Session, project: str, run: str, step: str) -> int:
    """How many attempts there were at a step; 0 for one that does not exist."""
    row = _ATTEMPT_COUNT.first(session.connection(), project, run, step)
    return int(row[0]) if row else 0


def some(session: Session, keys: Iterable[tuple[UUID, str]]) -> list[Step]:
    """Those steps, by the uid of their run and their own id, that exist."""
    return _SOME.all(session, list(keys))


def unsettled(session: Session, run_uids: Sequence[UUID]) -> list[Step]:
    """What the end of runs must know: their steps that have not ended, and those that failed."""
    return _IN_STATES.all(session, run_uids, _UNSETTLED)


def of_run(session: Session, run_uid: UUID) -> list[Step]:
    """All steps of a run, in the order of its graph."""
    return _ALL.all(session, run_uid)


def list_page(
    session: Session, run_uid: UUID, window: Window, filter_: Filter | None
) -> Listed[Step]:
    return listed(session, Step, window, _C.run_uid == run_uid, *matching(filter_))


def attempts(session: Session, step_uid: UUID) -> list[StepAttempt]:
    """The attempts at a step, first to last."""
    return _ATTEMPTS_AT.all(session, step_uid)


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
    if since:
        return _CACHED_SINCE.all(session, project, cache_key, since)
    return _CACHED.all(session, project, cache_key)


def nearest(session: Session, project: str, pipeline: str, step: str) -> Step | None:
    """The newest step of a pipeline and id that has a key to compare with."""
    return _NEAREST.first(session, project, pipeline, step)


def uids(
    session: Session, project: str, keys: Collection[tuple[str, str]]
) -> dict[tuple[str, str], UUID]:
    """The uids of those steps, by (run, id), that exist in the project."""
    runs, ids = sorted({run for run, _ in keys}), sorted({step for _, step in keys})
    rows = _UIDS.all(session.connection(), project, runs, ids)
    return {(run, id_): uid for run, id_, uid in rows}


def silent(session: Session, uids: Sequence[UUID]) -> list[Step]:
    """Those of the steps that are marked as silent."""
    is_marked = _C.unresponsive_since.is_not(None)
    return fetch(session, Step, every(Step).where(session.among(_C.uid, uids), is_marked))
