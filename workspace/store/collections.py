"""Lists that grow without end, by their filters: what leads to a page of them.

A filter over columns is served by an index that ends in the order of the list. One over values of
labels and metadata is led by the table of values, whose indexes do the same, or by the columns:
whichever has less to pass by.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import sqlalchemy as sa

from meshkit.filters import Filter, Lead
from meshkit.paging import Cursor, KeyValue, Order, OrderKey, Window
from meshkit.session import Session
from workspace.store import values
from workspace.store.base import Row, columns, every, fetch
from workspace.store.lists import Listed, matching, revision
from workspace.store.schema_values import ListedValue

R = TypeVar("R", bound=Row)

# So many matches are sorted for each page; more are passed by in the order of the list.
FEW = 1_000
# Orders a statement and limits it: by the columns (place and uid) of values, or by its own.
Cut = Callable[[Any, Any], Any]
_V = columns(ListedValue)


@dataclass(frozen=True, slots=True)
class Collection:
    """A list below one parent: its name among the values, and the conditions of being in it.

    Without a name it spans several parents, and its values lead nowhere.
    """

    name: str
    scope: list[sa.ColumnElement[bool]]


def page(
    session: Session,
    cls: type[R],
    window: Window,
    collection: Collection,
    filter_: Filter | None,
    *,
    selected: sa.Select[Any] | None = None,
) -> Listed[R]:
    """One page; `selected` are the columns where a list leaves some out."""
    statement = every(cls) if selected is None else selected

    def cut(some: Any, led: Any) -> Any:
        return (window if led is None else _by_place(window, led)).apply(some)

    found = _found(session, cls, collection, filter_, cut, statement=statement)
    return Listed(fetch(session, cls, found), revision(session))


def newest(
    session: Session, cls: type[R], collection: Collection, filter_: Filter | None, limit: int
) -> list[R]:
    """The newest of a list that is ordered by time, newest first."""
    own = columns(cls)

    def cut(some: Any, led: Any) -> Any:
        time, uid = (own.create_time, own.uid) if led is None else (led.place, led.uid)
        return some.order_by(time.desc(), uid.desc()).limit(limit)

    found = _found(session, cls, collection, filter_, cut, statement=every(cls))
    return fetch(session, cls, found)


def _found(
    session: Session,
    cls: type[Row],
    collection: Collection,
    filter_: Filter | None,
    cut: Cut,
    *,
    statement: Any,
) -> Any:
    """The statement for what matches, by the values that lead to it or by the columns."""
    leads = filter_.leads() if filter_ and collection.name else []
    led = _led(session, collection.name, leads, cut) if leads else None
    if led is None:
        return cut(statement.where(*collection.scope, *matching(filter_)), None)
    lead, chosen = led
    leader = chosen.subquery("led")
    # The scope is in the name: said again, it might lead the database astray.
    joined = statement.join(leader, leader.c.uid == columns(cls).uid).where(*lead.remaining())
    return cut(joined, leader.c)


def _led(
    session: Session, collection: str, leads: list[Lead], cut: Cut
) -> tuple[Lead, sa.Select[Any]] | None:
    """By which value to find what matches, and what there is of it; None for by the columns."""
    first = leads[0]
    if first.rest is None and first.is_in_order:
        return first, _values(collection, first, by_index=first.is_countable)
    for lead in leads:
        if lead.is_countable and _are_few(session, collection, lead):
            few = _few(collection, lead)
            # With nothing else to look at, no row is read that is not on the page.
            return lead, few if lead.rest else cut(few, few.selected_columns)
    if first.rest is None:
        return first, _values(collection, first, by_index=False)
    return None


def _few(collection: str, lead: Lead) -> sa.Select[Any]:
    """Matches by what they equal, not in order; the limit tells PostgreSQL that they are few."""
    few = _values(collection, lead, by_index=True).limit(FEW).cte("few")
    return sa.select(*few.prefix_with("MATERIALIZED").c)


def _values(collection: str, lead: Lead, *, by_index: bool) -> sa.Select[Any]:
    return sa.select(_V.uid, _V.place).where(
        _V.collection == collection, _V.key == lead.key, *lead.fits(by_index=by_index)
    )


def _are_few(session: Session, collection: str, lead: Lead) -> bool:
    some = _values(collection, lead, by_index=True).limit(FEW + 1).subquery()
    count = sa.select(sa.func.count()).select_from(some)
    return int(session.connection().execute(count).scalar_one()) <= FEW


def _by_place(window: Window, led: Any) -> Window:
    """The same part of the list in the columns of the values."""
    key = OrderKey(window.order.key.name, led.place)
    order = Order(key, OrderKey("uid", led.uid), window.order.descending)
    cursor = window.cursor
    if cursor is None:
        return replace(window, order=order)
    return replace(
        window, order=order, cursor=Cursor(_place(cursor.key), cursor.uid, cursor.revision)
    )


def _place(key: KeyValue) -> str:
    assert isinstance(key, values.PLACED)
    return values.place(key)
