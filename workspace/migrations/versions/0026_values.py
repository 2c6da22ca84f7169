"""Values that lists are filtered by."""

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from meshkit.schema import Json, UtcDateTime

revision = "0026"
down_revision = "0025"

_LISTED = ("collection", "key")
_ORDER = ("place", "uid")
# What was in no index on SQLite, and in one of its own on PostgreSQL.
_OLD = ("runs", "snapshots", "artifacts", "artifact_versions")
_AT_ONCE = 1_000
_LONGEST = 256


def upgrade() -> None:
    values = op.create_table(
        "listed_values",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("number", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("uid", "key", "collection", name=op.f("pk_listed_values")),
        sqlite_with_rowid=False,
    )
    for table in _OLD:
        op.drop_index(op.f(f"ix_{table}_labels"), table)
    _take_over(values)
    _index("text", *_LISTED, "text", *_ORDER, where="text IS NOT NULL")
    _index("number", *_LISTED, "number", *_ORDER, where="number IS NOT NULL")
    _index("place", *_LISTED, *_ORDER, "number")


def _index(name: str, *columns: str, where: str = "") -> None:
    only = sa.text(where) if where else None
    op.create_index(
        f"ix_listed_values_{name}",
        "listed_values",
        columns,
        sqlite_where=only,
        postgresql_where=only,
    )


def _take_over(values: sa.Table) -> None:
    """The values of what is there already."""
    for rows in _listed("runs", "{project}/runs"):
        _insert(values, rows)
    for rows in _listed("snapshots", "{project}/snapshots", maps=("labels",)):
        _insert(values, rows)
    for rows in _listed("artifacts", "{project}/artifacts", place="id"):
        _insert(values, rows)
    for parent in ("-", "{artifact}"):
        collection = f"{{project}}/artifacts/{parent}/versions"
        for rows in _listed("artifact_versions", collection, more=("artifact",)):
            _insert(values, rows)
    for parent in ("-", "{model}"):
        collection = f"{{project}}/models/{parent}/versions"
        for rows in _listed("model_versions", collection, more=("model",)):
            _insert(values, rows)


def _insert(values: sa.Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        op.get_bind().execute(values.insert(), rows)


def _listed(
    table: str,
    collection: str,
    *,
    place: str = "create_time",
    maps: tuple[str, ...] = ("labels", "metadata"),
    more: tuple[str, ...] = (),
) -> Iterator[list[dict[str, Any]]]:
    """The values of a table, so many resources at once."""
    found = sa.table(
        table,
        sa.column("uid", sa.Uuid()),
        sa.column("project", sa.Text()),
        sa.column("create_time", UtcDateTime()),
        sa.column("id", sa.Text()),
        *(sa.column(name, sa.Text()) for name in more),
        *(sa.column(name, Json) for name in maps),
    )
    names = ("uid", "project", place, *more, *maps)
    has_any = sa.or_(*(found.c[name].is_not(None) for name in maps))
    query = sa.select(*(found.c[name] for name in names)).where(has_any).order_by(found.c.uid)
    after = None
    while True:
        behind = sa.true() if after is None else found.c.uid > after
        page = op.get_bind().execute(query.where(behind).limit(_AT_ONCE)).mappings().all()
        if not page:
            return
        after = page[-1]["uid"]
        yield [value for row in page for value in _values(row, collection, place, maps)]


def _values(
    row: Any, collection: str, place: str, maps: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    at = row[place] if place == "id" else row[place].isoformat(" ", "microseconds")[:26]
    for name in maps:
        for key, value in (row[name] or {}).items():
            if value is None or len(key) > _LONGEST:
                continue
            yield {
                "uid": row["uid"],
                "key": f"{name}.{key}",
                "collection": collection.format(**row),
                "place": at,
                "text": _text(value),
                "number": float(value) if type(value) in (int, float) else None,
            }


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return json.dumps(value)
    return value if isinstance(value, str) and len(value) <= _LONGEST else None
