"""A table that can be filtered by fields of every kind."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from meshkit.filters import Beside, Choices, Field, Fields, Kind
from meshkit.schema import Json, UtcDateTime

NOW = datetime(2025, 6, 15, 12, tzinfo=UTC)
STATES = Choices({"RUNNING": 1, "FAILED": 2, "STOPPED": 3}, "RUN_STATE_")

metadata = sa.MetaData()
things = sa.Table(
    "things",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, index=True),
    sa.Column("uid", sa.Uuid),
    sa.Column("state", sa.Text),
    sa.Column("level", sa.Integer),
    sa.Column("paused", sa.Boolean),
    sa.Column("count", sa.Integer),
    sa.Column("score", sa.Double),
    sa.Column("create_time", UtcDateTime),
    sa.Column("labels", Json),
    sa.Column("notes", Json),
)
# The same maps, a row for each value: where lists find them that have no end.
values = sa.Table(
    "values_beside",
    metadata,
    sa.Column("thing", sa.Integer, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("text", sa.Text, index=True),
    sa.Column("number", sa.Double, index=True),
)


def beside(prefix: str) -> Beside:
    return Beside(things.c.id, values.c.thing, values.c.key, values.c.text, values.c.number, prefix)


FIELDS = Fields(
    Field("name", Kind.STRING, things.c.name),
    Field("uid", Kind.UUID, things.c.uid),
    Field("state", Kind.ENUM, things.c.state, choices=STATES),
    Field("level", Kind.ENUM, things.c.level, choices=STATES),
    Field("paused", Kind.BOOL, things.c.paused),
    Field("count", Kind.INT, things.c.count),
    Field("score", Kind.FLOAT, things.c.score),
    Field("create_time", Kind.TIMESTAMP, things.c.create_time),
    Field("labels", Kind.MAP, things.c.labels),
    Field("notes", Kind.VALUES, things.c.notes),
    Field("tags", Kind.MAP, beside("labels."), lambda item: item["labels"]),
    Field("facts", Kind.VALUES, beside("notes."), lambda item: item["notes"]),
)
THING = {
    "name": "projects/demo/runs/nightly",
    "uid": UUID(int=7),
    "state": "RUNNING",
    "level": 2,
    "paused": False,
    "count": 3,
    "score": 0.5,
    "create_time": NOW - timedelta(hours=1),
    "labels": {"team": "vision", "a.b": "x y"},
    "notes": {"f1": 0.93, "epochs": 3, "kind": "3", "ok": True, "tried": [1, 2], "none": None},
}
