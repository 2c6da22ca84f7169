"""The tables of what runs are made of: pipelines, their snapshots, and builds."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa

from workspace.store.base import Row, stored


def _project() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["project"], ["projects.id"])


@stored(
    "pipelines",
    sa.UniqueConstraint("project", "id"),
    sa.Index(None, "project", "create_time", "uid"),
    sa.Index(None, "project", "display_name"),
    _project(),
)
@dataclass(slots=True)
class Pipeline(Row):
    """A pipeline's name and history; what it does stands in its snapshots."""

    resource_type: ClassVar[str] = "weft.dev/Pipeline"

    uid: UUID
    project: str
    id: str
    creator: str
    create_time: datetime
    update_time: datetime
    revision: int = 0
    display_name: str = ""
    description: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    changes: int = 1

    @property
    def name(self) -> str:
        return f"projects/{self.project}/pipelines/{self.id}"


@stored(
    "snapshots",
    sa.UniqueConstraint("project", "id"),
    sa.Index(None, "project", "create_time", "uid"),
    sa.Index(None, "project", "pipeline", "create_time", "uid"),
    sa.Index(None, "project", "build", "create_time", "uid"),
    sa.Index(None, "project", "code_repository"),
    sa.Index(None, "stack"),
    # A template's name is one snapshot's alone; most have none.
    sa.Index(None, "project", "template", unique=True),
    _project(),
)
@dataclass(slots=True)
class Snapshot(Row):
    """A frozen pipeline. `graph` repeats of `spec` what making a run needs: [id, upstream] each."""

    resource_type: ClassVar[str] = "weft.dev/Snapshot"

    uid: UUID
    project: str
    id: str
    pipeline: str
    creator: str
    create_time: datetime
    update_time: datetime
    graph: list[list[Any]]
    spec: dict[str, Any]
    code: dict[str, Any] | None = None
    parameters_schema: dict[str, Any] | None = None
    environment: dict[str, Any] | None = None
    build: str = ""
    template: str | None = None
    display_name: str = ""
    description: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    changes: int = 1
    revision: int = 0
    stack: str = ""
    code_repository: str = ""

    @property
    def name(self) -> str:
        return f"projects/{self.project}/snapshots/{self.id}"


@stored(
    "builds",
    sa.UniqueConstraint("project", "id"),
    sa.Index(None, "project", "create_time", "uid"),
    sa.Index(None, "project", "pipeline", "create_time", "uid"),
    sa.Index(None, "project", "checksum", "create_time", "uid"),
    _project(),
)
@dataclass(slots=True)
class Build(Row):
    """Images, and the hash of what they were made of."""

    resource_type: ClassVar[str] = "weft.dev/Build"

    uid: UUID
    project: str
    id: str
    pipeline: str
    checksum: str
    creator: str
    create_time: datetime
    image: dict[str, Any] = field(default_factory=dict)
    step_images: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    stack: str = ""
    state: str = "SUCCEEDED"
    state_reason: str = ""
    end_time: datetime | None = None
    revision: int = 0

    @property
    def name(self) -> str:
        return f"projects/{self.project}/builds/{self.id}"
