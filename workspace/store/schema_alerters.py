"""The tables of alerters: whom they tell what, and what becomes of it."""

import enum
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa

from workspace.store.base import Row, Sealed, stored


class AlerterKind(enum.StrEnum):
    """How an alerter speaks."""

    WEBHOOK = "WEBHOOK"
    SLACK = "SLACK"


class DeliveryState(enum.StrEnum):
    """States of a delivery; all but the first are settled, until somebody has it sent again."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    EXHAUSTED = "EXHAUSTED"


@stored(
    "alerters",
    sa.UniqueConstraint("project", "id"),
    sa.Index(None, "project", "create_time", "uid"),
    sa.ForeignKeyConstraint(["project"], ["projects.id"]),
)
@dataclass(slots=True)
class Alerter(Row):
    """An alerter. `target` is sealed: the URL and the signing secrets, as JSON.

    What happened before `active_since` is past. `changes` counts what people changed and makes
    the etag: how sending goes leaves it alone.
    """

    resource_type: ClassVar[str] = "weft.dev/Alerter"

    uid: UUID
    project: str
    id: str
    kind: str
    origin: str
    target: Sealed
    creator: str
    create_time: datetime
    update_time: datetime
    active_since: datetime
    display_name: str = ""
    description: str = ""
    filter: str = ""
    paused: bool = False
    pause_reason: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    types: list[str] = field(default_factory=list)
    failing_since: datetime | None = None
    old_secret_until: datetime | None = None
    revision: int = 0
    changes: int = 1

    @property
    def name(self) -> str:
        return f"projects/{self.project}/alerters/{self.id}"


@stored(
    "alert_deliveries",
    sa.Index(None, "alerter_uid", "create_time", "uid"),
    sa.Index(None, "project", "create_time", "uid"),
    # The sender asks what of an alerter is due, and when anything will be; upkeep what is old.
    sa.Index(None, "alerter_uid", "state", "next_attempt_time", "uid"),
    sa.Index(None, "state", "next_attempt_time"),
    sa.Index(None, "state", "create_time", "uid"),
    # How much a run has said lately.
    sa.Index(None, "cause", "create_time"),
    sa.ForeignKeyConstraint(["alerter_uid"], ["alerters.uid"]),
)
@dataclass(slots=True)
class AlertDelivery(Row):
    """Something that an alerter tells; `payload` is the JSON, as it is signed.

    Its uid follows from the alerter and the event, so that an event read twice is told once.
    It is given up at `give_up_time`.
    """

    resource_type: ClassVar[str] = "weft.dev/AlertDelivery"

    uid: UUID
    alerter_uid: UUID
    project: str
    alerter: str
    create_time: datetime
    type: str
    cause: str
    payload: str
    give_up_time: datetime
    next_attempt_time: datetime | None
    state: str = DeliveryState.PENDING.value
    reason: str = ""
    attempts: list[dict[str, Any]] = field(default_factory=list)
    attempt_count: int = 0
    # Of those since it was made, or somebody last had it sent again: what the pauses grow by.
    tries: int = 0
    settle_time: datetime | None = None

    @property
    def name(self) -> str:
        return f"projects/{self.project}/alerters/{self.alerter}/deliveries/{self.uid}"
