"""Queries of conditions."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from meshkit.filters import Choices, Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session
from workspace.store.base import columns, every, fetch, first
from workspace.store.lists import Listed, listed, matching
from workspace.store.schema_conditions import ConditionState, RunCondition

_C = columns(RunCondition)

ORDERS = Orders(
    (OrderKey("create_time", _C.create_time),), OrderKey("uid", _C.uid), default="create_time"
)
FIELDS = Fields(
    Field(
        "state",
        Kind.ENUM,
        _C.state,
        choices=Choices(
            {state: n for n, state in enumerate(ConditionState, 1)}, "RUN_CONDITION_STATE_"
        ),
    ),
)


def get(session: Session, project: str, run: str, condition: str) -> RunCondition | None:
    query = every(RunCondition).where(_C.project == project, _C.run == run, _C.id == condition)
    return first(session, RunCondition, query)


def in_run(session: Session, run_uid: UUID, condition: str) -> RunCondition | None:
    """The condition; whoever changes it holds its run."""
    query = every(RunCondition).where(_C.run_uid == run_uid, _C.id == condition)
    return first(session, RunCondition, query)


def open_of(session: Session, run_uids: Sequence[UUID]) -> list[RunCondition]:
    """Conditions of runs that wait for an answer."""
    query = every(RunCondition).where(
        session.among(_C.run_uid, run_uids), _C.state == ConditionState.OPEN.value
    )
    return fetch(session, RunCondition, query.order_by(_C.uid))


def has_due(session: Session) -> bool:
    """Whether there is any whose time has come."""
    return bool(due(session, session.now, 1))


def due(session: Session, now: datetime, limit: int) -> list[RunCondition]:
    """Open conditions whose time has come, most overdue first."""
    query = (
        every(RunCondition)
        .where(_C.state == ConditionState.OPEN.value, _C.expire_time <= now)
        .order_by(_C.expire_time)
        .limit(limit)
    )
    return fetch(session, RunCondition, query)


def list_page(
    session: Session, project: str, run_uid: UUID | None, window: Window, filter_: Filter | None
) -> Listed[RunCondition]:
    """The conditions of one run, or of all runs of the project."""
    parent = _C.project == project if run_uid is None else _C.run_uid == run_uid
    return listed(session, RunCondition, window, parent, *matching(filter_))
