"""Rows for the plans of lists: about as many as it takes for PostgreSQL to prefer an index."""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from meshkit.postgres import async_engine
from meshkit.schema import UtcDateTime
from workspace.store import values
from workspace.store.base import Sparse, metadata
from workspace.store.schema_values import ListedValue

ROWS = 1_000
NOW = datetime(2026, 1, 1, tzinfo=UTC)
P, UID = "demo", UUID(int=1)


def fill(connection: sa.Connection, tables: Iterable[str]) -> None:
    """Rows for every list; they need not make sense beyond their own table."""
    is_postgres = connection.dialect.name == "postgresql"
    if is_postgres:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
    for table in tables:
        target = metadata.tables[table]
        made = [{c.name: value(c, number) for c in target.c} for number in range(ROWS)]
        connection.execute(target.insert(), made)
    connection.execute(ListedValue.__table__.insert(), list(listed_values()))
    if is_postgres:
        # Its server does so of its own; SQLite is never told what its tables hold.
        connection.execute(sa.text("ANALYZE"))


def listed_values() -> Iterator[dict[str, Any]]:
    for number in range(ROWS):
        place = values.place(NOW + timedelta(seconds=number))
        for collection in (
            values.runs_of(P),
            values.snapshots_of(P),
            values.artifacts_of(P),
            *(values.versions_of(P, artifact) for artifact in (None, "a-1")),
            *(values.model_versions_of(P, model) for model in (None, "m-1")),
        ):
            row = {"uid": UUID(int=number), "collection": collection, "place": place}
            yield {**row, "key": "labels.many", "text": "all", "number": None}
            yield {**row, "key": "labels.few", "text": str(number), "number": None}
            yield {**row, "key": "metadata.many", "text": None, "number": 1.0}
            yield {**row, "key": "metadata.few", "text": None, "number": float(number)}


_PARENTS = {
    "run_uid": 500,
    **dict.fromkeys(("artifact", "model", "version_uid", "trigger_uid", "schedule_uid"), 10),
    **dict.fromkeys(("alerter_uid", "webhook_uid"), 10),
}
_CHOICES = re.compile(r"(\w+) IN \((.*)\)")
# There is one of each.
_SINGLE = {"stage": "NONE", "workspace_default": False, "delete_time": None}


def value(column: sa.Column[Any], number: int) -> Any:  # noqa: PLR0911 - one for each type
    if column.name in _SINGLE:
        return _SINGLE[column.name]
    if column.name in _PARENTS:
        number %= _PARENTS[column.name]
    if column.name == "project":
        return P
    match column.type:
        case UtcDateTime():
            return NOW + timedelta(seconds=number)
        case Sparse() | sa.JSON():
            return None if column.nullable else {}
        case sa.Uuid():
            return UUID(int=number)
        case sa.Boolean():
            return number % 2 == 0
        case sa.Integer():
            return number
        case sa.LargeBinary():
            return b""
    return text(column, number)


def text(column: sa.Column[Any], number: int) -> str:
    for rule in column.table.constraints:
        chosen = _CHOICES.match(str(getattr(rule, "sqltext", "")))
        if chosen and chosen[1] == column.name:
            words = re.findall(r"'(\w+)'", chosen[2])
            return str(words[number % len(words)])
    return f"{column.name[0] if column.name in _PARENTS else column.name}-{number}"


async def on(url: str, work: Callable[[sa.Connection], Any]) -> Any:
    """Runs work on a plain connection, which checks no foreign keys."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = sa.create_engine(parsed)
        with engine.begin() as connection:
            result = work(connection)
        engine.dispose()
        return result
    server = async_engine(parsed)
    async with server.begin() as connection:
        result = await connection.run_sync(work)
    await server.dispose()
    return result
