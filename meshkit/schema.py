"""Column types and conventions of every table, and the tables that the write door keeps.

Each service has its own MetaData; `mesh_tables` adds the door's tables to it. The types mean
the same on SQLite and PostgreSQL, so that one schema and one set of tests serve both.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

# Names that migrations can refer to; without a convention the databases invent their own.
NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: timezone-aware UTC in Python, with microseconds, on both databases.

    SQLite keeps fixed-width text, which sorts as time does and reads well in its shell.
    """

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.Text())
        return dialect.type_descriptor(sa.DateTime(timezone=True))

    # The processors themselves, since a row has many times: neither driver's own type adds one.
    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any]:
        return _to_text if dialect.name == "sqlite" else _aware

    def result_processor(
        self,
        dialect: Dialect,
        coltype: object,  # noqa: ARG002 - both drivers give one type alone
    ) -> Callable[[Any], datetime | None]:
        return _from_text if dialect.name == "sqlite" else _in_utc


def _aware(value: datetime | None) -> datetime | None:
    if value is not None and value.tzinfo is None:
        raise ValueError("a time without timezone does not name an instant")
    return value


# Most times that are written are the one of their transaction.
@lru_cache(maxsize=1024)
def _to_text(value: datetime | None) -> str | None:
    value = _aware(value)
    if value is None:
        return None
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    # Without the offset at the end: cutting is cheaper than making a naive copy.
    return value.isoformat(" ", "microseconds")[:26]


def _from_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value + "+00:00")


def _in_utc(value: datetime | None) -> datetime | None:
    # asyncpg takes the first and last times there are for infinities, and answers those without a
    # zone: people who report such a time must not make the row unreadable.
    if value is None or value.tzinfo is None:
        return value and value.replace(tzinfo=UTC)
    return value.astimezone(UTC)


# SQLite counts rows with its INTEGER only; anything else would not be an alias of the row id.
BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

# For a service's `class Base(DeclarativeBase): type_annotation_map = TYPE_ANNOTATIONS`.
TYPE_ANNOTATIONS: dict[Any, Any] = {
    datetime: UtcDateTime(),
    UUID: sa.Uuid(),
    str: sa.Text(),
    int: BigInt,
    dict[str, Any]: Json,
    dict[str, str]: Json,
    list[str]: Json,
    list[Any]: Json,
}


def new_metadata() -> sa.MetaData:
    """A MetaData that follows our naming convention, for a service's declarative base."""
    return sa.MetaData(naming_convention=NAMING_CONVENTION)


class database_time_ms(FunctionElement[int]):  # noqa: N801 - reads as the SQL function it is
    """The database's own clock in milliseconds since 1970: the judge of every lease."""

    type = sa.BigInteger()
    inherit_cache = True


@compiles(database_time_ms, "sqlite")
def _sqlite_time(_element: database_time_ms, _compiler: SQLCompiler, **_options: Any) -> str:
    return "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER)"


@compiles(database_time_ms, "postgresql")
def _postgresql_time(_element: database_time_ms, _compiler: SQLCompiler, **_options: Any) -> str:
    # Not now(): that is the start of the transaction.
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"


class _ListOf(TypeDecorator[list[Any]]):
    """A list as one parameter: an array on PostgreSQL, JSON text on SQLite."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.Text())
        return dialect.type_descriptor(ARRAY(self.item))

    def process_bind_param(self, value: list[Any] | None, dialect: Dialect) -> Any:
        values = list(value or ())
        if dialect.name != "sqlite":
            return values
        convert = self.item.dialect_impl(dialect).bind_processor(dialect)
        return json.dumps([convert(item) for item in values] if convert else values)


class _Condition(FunctionElement[bool]):
    # As a Boolean it would be rendered "... = 1" on SQLite, which no index serves.
    type = sa.types.NULLTYPE  # type: ignore[assignment]
    inherit_cache = True


class _Among(_Condition):
    inherit_cache = True


@compiles(_Among, "sqlite")
def _sqlite_among(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - compiled SQL


@compiles(_Among, "postgresql")
def _postgresql_among(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} = ANY ({values})"


def among(column: Any, values: str | Sequence[Any]) -> sa.ColumnElement[bool]:
    """`column IN values`, whose text does not depend on how many there are.

    So the database prepares it once. `values` are the values, or the name of the parameter in
    which a statement, made once for good, gets them as a list.
    """
    kind = _ListOf(column.type)
    if isinstance(values, str):
        return _Among(column, sa.bindparam(values, type_=kind))
    return _Among(column, sa.bindparam(None, list(values), type_=kind, unique=True))


class _AmongPairs(_Condition):
    inherit_cache = True


@compiles(_AmongPairs, "sqlite")
def _sqlite_among_pairs(element: _AmongPairs, compiler: SQLCompiler, **options: Any) -> str:
    first, second, pairs = (compiler.process(clause, **options) for clause in element.clauses)
    values = "json_extract(value, '$[0]'), json_extract(value, '$[1]')"
    return f"({first}, {second}) IN (SELECT {values} FROM json_each({pairs}))"  # noqa: S608 - compiled SQL


@compiles(_AmongPairs, "postgresql")
def _postgresql_among_pairs(element: _AmongPairs, compiler: SQLCompiler, **options: Any) -> str:
    columns = list(element.clauses)[:2]
    first, second, pairs = (compiler.process(clause, **options) for clause in element.clauses)
    kinds = [compiler.dialect.type_compiler_instance.process(column.type) for column in columns]
    values = ", ".join(f"CAST(pair ->> {i} AS {kind})" for i, kind in enumerate(kinds))
    source = f"jsonb_array_elements(CAST({pairs} AS JSONB)) AS pair"
    return f"({first}, {second}) IN (SELECT {values} FROM {source})"  # noqa: S608 - compiled SQL


class _Pairs(TypeDecorator[list[Any]]):
    """A list of pairs of texts, numbers and uids as one parameter: JSON text."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: list[Any] | None, dialect: Dialect) -> str:  # noqa: ARG002
        return json.dumps(value or [], default=_uid_to_text)


def _uid_to_text(uid: UUID) -> str:
    # As SQLite keeps it; PostgreSQL reads either form.
    return uid.hex


def among_pairs(first: Any, second: Any, name: str) -> sa.ColumnElement[bool]:
    """`(first, second) IN pairs`, as `among`: for columns of texts, numbers and uids."""
    return _AmongPairs(first, second, sa.bindparam(name, type_=_Pairs()))


@dataclass(frozen=True, slots=True)
class MeshTables:
    """The tables that the write door keeps in every service's database."""

    feed_head: sa.Table
    feed_events: sa.Table
    idempotency_replies: sa.Table
    audit_events: sa.Table
    audit_chains: sa.Table
    leases: sa.Table

    @property
    def all(self) -> list[sa.Table]:
        return [
            self.feed_head,
            self.feed_events,
            self.idempotency_replies,
            self.audit_events,
            self.audit_chains,
            self.leases,
        ]


def mesh_tables(metadata: sa.MetaData) -> MeshTables:
    """Adds the door's tables to a service's MetaData, once; later calls return the same."""
    existing = metadata.tables
    return MeshTables(
        *(
            existing[name] if name in existing else build(metadata)
            for name, build in _BUILDERS.items()
        )
    )


def _feed_head(metadata: sa.MetaData) -> sa.Table:
    """One row: its lock makes the order of revisions the order of commits."""
    return sa.Table(
        "feed_head",
        metadata,
        sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.Column("compact_revision", BigInt, nullable=False),
        sa.Column("epoch", sa.Uuid, nullable=False),
        # Audited transactions so far: whoever finds it moved on knows of other replicas' rows.
        sa.Column("audits", BigInt, nullable=False),
        sa.CheckConstraint("id = 1", name="one_row"),
    )


def _feed_events(metadata: sa.MetaData) -> sa.Table:
    """The outbox: one row an event, numbered by (revision, index)."""
    return sa.Table(
        "feed_events",
        metadata,
        sa.Column("revision", BigInt, primary_key=True, autoincrement=False),
        sa.Column("index", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("time", UtcDateTime, nullable=False),
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("resource_type", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("uid", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("event", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )


def _idempotency_replies(metadata: sa.MetaData) -> sa.Table:
    """Replies of writes that carried a request id, kept for a day."""
    return sa.Table(
        "idempotency_replies",
        metadata,
        # The id comes first: whole batches are looked up by it alone.
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("principal", sa.Text, primary_key=True),
        sa.Column("method", sa.Text, primary_key=True),
        sa.Column("request_hash", sa.LargeBinary, nullable=False),
        sa.Column("reply", sa.LargeBinary, nullable=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.Column("expire_time", UtcDateTime, nullable=False, index=True),
        sqlite_with_rowid=False,
    )


def _audit_events(metadata: sa.MetaData) -> sa.Table:
    """The audit log: append-only chains without gaps, each row's hash covering the one before.

    The order of columns is that of `chain.Record`. A service that lists rows adds its indexes.
    """
    return sa.Table(
        "audit_events",
        metadata,
        sa.Column("chain", sa.Text, primary_key=True),
        sa.Column("sequence", BigInt, primary_key=True, autoincrement=False),
        sa.Column("uid", sa.Uuid, nullable=False),
        sa.Column("time", UtcDateTime, nullable=False),
        sa.Column("workspace", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("actor_kind", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("actor_name", sa.Text, nullable=False),
        sa.Column("peer", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("user_agent", sa.Text, nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("fields", Json, nullable=False),
        sa.Column("code", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("trace_id", sa.Text, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )


def _audit_chains(metadata: sa.MetaData) -> sa.Table:
    """The newest row of each chain, and the newest of those that retention has deleted."""
    return sa.Table(
        "audit_chains",
        metadata,
        sa.Column("chain", sa.Text, primary_key=True),
        sa.Column("sequence", BigInt, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("anchor_sequence", BigInt, nullable=False),
        sa.Column("anchor_hash", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )


def _leases(metadata: sa.MetaData) -> sa.Table:
    """Who runs which job until when, by the database's clock; `fence` grows with each holder."""
    return sa.Table(
        "leases",
        metadata,
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("fence", BigInt, nullable=False),
        sa.Column("expire_time_ms", sa.BigInteger, nullable=False),
    )


_BUILDERS = {
    "feed_head": _feed_head,
    "feed_events": _feed_events,
    "idempotency_replies": _idempotency_replies,
    "audit_events": _audit_events,
    "audit_chains": _audit_chains,
    "leases": _leases,
}
