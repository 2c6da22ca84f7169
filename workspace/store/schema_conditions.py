"""The table of conditions: what steps of runs wait for people to say."""

import enum
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa

from workspace.store.base import Row, stored


class ConditionState(enum.StrEnum):
    """States of a condition; the values stand in the database and, with a prefix, on the wire."""

    OPEN = "OPEN"
    APPROVED = "APPROVED"
    DENIED = "DENIED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


@stored(
    "run_conditions",
    sa.UniqueConstraint("run_uid", "id"),
    sa.Index(None, "run_uid", "create_time", "uid"),
    sa.Index(None, "run_uid", "state"),
    # Across the runs of a project; what waits for somebody in it.
    sa.Index(None, "project", "create_time", "uid"),
    sa.Index(None, "project", "state", "create_time", "uid"),
    # What expires is looked for among the open ones of all runs.
    sa.Index(None, "state", "expire_time"),
    sa.ForeignKeyConstraint(["run_uid"], ["runs.uid"]),
)
@dataclass(slots=True)
class RunCondition(Row):
    """A question, and what became of it; `answer` is wrapped, as it may be any JSON."""

    resource_type: ClassVar[str] = "weft.dev/RunCondition"

    uid: UUID
    run_uid: UUID
    project: str
    run: str
    id: str
    question: str
    step: str
    create_time: datetime
    update_time: datetime
    answer_schema: dict[str, Any] | None = None
    approvers: list[str] = field(default_factory=list)
    expire_time: datetime | None = None
    state: str = ConditionState.OPEN.value
    resolver: str = ""
    resolve_time: datetime | None = None
    answer: dict[str, Any] | None = None
    comment: str = ""
    changes: int = 1
    revision: int = 0

    @property
    def name(self) -> str:
        return f"projects/{self.project}/runs/{self.run}/conditions/{self.id}"
