"""Queries of stacks."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from meshkit.filters import Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.query import Query
from meshkit.schema import among
from meshkit.session import Session
from workspace.lifecycle import RUN_ACTIVE
from workspace.store import components as component_store
from workspace.store.base import Rows, columns, every, insert
from workspace.store.lists import Listed, listed, matching
from workspace.store.schema import Project, Run
from workspace.store.schema_schedules import Schedule
from workspace.store.schema_snapshots import Snapshot
from workspace.store.schema_stacks import Component, Stack, StackPart

_C = columns(Stack)

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
    Field("workspace_default", Kind.BOOL, _C.workspace_default),
)

_BY_ID = every(Stack).where(_C.id == sa.bindparam("stack"))
_GET = Rows(Stack, _BY_ID, "stack")
_LOCK = Rows(Stack, _BY_ID.with_for_update(), "stack")
_DEFAULT = every(Stack).where(_C.workspace_default)
_LOCK_DEFAULT = Rows(Stack, _DEFAULT.with_for_update())
_DEFAULT_ID = Query(sa.select(_C.id).where(_C.workspace_default))
_HOLD = Query(sa.select(_C.id).where(among(_C.id, "stacks")).with_for_update(read=True), "stacks")


@dataclass(frozen=True, slots=True)
class Resolved:
    """A stack with its components, those that serve by default first."""

    stack: Stack
    components: list[Component]

    def default(self, type_: str) -> Component | None:
        """The component of a type that serves by default."""
        id_ = self.stack.components.get(type_)
        return next((row for row in self.components if row.id == id_), None) if id_ else None


def get(session: Session, stack: str) -> Stack | None:
    return _GET.first(session, stack)


def lock(session: Session, stack: str) -> Stack | None:
    """The stack, held until the commit."""
    return _LOCK.first(session, stack)


def lock_default(session: Session) -> Stack | None:
    """The workspace's default, held until the commit."""
    return _LOCK_DEFAULT.first(session)


def default_id(session: Session) -> str:
    """The id of the workspace's default; empty where there is none."""
    row = _DEFAULT_ID.first(session.connection())
    return row[0] if row else ""


def hold(session: Session, stacks: Iterable[str]) -> set[str]:
    """Those of the stacks that exist, and that nobody deletes before the commit."""
    wanted = sorted(stacks)
    return {id_ for (id_,) in _HOLD.all(session.connection(), wanted)} if wanted else set()


def resolved(session: Session, stack: str) -> Resolved | None:
    """A stack with what it is made of."""
    row = get(session, stack)
    if row is None:
        return None
    found = component_store.many(session, row.component_ids)
    return Resolved(row, [found[id_] for id_ in row.component_ids if id_ in found])


def list_page(session: Session, window: Window, filter_: Filter | None) -> Listed[Stack]:
    return listed(session, Stack, window, *matching(filter_))


def replace_parts(session: Session, stack: UUID, components: Iterable[UUID]) -> None:
    """Writes down, the other way round, which components a stack has."""
    own = columns(StackPart)
    session.connection().execute(sa.delete(StackPart.__table__).where(own.stack_uid == stack))
    insert(session, [StackPart(stack, uid) for uid in components])


def delete(session: Session, row: Stack) -> None:
    replace_parts(session, row.uid, ())
    session.connection().execute(sa.delete(Stack.__table__).where(_C.uid == row.uid))


def users(session: Session, stack: str, limit: int) -> list[str]:
    """Names of projects whose default the stack is, of snapshots, schedules and live runs of it."""
    project, snapshot, run = columns(Project), columns(Snapshot), columns(Run)
    connection = session.connection()
    projects = (
        sa.select(project.id)
        .where(project.default_stack == stack, project.delete_time.is_(None))
        .limit(limit)
    )
    found = [f"projects/{id_}" for (id_,) in connection.execute(projects)]
    snapshots = sa.select(snapshot.project, snapshot.id).where(snapshot.stack == stack).limit(limit)
    found += [f"projects/{p}/snapshots/{id_}" for p, id_ in connection.execute(snapshots)]
    schedule = columns(Schedule)
    schedules = sa.select(schedule.project, schedule.id).where(schedule.stack == stack).limit(limit)
    found += [f"projects/{p}/schedules/{id_}" for p, id_ in connection.execute(schedules)]
    active = sorted(state.value for state in RUN_ACTIVE)
    runs = (
        sa.select(run.project, run.id)
        .where(session.among(run.state, active), run.stack == stack)
        .limit(limit)
    )
    found += [f"projects/{p}/runs/{id_}" for p, id_ in connection.execute(runs)]
    return found[:limit]
