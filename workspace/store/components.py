"""Queries of components."""

import sqlalchemy as sa

from meshkit.filters import Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.schema import among
from meshkit.session import Session
from workspace.store.base import Rows, columns, every, fetch
from workspace.store.lists import Listed, listed, matching
from workspace.store.schema_stacks import Component, Stack, StackPart

_C = columns(Component)

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
    Field("flavor", Kind.STRING, _C.flavor),
    Field("type", Kind.STRING, _C.type),
)

_BY_ID = every(Component).where(_C.id == sa.bindparam("component"))
_AMONG_IDS = every(Component).where(among(_C.id, "components")).order_by(_C.uid)
_GET = Rows(Component, _BY_ID, "component")
_LOCK = Rows(Component, _BY_ID.with_for_update(), "component")
_MANY = Rows(Component, _AMONG_IDS, "components")
_HOLD_MANY = Rows(Component, _AMONG_IDS.with_for_update(read=True), "components")


def get(session: Session, component: str) -> Component | None:
    return _GET.first(session, component)


def lock(session: Session, component: str) -> Component | None:
    """The component, held until the commit."""
    return _LOCK.first(session, component)


def many(session: Session, components: list[str]) -> dict[str, Component]:
    """Components by id."""
    return {row.id: row for row in _MANY.all(session, components)}


def hold(session: Session, components: list[str]) -> dict[str, Component]:
    """Components by id, which nobody changes or deletes before the commit."""
    return {row.id: row for row in _HOLD_MANY.all(session, components)}


def of_type(session: Session, type_: str) -> list[Component]:
    return fetch(session, Component, every(Component).where(_C.type == type_).order_by(_C.id))


def list_page(session: Session, window: Window, filter_: Filter | None) -> Listed[Component]:
    return listed(session, Component, window, *matching(filter_))


def delete(session: Session, row: Component) -> None:
    session.connection().execute(sa.delete(Component.__table__).where(_C.uid == row.uid))


def users(session: Session, row: Component, limit: int) -> list[str]:
    """Names of stacks that the component is in."""
    part, stack = columns(StackPart), columns(Stack)
    query = (
        sa.select(stack.id)
        .join_from(StackPart.__table__, Stack.__table__, part.stack_uid == stack.uid)
        .where(part.component_uid == row.uid)
        .order_by(stack.id)
        .limit(limit)
    )
    return [f"stacks/{id_}" for (id_,) in session.connection().execute(query)]


def of_secret(session: Session, secret: str, limit: int) -> list[str]:
    """Names of components whose configurations refer to a secret."""
    refers = sa.cast(_C.config, sa.Text).contains(f"secrets.{secret}.", autoescape=True)
    query = sa.select(_C.id).where(refers).order_by(_C.id).limit(limit)
    return [f"components/{id_}" for (id_,) in session.connection().execute(query)]


def of_connector(session: Session, connector: str, limit: int) -> list[str]:
    """Names of components that take a connector's credentials."""
    query = sa.select(_C.id).where(_C.connector == connector).order_by(_C.id).limit(limit)
    return [f"components/{id_}" for (id_,) in session.connection().execute(query)]
