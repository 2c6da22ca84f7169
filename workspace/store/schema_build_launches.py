"""The table of build launches: images that workload managers build."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from workspace.store.base import Row, stored


@stored(
    "build_launches",
    sa.Index(None, "state"),
    sa.Index(None, "workload"),
    sa.Index(None, "project", "uri"),
    sa.ForeignKeyConstraint(["build_uid"], ["builds.uid"]),
    sa.CheckConstraint("state IN ('INTENDED', 'SUBMITTED', 'CANCELLING', 'ENDED')", name="state"),
    key=("build_uid", "uri"),
)
@dataclass(slots=True)
class BuildLaunch(Row):
    """That a workload manager is to build an image of a build.

    Builds that want the same image at the same time share its workload. `recipe` is read where it
    is needed alone, and forgotten once the image is built. Nothing is CANCELLING. `start_by` and
    `manager` as in `Launch`.
    """

    build_uid: UUID
    uri: str
    project: str
    build: str
    workload: str
    recipe: dict[str, Any] = field(default_factory=dict)
    state: str = "INTENDED"
    start_by: datetime | None = None
    manager: str = ""
