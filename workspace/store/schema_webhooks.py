"""The tables of webhooks: what is known of their senders, and what these said."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar
from uuid import UUID

import sqlalchemy as sa

from workspace.store.base import Row, Sealed, stored


@stored(
    "webhooks",
    sa.UniqueConstraint("project", "id"),
    sa.Index(None, "project", "create_time", "uid"),
    sa.Index(None, "project", "kind", "uid"),
    sa.ForeignKeyConstraint(["project"], ["projects.id"]),
)
@dataclass(slots=True)
class Webhook(Row):
    """A webhook; `secrets` is a JSON list, encrypted: the secret, and the one before if it holds.

    `changes` counts what people changed and makes the etag: deliveries leave it alone.
    """

    resource_type: ClassVar[str] = "weft.dev/Webhook"

    uid: UUID
    project: str
    id: str
    display_name: str
    description: str
    kind: str
    creator: str
    create_time: datetime
    update_time: datetime
    secrets: Sealed
    secret_create_time: datetime
    previous_secret_expire_time: datetime | None = None
    disabled: bool = False
    labels: dict[str, str] = field(default_factory=dict)
    hmac: dict[str, str] = field(default_factory=dict)
    last_delivery_time: datetime | None = None
    delivery_count: int = 0
    revision: int = 0
    changes: int = 1

    @property
    def name(self) -> str:
        return f"projects/{self.project}/webhooks/{self.id}"


@stored(
    "webhook_deliveries",
    sa.UniqueConstraint("webhook_uid", "delivery_id"),
    sa.Index(None, "webhook_uid", "create_time", "uid"),
    sa.Index(None, "webhook_uid", "event_type", "create_time", "uid"),
    sa.Index(None, "webhook_uid", "number"),
    # Upkeep looks at what is old.
    sa.Index(None, "create_time"),
    sa.ForeignKeyConstraint(["webhook_uid"], ["webhooks.uid"]),
)
@dataclass(slots=True)
class WebhookDelivery(Row):
    """A message that arrived, the `number`-th of its webhook; `firings` are names."""

    uid: UUID
    webhook_uid: UUID
    project: str
    webhook: str
    number: int
    create_time: datetime
    delivery_id: str
    event_type: str
    size_bytes: int
    payload: bytes
    firings: list[str] = field(default_factory=list)
    attempts: int = 1

    @property
    def name(self) -> str:
        return f"projects/{self.project}/webhooks/{self.webhook}/deliveries/{self.uid}"
