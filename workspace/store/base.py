"""Rows as plain slotted dataclasses, and the tables that are derived from them.

A row is made from a result at the price of a constructor: on hot paths an ORM object costs
several times the statement that loads it. Each field is a column of the same name; its
annotation gives the type, `| None` makes it nullable.
"""

import types
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from functools import cache
from typing import Any, ClassVar, TypeVar, get_args, get_type_hints

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from meshkit.errors import AlreadyExists
from meshkit.schema import TYPE_ANNOTATIONS, Json, new_metadata
from meshkit.session import Session

metadata = new_metadata()

_TYPES: dict[Any, Any] = {
    **TYPE_ANNOTATIONS,
    str: sa.Text(),
    bool: sa.Boolean(),
    dict[str, int]: Json,
    list[list[Any]]: Json,
}


class Row:
    """What all rows have; `stored` sets the table."""

    __slots__ = ()
    __table__: ClassVar[sa.Table]


R = TypeVar("R", bound=Row)


def stored(
    table: str, *rules: sa.schema.SchemaItem, key: Sequence[str] = ("uid",)
) -> Callable[[type[R]], type[R]]:
    """Derives the table of a row class; `rules` are its constraints and indexes."""

    def decorate(cls: type[R]) -> type[R]:
        hints = get_type_hints(cls)
        columns = [_column(field.name, hints[field.name], key) for field in fields(cls)]  # type: ignore[arg-type]
        cls.__table__ = sa.Table(table, metadata, *columns, *rules)
        return cls

    return decorate


def _column(name: str, annotation: Any, key: Sequence[str]) -> sa.Column[Any]:
    is_nullable = isinstance(annotation, types.UnionType)
    plain = (
        next(a for a in get_args(annotation) if a is not type(None)) if is_nullable else annotation
    )
    return sa.Column(name, _TYPES[plain], primary_key=name in key, nullable=is_nullable)


def columns(cls: type[Row]) -> sa.sql.base.ReadOnlyColumnCollection[str, sa.Column[Any]]:
    """The columns of a row class, by name."""
    return cls.__table__.c


@cache
def every(cls: type[Row]) -> sa.Select[Any]:
    """SELECT of whole rows, for `fetch` to make them of."""
    return sa.select(*cls.__table__.c)


def fetch(session: Session, cls: type[R], statement: sa.Select[Any]) -> list[R]:
    """The rows of a SELECT that began with `every(cls)`."""
    return [cls(*values) for values in session.connection().execute(statement)]


def first(session: Session, cls: type[R], statement: sa.Select[Any]) -> R | None:
    """The first row of such a SELECT."""
    values = session.connection().execute(statement).first()
    return cls(*values) if values else None


def insert(session: Session, rows: Sequence[R]) -> None:
    """Inserts rows of one class; AlreadyExists where another replica was quicker."""
    if not rows:
        return
    table = rows[0].__table__
    names = tuple(table.c.keys())
    values = [{name: getattr(row, name) for name in names} for row in rows]
    try:
        session.connection().execute(table.insert(), values)
    except IntegrityError as error:
        # The operation looked before: only a neighbour in another process can have been first.
        raise AlreadyExists("RESOURCE_EXISTS", "The name was taken a moment ago.") from error


def update(session: Session, rows: Iterable[R], names: tuple[str, ...]) -> None:
    """Writes the named columns of rows of one class, found by their uid."""
    values = [{f"new_{name}": getattr(row, name) for name in ("uid", *names)} for row in rows]
    if values:
        cls = type(next(iter(rows)))
        session.connection().execute(_update(cls, names), values)


@cache
def _update(cls: type[Row], names: tuple[str, ...]) -> sa.Update:
    table = cls.__table__
    values = {name: sa.bindparam(f"new_{name}", type_=table.c[name].type) for name in names}
    return table.update().where(table.c.uid == sa.bindparam("new_uid")).values(values)


def upsert(session: Session, table: sa.Table) -> Any:
    """INSERT of the database's own dialect, which knows ON CONFLICT."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    return sqlite.insert(table) if is_sqlite else postgresql.insert(table)
