"""The tables of triggers: what they wait for, what they did, and how far they have looked."""

import enum
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa

from workspace.store.base import Row, stored


class FiringState(enum.StrEnum):
    """States of a firing; all but the first are final."""

    PENDING = "PENDING"
    FIRED = "FIRED"
    SKIPPED = "SKIPPED"
    FAILED = "FAILED"


@stored(
    "triggers",
    sa.UniqueConstraint("project", "id"),
    sa.Index(None, "project", "create_time", "uid"),
    sa.Index(None, "project", "snapshot", "uid"),
    sa.Index(None, "project", "template", "uid"),
    sa.Index(None, "project", "webhook", "uid"),
    sa.ForeignKeyConstraint(["project"], ["projects.id"]),
)
@dataclass(slots=True)
class Trigger(Row):
    """A trigger. `occurrence` is its message as JSON; what happened before `active_since` is past.

    `webhook` is the one that the occurrence names; empty where it waits for events of the feed.
    What runs is `snapshot`, or whatever is published as `template` by then.
    `changes` counts what people changed and makes the etag: firings leave it alone.
    """

    resource_type: ClassVar[str] = "weft.dev/Trigger"

    uid: UUID
    project: str
    id: str
    display_name: str
    description: str
    snapshot: str
    creator: str
    runs_as: str
    create_time: datetime
    update_time: datetime
    active_since: datetime
    paused: bool = False
    labels: dict[str, str] = field(default_factory=dict)
    occurrence: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    last_firing: dict[str, Any] | None = None
    revision: int = 0
    changes: int = 1
    webhook: str = ""
    template: str = ""

    @property
    def name(self) -> str:
        return f"projects/{self.project}/triggers/{self.id}"


@stored(
    "trigger_firings",
    sa.Index(None, "trigger_uid", "create_time", "uid"),
    sa.Index(None, "project", "create_time", "uid"),
    sa.Index(None, "project", "state", "create_time", "uid"),
    sa.Index(None, "trigger_uid", "state", "create_time", "uid"),
    # The dispatcher looks at what is pending, upkeep at what is old.
    sa.Index(None, "state", "create_time", "uid"),
    sa.ForeignKeyConstraint(["trigger_uid"], ["triggers.uid"]),
)
@dataclass(slots=True)
class TriggerFiring(Row):
    """A time that a trigger fired; `event` is what its parameters may refer to.

    Its uid follows from the trigger and the event, so that an event read twice fires once. What
    a webhook was told has no `cause_revision`.
    """

    uid: UUID
    trigger_uid: UUID
    project: str
    trigger: str
    create_time: datetime
    cause: str
    cause_revision: int
    cause_run: str = ""
    event: dict[str, Any] = field(default_factory=dict)
    state: str = FiringState.PENDING.value
    reason: str = ""
    run: str = ""
    settle_time: datetime | None = None

    @property
    def name(self) -> str:
        return f"projects/{self.project}/triggers/{self.trigger}/firings/{self.uid}"
