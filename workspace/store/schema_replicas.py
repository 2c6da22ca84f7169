"""The table of the servers of a workspace that are alive."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from workspace.store.base import Row, stored


@stored("replicas", key=("uid",))
@dataclass(slots=True)
class Replica(Row):
    """A process that serves the workspace; `seen_time` is its last sign of life, by its clock."""

    uid: UUID
    version: str
    start_time: datetime
    seen_time: datetime
