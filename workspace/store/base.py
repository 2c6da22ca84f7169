"""Rows as plain slotted dataclasses, and the tables that are derived from them.

A row is made from a result at the price of a constructor: on hot paths an ORM object costs
several times the statement that loads it. Each field is a column of the same name; its
annotation gives the type, `| None` makes it nullable.
"""

import types
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import (
    Any,
    ClassVar,
    Generic,
    NewType,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import IntegrityError
from sqlalchemy.types import TypeDecorator

from meshkit.bulk import Bulk
from meshkit.errors import AlreadyExists
from meshkit.query import Query
from meshkit.schema import TYPE_ANNOTATIONS, Json, new_metadata
from meshkit.session import Session

metadata = new_metadata()


class Sparse(TypeDecorator[Any]):
    """JSON whose empty value is kept as NULL: most maps and lists are empty, and cost nothing."""

    impl = Json
    cache_ok = True

    def __init__(self, make: Callable[[], Any]) -> None:
        super().__init__()
        self.make = make

    # The processors themselves, since a row has many of these, and nearly all are empty.
    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        encode = self.impl_instance.dialect_impl(dialect).bind_processor(dialect) or _as_it_is
        return lambda value: encode(value) if value else None

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        kind, make = self.impl_instance.dialect_impl(dialect), self.make
        decode = kind.result_processor(dialect, coltype) or _as_it_is
        return lambda value: make() if value is None else decode(value)


def _as_it_is(value: Any) -> Any:
    return value


# What `workspace.secrets` has encrypted. The annotation is all that a table needs for its
# column to be encrypted anew when the key is rotated.
Sealed = NewType("Sealed", bytes)


class SealedColumn(sa.LargeBinary):
    """The type of columns that hold `Sealed`; rotation finds them by it."""


_TYPES: dict[Any, Any] = {
    **TYPE_ANNOTATIONS,
    str: sa.Text(),
    float: sa.Double(),
    bool: sa.Boolean(),
    bytes: sa.LargeBinary(),
    Sealed: SealedColumn(),
}


class Row:
    """What all rows have; `stored` sets the table."""

    __slots__ = ()
    __table__: ClassVar[sa.Table]


R = TypeVar("R", bound=Row)


def stored(
    table: str, *rules: sa.schema.SchemaItem, key: Sequence[str] = ("uid",), **options: Any
) -> Callable[[type[R]], type[R]]:
    """Derives the table of a row class; `rules` are its constraints and indexes."""

    def decorate(cls: type[R]) -> type[R]:
        hints = get_type_hints(cls)
        columns = [_column(field.name, hints[field.name], key) for field in fields(cls)]  # type: ignore[arg-type]
        cls.__table__ = sa.Table(table, metadata, *columns, *rules, **options)
        return cls

    return decorate


def _column(name: str, annotation: Any, key: Sequence[str]) -> sa.Column[Any]:
    is_nullable = isinstance(annotation, types.UnionType)
    plain = (
        next(a for a in get_args(annotation) if a is not type(None)) if is_nullable else annotation
    )
    collection = get_origin(plain)
    if collection:
        kind = Json if is_nullable else Sparse(collection)
        return sa.Column(name, kind, nullable=True)
    return sa.Column(name, _TYPES[plain], primary_key=name in key, nullable=is_nullable)


def columns(cls: type[Row]) -> sa.sql.base.ReadOnlyColumnCollection[str, sa.Column[Any]]:
    """The columns of a row class, by name."""
    return cls.__table__.c


def every(cls: type[Row]) -> sa.Select[Any]:
    """SELECT of whole rows, for `fetch` to make them of."""
    return _select(cls.__table__)


@cache
def _select(table: sa.Table) -> sa.Select[Any]:
    return sa.select(*table.c)


class Rows(Generic[R]):
    """A query of whole rows, compiled once: a SELECT that began with `every(cls)`.

    `names` are its parameters, in the order in which `all` and `first` take their values.
    """

    def __init__(self, cls: type[R], statement: sa.Select[Any], *names: str) -> None:
        self._cls = cls
        self._query = Query(statement, *names)

    def all(self, session: Session, *values: Any) -> list[R]:
        make = self._cls
        return [make(*row) for row in self._query.all(session.connection(), *values)]

    def first(self, session: Session, *values: Any) -> R | None:
        row = self._query.first(session.connection(), *values)
        return self._cls(*row) if row else None


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
    values = map(columns_of(_names(table)), rows)
    try:
        _insert(table).run(session.connection(), values)
    except IntegrityError as error:
        # The operation looked before: only a neighbour in another process can have been first.
        raise AlreadyExists("RESOURCE_EXISTS", "The name was taken a moment ago.") from error


def update(session: Session, rows: Sequence[R], names: tuple[str, ...]) -> None:
    """Writes the named columns of rows of one class, found by their uid."""
    if rows:
        statement = _update(rows[0].__table__, names)
        statement.run(session.connection(), map(columns_of(("uid", *names)), rows))


@cache
def columns_of(names: tuple[str, ...]) -> Callable[[Row], tuple[Any, ...]]:
    """Gives the named columns of a row as a tuple, without a step through Python for each."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda row: tuple(getattr(row, name) for name in names)


@cache
def _names(table: sa.Table) -> tuple[str, ...]:
    return tuple(table.c.keys())


@cache
def _insert(table: sa.Table) -> Bulk:
    return Bulk(table.insert(), _names(table))


@cache
def _update(table: sa.Table, names: tuple[str, ...]) -> Bulk:
    binds = {name: sa.bindparam(f"new_{name}", type_=table.c[name].type) for name in names}
    uid = sa.bindparam("which_uid", type_=table.c.uid.type)
    statement = table.update().where(table.c.uid == uid).values(binds)
    return Bulk(statement, ["which_uid", *(f"new_{name}" for name in names)])


def insert_or(session: Session, rows: Sequence[R], settle: Callable[[Any], Any]) -> None:
    """Inserts rows of one class; `settle` adds to the INSERT what holds where one exists."""
    if rows:
        table, dialect = rows[0].__table__, session.get_bind().dialect.name
        values = map(columns_of(_names(table)), rows)
        _insert_or(table, dialect, settle).run(session.connection(), values)


@cache
def _insert_or(table: sa.Table, dialect: str, settle: Callable[[Any], Any]) -> Bulk:
    statement = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    return Bulk(settle(statement), _names(table))


def ignore_conflicts(statement: Any) -> Any:
    """For `insert_or`: what exists stays as it is."""
    return statement.on_conflict_do_nothing()
