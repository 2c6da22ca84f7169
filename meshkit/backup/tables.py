"""Rows of all tables as lines of JSON, and back, in one snapshot and one transaction."""

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

_AT_ONCE = 500
_ALEMBIC = "alembic_version"

Held = list[tuple[sa.Table, list[sa.Column[Any]]]]


def ordered(metadata: sa.MetaData) -> list[sa.Table]:
    """The tables, each behind those that it refers to."""
    return list(metadata.sorted_tables)


def held(connection: sa.Connection, tables: Iterable[sa.Table]) -> Held:
    """Those of the tables, and of their columns, that the database has."""
    there = _columns(connection)
    return [
        (table, [column for column in table.columns if column.name in there[table.name]])
        for table in tables
        if table.name in there
    ]


def unknown(connection: sa.Connection, metadata: sa.MetaData) -> list[str]:
    """Tables and columns of the database that are not in the metadata, as "runs.state"."""
    found = []
    for name, columns in _columns(connection).items():
        table = metadata.tables.get(name)
        if table is None:
            found += [name] if name != _ALEMBIC else []
        else:
            known = {column.name for column in table.columns}
            found += [f"{name}.{column}" for column in sorted(columns - known)]
    return found


def lines(
    connection: sa.Connection, table: sa.Table, columns: Sequence[sa.Column[Any]]
) -> Iterator[str]:
    """These columns of the rows of a table, in the order of its key, each row as a line."""
    statement = sa.select(*columns).order_by(*table.primary_key.columns)
    rows = connection.execute(statement, execution_options={"yield_per": _AT_ONCE})
    names = [column.key for column in columns]
    for row in rows:
        values = {name: _encoded(value) for name, value in zip(names, row, strict=True)}
        yield json.dumps(values, ensure_ascii=False, separators=(",", ":")) + "\n"


def insert(connection: sa.Connection, table: sa.Table, texts: Iterable[str]) -> int:
    """Inserts rows from their lines; how many there were."""
    count, batch = 0, []
    for text in texts:
        batch.append({name: _decoded(value) for name, value in json.loads(text).items()})
        if len(batch) == _AT_ONCE:
            count += _flush(connection, table, batch)
    return count + _flush(connection, table, batch)


def is_empty(connection: sa.Connection, tables: Sequence[sa.Table]) -> bool:
    """Whether no table has a row."""
    return not any(
        connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first()
        for table in tables
    )


def _columns(connection: sa.Connection) -> dict[str, set[str]]:
    """The columns of each table of the database."""
    inspector = sa.inspect(connection)
    return {
        name: {column["name"] for column in inspector.get_columns(name)}
        for name in inspector.get_table_names()
    }


def _flush(connection: sa.Connection, table: sa.Table, batch: list[dict[str, Any]]) -> int:
    if batch:
        connection.execute(table.insert(), batch)
    count = len(batch)
    batch.clear()
    return count


def _encoded(value: Any) -> Any:
    """What JSON has no word for is an object with one key, which says what it is."""
    if isinstance(value, UUID):
        return {"uuid": str(value)}
    if isinstance(value, datetime):
        return {"time": value.isoformat()}
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    return {"json": value} if isinstance(value, dict | list) else value


def _decoded(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, inner),) = value.items()
    if kind == "uuid":
        return UUID(inner)
    if kind == "time":
        return datetime.fromisoformat(inner)
    return base64.b64decode(inner) if kind == "bytes" else inner
