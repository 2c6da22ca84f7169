"""Queries of what alerters tell."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from meshkit.filters import Choices, Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.query import Query
from meshkit.session import Session
from workspace.store.base import Rows, columns, every, ignore_conflicts, insert_or, update
from workspace.store.lists import Listed, listed, matching
from workspace.store.schema_alerters import AlertDelivery, Alerter, DeliveryState

_A = columns(Alerter)
_D = columns(AlertDelivery)
_PENDING = _D.state == DeliveryState.PENDING.value
_SETTLED = [state.value for state in DeliveryState if state is not DeliveryState.PENDING]

ORDERS = Orders((OrderKey("create_time", _D.create_time),), OrderKey("uid", _D.uid))
FIELDS = Fields(
    Field(
        "state",
        Kind.ENUM,
        _D.state,
        choices=Choices(
            {state: n for n, state in enumerate(DeliveryState, 1)}, "ALERT_DELIVERY_STATE_"
        ),
    ),
    Field("create_time", Kind.TIMESTAMP, _D.create_time),
)

_BY_UID = every(AlertDelivery).where(_D.uid == sa.bindparam("which"))
_GET = Rows(AlertDelivery, _BY_UID, "which")
_LOCK = Rows(AlertDelivery, _BY_UID.with_for_update(), "which")
_NEXT = Query(sa.select(sa.func.min(_D.next_attempt_time)).where(_PENDING))
_SAID = Query(
    sa.select(sa.func.count(sa.distinct(_D.create_time))).where(
        _D.cause == sa.bindparam("run"),
        _D.create_time > sa.bindparam("since"),
        _D.type == sa.bindparam("kind"),
    ),
    "run",
    "since",
    "kind",
)


def get(session: Session, uid: UUID) -> AlertDelivery | None:
    return _GET.first(session, uid)


def lock(session: Session, uid: UUID) -> AlertDelivery | None:
    """The delivery, held until the commit."""
    return _LOCK.first(session, uid)


def keep(session: Session, deliveries: Sequence[AlertDelivery]) -> None:
    """Adds deliveries; those that are there already stay as they are."""
    insert_or(session, deliveries, ignore_conflicts)


def save(session: Session, delivery: AlertDelivery) -> None:
    """Writes down what became of a delivery."""
    names = (
        "state",
        "reason",
        "attempts",
        "attempt_count",
        "tries",
        "give_up_time",
        "next_attempt_time",
        "settle_time",
    )
    update(session, [delivery], names)


def alerters_due(session: Session, now: datetime, *, but: Iterable[UUID]) -> list[UUID]:
    """Alerters that have something to send by now, but for some."""
    has_due = sa.exists().where(_D.alerter_uid == _A.uid, _PENDING, _D.next_attempt_time <= now)
    query = sa.select(_A.uid).where(has_due, ~session.among(_A.uid, list(but)))
    return list(session.connection().execute(query).scalars())


def due(
    session: Session, alerter: UUID, now: datetime, at_most: int, *, but: Iterable[UUID]
) -> list[UUID]:
    """What an alerter is to send by now, oldest first, but for some."""
    query = (
        sa.select(_D.uid)
        .where(
            _D.alerter_uid == alerter,
            _PENDING,
            _D.next_attempt_time <= now,
            ~session.among(_D.uid, list(but)),
        )
        .order_by(_D.next_attempt_time, _D.uid)
        .limit(at_most)
    )
    return list(session.connection().execute(query).scalars())


def next_time(session: Session) -> datetime | None:
    """When something is to be sent next."""
    found = _NEXT.first(session.connection())
    return found[0] if found else None


def give_up(session: Session, alerter: UUID, reason: str) -> None:
    """Settles what an alerter was about to tell."""
    ended = {
        "state": DeliveryState.FAILED.value,
        "reason": reason,
        "next_attempt_time": None,
        "settle_time": session.now,
    }
    table = AlertDelivery.__table__
    session.connection().execute(
        table.update().where(_PENDING, _D.alerter_uid == alerter).values(ended)
    )


def said_since(session: Session, run: str, kind: str, since: datetime) -> int:
    """How often a run (a name) said something after a time."""
    found = _SAID.first(session.connection(), run, since, kind)
    return int(found[0]) if found else 0


def list_page(
    session: Session, project: str, alerter: UUID | None, window: Window, filter_: Filter | None
) -> Listed[AlertDelivery]:
    """Deliveries of one alerter, or of all of the project."""
    conditions = [_D.project == project, *matching(filter_)]
    if alerter is not None:
        conditions.append(_D.alerter_uid == alerter)
    return listed(session, AlertDelivery, window, *conditions)


def prune(session: Session, before: datetime, at_most: int) -> int:
    """Forgets settled deliveries of long ago; how many."""
    # Named one by one, as the index has them: by what they are not, all would be read.
    is_settled = session.among(_D.state, _SETTLED)
    old = sa.select(_D.uid).where(is_settled, _D.create_time < before).limit(at_most)
    table = AlertDelivery.__table__
    return session.connection().execute(table.delete().where(_D.uid.in_(old))).rowcount
