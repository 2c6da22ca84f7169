"""What all lists share: one page of rows and the revision that it shows, of one snapshot."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import sqlalchemy as sa

from meshkit.filters import Filter
from meshkit.paging import Window
from meshkit.session import Session
from workspace.store.base import Row, every, fetch
from workspace.store.schema import MESH_TABLES

R = TypeVar("R", bound=Row)

# Projects that a list may show; None stands for all.
Visible = Collection[str] | None
# Where a row stands among those of its kind: its create time and its uid.
Place = tuple[datetime, UUID]


@dataclass(frozen=True, slots=True)
class Listed(Generic[R]):
    """The rows of one page and one more, and the feed's revision when they were read."""

    rows: list[R]
    revision: int


def revision(session: Session) -> int:
    """The feed's newest revision in this snapshot."""
    return int(
        session.connection().execute(sa.select(MESH_TABLES.feed_head.c.revision)).scalar_one()
    )


def listed(
    session: Session, cls: type[R], window: Window, *conditions: sa.ColumnElement[bool]
) -> Listed[R]:
    """One page under conditions."""
    statement: Any = window.apply(every(cls).where(*conditions))
    return Listed(fetch(session, cls, statement), revision(session))


def within(session: Session, column: Any, visible: Visible) -> list[sa.ColumnElement[bool]]:
    """The condition that shows nothing but the visible projects."""
    if visible is None:
        return []
    if len(visible) == 1:
        # An equality lets the index give the order too; SQLite would sort all of an IN's rows.
        return [column == next(iter(visible))]
    return [session.among(column, sorted(visible))]


def matching(filter_: Filter | None) -> list[sa.ColumnElement[bool]]:
    """The condition of a filter, if there is one."""
    return [filter_.where()] if filter_ and filter_.text else []


def key_of(columns: Any) -> sa.Tuple:
    """What rows of a table with these columns are ordered by, to compare with places."""
    return sa.tuple_(columns.create_time, columns.uid)


def at(columns: Any, place: Place) -> sa.Tuple:
    """A place among the rows of a table with these columns."""
    return sa.tuple_(
        sa.literal(place[0], columns.create_time.type), sa.literal(place[1], columns.uid.type)
    )


def beyond(columns: Any, place: Place | None) -> list[sa.ColumnElement[bool]]:
    """The condition that shows what was made later; None for everything."""
    return [] if place is None else [key_of(columns) > at(columns, place)]
