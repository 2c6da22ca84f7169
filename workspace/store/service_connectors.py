"""Queries of service connectors."""

from uuid import UUID

import sqlalchemy as sa

from meshkit.filters import Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session
from workspace.store.base import Rows, columns, every
from workspace.store.lists import Listed, listed, matching
from workspace.store.schema import MESH_TABLES
from workspace.store.schema_connectors import ServiceConnector

_C = columns(ServiceConnector)

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
    Field("type", Kind.STRING, _C.type),
)

_BY_ID = every(ServiceConnector).where(_C.id == sa.bindparam("connector"))
_GET = Rows(ServiceConnector, _BY_ID, "connector")
_LOCK = Rows(ServiceConnector, _BY_ID.with_for_update(), "connector")


def get(session: Session, connector: str) -> ServiceConnector | None:
    return _GET.first(session, connector)


def lock(session: Session, connector: str) -> ServiceConnector | None:
    """The connector, held until the commit."""
    return _LOCK.first(session, connector)


def of_secret(session: Session, secret: str, limit: int) -> list[str]:
    """Names of connectors that take their secrets from a secret."""
    query = sa.select(_C.id).where(_C.secret == secret).order_by(_C.id).limit(limit)
    return [f"serviceConnectors/{id_}" for (id_,) in session.connection().execute(query)]


def list_page(session: Session, window: Window, filter_: Filter | None) -> Listed[ServiceConnector]:
    return listed(session, ServiceConnector, window, *matching(filter_))


def delete(session: Session, row: ServiceConnector) -> None:
    """Takes the row away, with its secrets, and whoever's turn it was."""
    table, leases = ServiceConnector.__table__, MESH_TABLES.leases
    session.connection().execute(table.delete().where(_C.uid == row.uid))
    session.connection().execute(leases.delete().where(leases.c.name == turn_of(row.uid)))


def turn_of(uid: UUID) -> str:
    """The lease of whoever uses a secret of a connector that is good for one use."""
    return f"connectors/{uid}"
