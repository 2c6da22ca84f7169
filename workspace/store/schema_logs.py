"""The table of log streams: a row for each log, none for its lines."""

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

import sqlalchemy as sa

from workspace.store.base import Row, stored


class LogState(enum.StrEnum):
    """States of a log stream; the values stand in the database and, with a prefix, on the wire."""

    OPEN = "OPEN"
    SEALED = "SEALED"


@stored(
    "log_streams",
    sa.UniqueConstraint("project", "id"),
    # Lists, newest first: of a project, and within one value of a filter.
    sa.Index(None, "project", "create_time", "uid"),
    sa.Index(None, "project", "run", "create_time", "uid"),
    sa.Index(None, "project", "step_id", "create_time", "uid"),
    # What the sealing job looks at: a log is open for as long as its run, and little longer.
    sa.Index(None, "state", "uid"),
    # And the one that forgets old logs.
    sa.Index(None, "state", "create_time"),
    # And the one that forwards lines.
    sa.Index(None, "is_forwarded", "uid"),
    sa.ForeignKeyConstraint(["project", "run"], ["runs.project", "runs.id"]),
    sa.CheckConstraint("state IN ('OPEN', 'SEALED')", name="state"),
)
@dataclass(slots=True)
class LogStream(Row):
    """A log. `writer_epoch` is that of the newest writer, 0 before the first.

    `holder` is the server process that appends to it, `fence` how often that has changed.
    `next_offset` is written once, with the seal; while the log is open, its lines tell. Up to
    `accounted_offset` it is known what was kept and what was not. Its run is charged for it as
    if it had grown to what it was granted.
    """

    resource_type: ClassVar[str] = "weft.dev/LogStream"

    uid: UUID
    project: str
    id: str
    run: str
    step_id: str
    attempt: int
    create_time: datetime
    state: str = LogState.OPEN.value
    writer_epoch: int = 0
    next_offset: int = 0
    revision: int = 0
    accounted_offset: int = 0
    kept_bytes: int = 0
    dropped_lines: int = 0
    charged_bytes: int = 0
    charged_lines: int = 0
    # How far a collector has taken it; whether all of a complete one.
    forwarded_offset: int = 0
    is_forwarded: bool = False
    holder: UUID | None = None
    fence: int = 0

    @property
    def name(self) -> str:
        return f"projects/{self.project}/logStreams/{self.id}"

    @property
    def is_sealed(self) -> bool:
        return self.state == LogState.SEALED


@stored("log_removals")
@dataclass(slots=True)
class LogRemoval(Row):
    """Lines of a deleted log that are to go: written with the deletion, acted on after."""

    uid: UUID
    project: str
    request_time: datetime


@stored(
    "run_log_usage",
    sa.ForeignKeyConstraint(["project", "run"], ["runs.project", "runs.id"]),
    key=("project", "run"),
)
@dataclass(slots=True)
class RunLogUsage(Row):
    """What all logs of a run are charged with: counted as they grow, never by reading."""

    project: str
    run: str
    bytes: int = 0
    lines: int = 0


@stored("log_forwarding", key=("target",))
@dataclass(slots=True)
class LogForwarding(Row):
    """Since when logs are forwarded to a collector; those before are not."""

    target: str
    since: datetime
