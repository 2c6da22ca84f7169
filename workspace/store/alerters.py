"""Queries of alerters."""

from collections.abc import Iterable
from uuid import UUID

import sqlalchemy as sa

from meshkit.filters import Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.schema import among
from meshkit.session import Session
from workspace.store.base import Rows, columns, every
from workspace.store.lists import Listed, listed, matching
from workspace.store.schema_alerters import AlertDelivery, Alerter

_C = columns(Alerter)

ORDERS = Orders(
    (OrderKey("name", _C.id, value=lambda row: row.id), OrderKey("create_time", _C.create_time)),
    OrderKey("uid", _C.uid),
    default="name",
)
FIELDS = Fields(Field("create_time", Kind.TIMESTAMP, _C.create_time))

_BY_ID = every(Alerter).where(
    _C.project == sa.bindparam("in_project"), _C.id == sa.bindparam("id_")
)
_BY_UID = every(Alerter).where(_C.uid == sa.bindparam("which"))
_GET = Rows(Alerter, _BY_ID, "in_project", "id_")
_LOCK = Rows(Alerter, _BY_ID.with_for_update(), "in_project", "id_")
_GET_UID = Rows(Alerter, _BY_UID, "which")
_LOCK_UID = Rows(Alerter, _BY_UID.with_for_update(), "which")
_ACTIVE = Rows(
    Alerter,
    every(Alerter).where(among(_C.project, "projects"), _C.paused.is_(False)).order_by(_C.id),
    "projects",
)


def get(session: Session, project: str, alerter: str) -> Alerter | None:
    return _GET.first(session, project, alerter)


def lock(session: Session, project: str, alerter: str) -> Alerter | None:
    """The alerter, held until the commit."""
    return _LOCK.first(session, project, alerter)


def get_uid(session: Session, uid: UUID) -> Alerter | None:
    """The same as `get`, by uid."""
    return _GET_UID.first(session, uid)


def lock_uid(session: Session, uid: UUID) -> Alerter | None:
    """The same as `lock`, by uid."""
    return _LOCK_UID.first(session, uid)


def active(session: Session, projects: Iterable[str]) -> list[Alerter]:
    """The alerters of these projects that are not paused, by their ids."""
    return _ACTIVE.all(session, sorted(projects))


def list_page(
    session: Session, project: str, window: Window, filter_: Filter | None
) -> Listed[Alerter]:
    return listed(session, Alerter, window, _C.project == project, *matching(filter_))


def delete(session: Session, alerter: Alerter) -> None:
    """The alerter and its deliveries."""
    connection, deliveries = session.connection(), AlertDelivery.__table__
    connection.execute(deliveries.delete().where(deliveries.c.alerter_uid == alerter.uid))
    connection.execute(Alerter.__table__.delete().where(_C.uid == alerter.uid))
