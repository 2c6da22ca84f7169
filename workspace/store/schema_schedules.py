"""The tables of schedules, and of what became of their times."""

import enum
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa

from workspace.store.base import Row, stored


class ScheduleState(enum.StrEnum):
    """States; the values stand in the database and, with a prefix, on the wire."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    FINISHED = "FINISHED"


class CatchUp(enum.StrEnum):
    """What happens with times that nobody saw pass."""

    NONE = "NONE"
    LATEST = "LATEST"
    ALL = "ALL"


class Overlap(enum.StrEnum):
    """What happens when it is time while the newest run goes on."""

    ALLOW = "ALLOW"
    SKIP = "SKIP"
    BUFFER_ONE = "BUFFER_ONE"


class Outcome(enum.StrEnum):
    """What became of a time."""

    STARTED = "STARTED"
    SKIPPED = "SKIPPED"
    FAILED = "FAILED"
    BUFFERED = "BUFFERED"


@stored(
    "schedules",
    sa.UniqueConstraint("project", "id"),
    # Runs are named after it: no two schedules of a project ever name the same one.
    sa.UniqueConstraint("project", "run_prefix"),
    sa.Index(None, "project", "create_time", "uid"),
    sa.Index(None, "project", "state", "uid"),
    sa.Index(None, "project", "snapshot", "uid"),
    sa.Index(None, "project", "template", "uid"),
    sa.Index(None, "project", "creator", "uid"),
    # What the scheduler looks at every second: those that wait for a time, or for a run to end.
    sa.Index(None, "next_run_time"),
    sa.Index(None, "buffered_time"),
    sa.ForeignKeyConstraint(["project"], ["projects.id"]),
    sa.CheckConstraint("state IN ('ACTIVE', 'PAUSED', 'FINISHED')", name="state"),
)
@dataclass(slots=True)
class Schedule(Row):
    """A schedule. `snapshot` and `last_run` are ids; `anchor` is what intervals count from.

    What runs is `snapshot`, or whatever is published as `template` by then.

    `next_run_time` is set while it is ACTIVE, and only then.
    """

    resource_type: ClassVar[str] = "weft.dev/Schedule"

    uid: UUID
    project: str
    id: str
    run_prefix: str
    creator: str
    create_time: datetime
    update_time: datetime
    anchor: datetime
    snapshot: str
    display_name: str = ""
    description: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    cache_disabled: bool = False
    cron: str = ""
    interval_s: int = 0
    run_at: datetime | None = None
    time_zone: str = ""
    start_time: datetime | None = None
    end_time: datetime | None = None
    max_runs: int = 0
    catch_up: str = CatchUp.NONE.value
    catch_up_limit: int = 0
    overlap: str = Overlap.SKIP.value
    state: str = ScheduleState.ACTIVE.value
    next_run_time: datetime | None = None
    buffered_time: datetime | None = None
    run_count: int = 0
    last_run: str = ""
    last_outcome: str = ""
    last_message: str = ""
    last_fire_time: datetime | None = None
    stack: str = ""
    step_settings: dict[str, Any] = field(default_factory=dict)
    revision: int = 0
    changes: int = 1
    template: str = ""

    @property
    def name(self) -> str:
        return f"projects/{self.project}/schedules/{self.id}"


@stored(
    "schedule_firings",
    sa.Index(None, "schedule_uid", "create_time", "uid"),
    sa.Index(None, "schedule_uid", "outcome", "create_time", "uid"),
    sa.ForeignKeyConstraint(["schedule_uid"], ["schedules.uid"]),
)
@dataclass(slots=True)
class ScheduleFiring(Row):
    """What became of a time; of several that were missed, of the first until `until_time`."""

    uid: UUID
    schedule_uid: UUID
    project: str
    schedule: str
    fire_time: datetime
    outcome: str
    create_time: datetime
    until_time: datetime | None = None
    reason: str = ""
    message: str = ""
    run: str = ""
    requester: str = ""
