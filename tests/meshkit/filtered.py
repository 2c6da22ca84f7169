"""A table that can be filtered by fields of every kind."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from meshkit.filters import Choices, Field, Fields, Kind
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
)
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
}
