"""Queries of triggers and of what they did."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from meshkit.filters import Choices, Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.query import Query
from meshkit.schema import among
from meshkit.session import Session
from workspace.store.base import Rows, columns, every, ignore_conflicts, insert_or, update
from workspace.store.lists import Listed, listed, matching
from workspace.store.schema_triggers import FiringState, Trigger, TriggerFiring

_C = columns(Trigger)
_F = columns(TriggerFiring)

ORDERS = Orders(
    (OrderKey("name", _C.id, value=lambda row: row.id), OrderKey("create_time", _C.create_time)),
    OrderKey("uid", _C.uid),
    default="name",
)
FIELDS = Fields(
    Field("create_time", Kind.TIMESTAMP, _C.create_time),
    Field("snapshot", Kind.STRING, _C.snapshot),
    Field("paused", Kind.BOOL, _C.paused),
)
FIRING_ORDERS = Orders((OrderKey("create_time", _F.create_time),), OrderKey("uid", _F.uid))
FIRING_FIELDS = Fields(
    Field(
        "state",
        Kind.ENUM,
        _F.state,
        choices=Choices({state: n for n, state in enumerate(FiringState, 1)}, "FIRING_STATE_"),
    ),
    Field("create_time", Kind.TIMESTAMP, _F.create_time),
)

_BY_ID = every(Trigger).where(
    _C.project == sa.bindparam("in_project"), _C.id == sa.bindparam("id_")
)
_GET = Rows(Trigger, _BY_ID, "in_project", "id_")
_LOCK = Rows(Trigger, _BY_ID.with_for_update(), "in_project", "id_")
_LOCK_UID = Rows(
    Trigger, every(Trigger).where(_C.uid == sa.bindparam("which")).with_for_update(), "which"
)
_ACTIVE = Rows(
    Trigger,
    every(Trigger).where(
        among(_C.project, "projects"), _C.paused.is_(False), _C.webhook == sa.literal("")
    ),
    "projects",
)
_LOCK_WAITING = Rows(
    Trigger,
    every(Trigger)
    .where(
        _C.project == sa.bindparam("in_project"),
        _C.webhook == sa.bindparam("told_by"),
        _C.paused.is_(False),
    )
    .order_by(_C.uid)
    .with_for_update(),
    "in_project",
    "told_by",
)
_PENDING = Query(
    sa.select(_F.uid)
    .where(_F.state == FiringState.PENDING.value)
    .order_by(_F.create_time, _F.uid)
    .limit(sa.bindparam("at_most")),
    "at_most",
)
_LOCK_FIRING = Rows(
    TriggerFiring,
    every(TriggerFiring).where(_F.uid == sa.bindparam("which")).with_for_update(),
    "which",
)


def get(session: Session, project: str, trigger: str) -> Trigger | None:
    return _GET.first(session, project, trigger)


def lock(session: Session, project: str, trigger: str) -> Trigger | None:
    """The trigger, held until the commit."""
    return _LOCK.first(session, project, trigger)


def lock_uid(session: Session, uid: UUID) -> Trigger | None:
    """The same, by uid."""
    return _LOCK_UID.first(session, uid)


def active(session: Session, projects: Iterable[str]) -> list[Trigger]:
    """The triggers of these projects that wait for events of the feed and are not paused."""
    return _ACTIVE.all(session, sorted(projects))


def lock_waiting(session: Session, project: str, webhook: str) -> list[Trigger]:
    """The triggers that wait for a webhook and are not paused, held until the commit."""
    return _LOCK_WAITING.all(session, project, webhook)


def list_page(
    session: Session, project: str, window: Window, filter_: Filter | None
) -> Listed[Trigger]:
    return listed(session, Trigger, window, _C.project == project, *matching(filter_))


def of_snapshot(session: Session, project: str, snapshot: str, limit: int) -> list[str]:
    """The names of triggers that run a snapshot."""
    return _named(session, project, _C.snapshot == snapshot, limit)


def of_template(session: Session, project: str, template: str, limit: int) -> list[str]:
    """The names of triggers that run whatever is published as a template."""
    return _named(session, project, _C.template == template, limit)


def of_webhook(session: Session, project: str, webhook: str, limit: int) -> list[str]:
    """The names of triggers that wait for a webhook."""
    return _named(session, project, _C.webhook == webhook, limit)


def _named(
    session: Session, project: str, condition: sa.ColumnElement[bool], limit: int
) -> list[str]:
    query = sa.select(_C.id).where(_C.project == project, condition).limit(limit)
    found = session.connection().execute(query).scalars()
    return [f"projects/{project}/triggers/{id_}" for id_ in found]


def delete(session: Session, trigger: Trigger) -> None:
    """The trigger and its firings."""
    connection = session.connection()
    connection.execute(TriggerFiring.__table__.delete().where(_F.trigger_uid == trigger.uid))
    connection.execute(Trigger.__table__.delete().where(_C.uid == trigger.uid))


def keep(session: Session, firings: Sequence[TriggerFiring]) -> None:
    """Adds firings; those that are there already stay as they are."""
    insert_or(session, firings, ignore_conflicts)


def pending(session: Session, at_most: int) -> list[UUID]:
    """Firings that nothing was done about yet, oldest first."""
    return [uid for (uid,) in _PENDING.all(session.connection(), at_most)]


def pending_since(session: Session, project: str) -> datetime | None:
    """When the oldest firing of a project was kept that nothing was done about yet."""
    query = sa.select(sa.func.min(_F.create_time)).where(
        _F.project == project, _F.state == FiringState.PENDING.value
    )
    since: datetime | None = session.connection().execute(query).scalar_one()
    return since


def lock_firing(session: Session, uid: UUID) -> TriggerFiring | None:
    """The firing, held until the commit."""
    return _LOCK_FIRING.first(session, uid)


def settle(session: Session, firing: TriggerFiring) -> None:
    """Writes down what became of a firing; what its parameters referred to is let go."""
    firing.event = {}
    update(session, [firing], ("state", "reason", "run", "settle_time", "event"))


def list_firings(
    session: Session, project: str, trigger: UUID | None, window: Window, filter_: Filter | None
) -> Listed[TriggerFiring]:
    """Firings of one trigger, or of all of the project."""
    conditions = [_F.project == project, *matching(filter_)]
    if trigger is not None:
        conditions.append(_F.trigger_uid == trigger)
    return listed(session, TriggerFiring, window, *conditions)


def prune(session: Session, before: datetime, at_most: int) -> int:
    """Forgets settled firings of long ago; how many."""
    old = (
        sa.select(_F.uid)
        .where(_F.state != FiringState.PENDING.value, _F.create_time < before)
        .limit(at_most)
    )
    table = TriggerFiring.__table__
    return session.connection().execute(table.delete().where(_F.uid.in_(old))).rowcount
