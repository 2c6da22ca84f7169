"""The tables of runs that were archived, and of their logs, whose lines stay where they are."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from workspace.store.base import Row, stored


@stored(
    "archived_runs",
    sa.Index(None, "project", "archive_time", "uid"),
    sa.Index(None, "project", "pipeline", "archive_time", "uid"),
    sa.Index(None, "project", "run", "archive_time", "uid"),
    sa.ForeignKeyConstraint(["project"], ["projects.id"]),
)
@dataclass(slots=True)
class ArchivedRun(Row):
    """A run in the archive, under its own uid; `sha256` is of the bytes that are in the store."""

    uid: UUID
    project: str
    run: str
    pipeline: str
    state: str
    creator: str
    create_time: datetime
    end_time: datetime
    archive_time: datetime
    key: str
    size_bytes: int
    sha256: str

    @property
    def name(self) -> str:
        return f"projects/{self.project}/archivedRuns/{self.uid}"


@stored(
    "archived_logs",
    sa.UniqueConstraint("run_uid", "id"),
    # The job that forgets old logs looks here too.
    sa.Index(None, "create_time"),
    sa.ForeignKeyConstraint(["run_uid"], ["archived_runs.uid"]),
)
@dataclass(slots=True)
class ArchivedLog(Row):
    """A complete log of an archived run; its lines stand under its uid, as they did before."""

    uid: UUID
    run_uid: UUID
    project: str
    id: str
    create_time: datetime
    next_offset: int
    charged_bytes: int = 0

    @property
    def name(self) -> str:
        return f"projects/{self.project}/archivedRuns/{self.run_uid} log {self.id}"

    @property
    def is_sealed(self) -> bool:
        return True
