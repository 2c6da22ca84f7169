"""The table of saved views."""

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

import sqlalchemy as sa

from workspace.store.base import Row, stored


class SavedViewScope(enum.StrEnum):
    """Who may know of a view; the values stand in the database, and prefixed on the wire."""

    SHARED = "SHARED"
    PRIVATE = "PRIVATE"


@stored(
    "saved_views",
    sa.UniqueConstraint("project", "id"),
    sa.Index(None, "project", "create_time", "uid"),
    sa.Index(None, "project", "creator"),
    sa.Index(None, "project", "collection"),
    sa.ForeignKeyConstraint(["project"], ["projects.id"]),
    sa.CheckConstraint("scope IN ('SHARED', 'PRIVATE')", name="scope"),
)
@dataclass(slots=True)
class SavedView(Row):
    """What somebody looks at in the list of a collection; `columns` by the ids of who shows it."""

    resource_type: ClassVar[str] = "weft.dev/SavedView"

    uid: UUID
    project: str
    id: str
    display_name: str
    description: str
    scope: str
    collection: str
    filter: str
    order_by: str
    columns: list[str]
    creator: str
    create_time: datetime
    update_time: datetime
    revision: int = 0
    changes: int = 1

    @property
    def name(self) -> str:
        return f"projects/{self.project}/savedViews/{self.id}"

    @property
    def is_shared(self) -> bool:
        return self.scope == SavedViewScope.SHARED

    def is_visible_to(self, subject: str) -> bool:
        return self.is_shared or self.creator == subject
