"""The tables of artifacts, their versions, and where these come from."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa

from workspace.store.base import Row, stored


@stored(
    "artifacts",
    sa.UniqueConstraint("project", "id"),
    sa.Index(None, "project", "create_time", "uid"),
    sa.Index(None, "project", "display_name", "id", "uid"),
    sa.ForeignKeyConstraint(["project"], ["projects.id"]),
)
@dataclass(slots=True)
class Artifact(Row):
    """A named series of versions; `last_number` is never given again, `latest_version` may go."""

    resource_type: ClassVar[str] = "weft.dev/Artifact"

    uid: UUID
    project: str
    id: str
    creator: str
    create_time: datetime
    update_time: datetime
    latest_version: int
    revision: int = 0
    last_number: int = 0
    display_name: str = ""
    description: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    changes: int = 1

    @property
    def name(self) -> str:
        return f"projects/{self.project}/artifacts/{self.id}"


@stored(
    "artifact_versions",
    sa.UniqueConstraint("project", "artifact", "version"),
    sa.Index(None, "project", "artifact", "alias", unique=True),
    sa.Index(None, "project", "create_time", "uid"),
    sa.Index(None, "project", "producer_run", "create_time", "uid"),
    sa.Index(None, "project", "type", "create_time", "uid"),
    sa.Index(None, "project", "alias", "create_time", "uid"),
    sa.Index(None, "project", "artifact", "create_time", "uid"),
    sa.Index(None, "project", "artifact", "type", "create_time", "uid"),
    sa.Index(None, "project", "artifact", "producer_run", "create_time", "uid"),
    # Who else holds these bytes, asked before they are deleted.
    sa.Index(None, "uri"),
    sa.ForeignKeyConstraint(["project", "artifact"], ["artifacts.project", "artifacts.id"]),
)
@dataclass(slots=True)
class ArtifactVersion(Row):
    """What is known of some bytes in the user's own store."""

    resource_type: ClassVar[str] = "weft.dev/ArtifactVersion"

    uid: UUID
    project: str
    artifact: str
    version: int
    type: str
    uri: str
    data_type: str
    materializer: str
    content_hash: str
    size_bytes: int
    producer_run: str
    producer_step: str
    producer_output: str
    schema: dict[str, Any]
    unsafe: bool
    written_with: dict[str, str]
    creator: str
    create_time: datetime
    revision: int = 0
    alias: str | None = None
    description: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    visualizations: list[dict[str, Any]] = field(default_factory=list)
    update_time: datetime | None = None
    changes: int = 1

    @property
    def name(self) -> str:
        return f"projects/{self.project}/artifacts/{self.artifact}/versions/{self.version}"


@stored("content_removals")
@dataclass(slots=True)
class ContentRemoval(Row):
    """Bytes of a deleted version that are to go: written with the deletion, acted on after."""

    uid: UUID
    project: str
    uri: str
    request_time: datetime


@stored(
    "lineage_edges",
    sa.Index(None, "version_uid", "is_output"),
    sa.ForeignKeyConstraint(["step_uid"], ["steps.uid"]),
    sa.ForeignKeyConstraint(["version_uid"], ["artifact_versions.uid"]),
    key=("step_uid", "is_output", "slot", "version_uid"),
)
@dataclass(slots=True)
class LineageEdge(Row):
    """A version that a step took in an input, or made as an output."""

    step_uid: UUID
    is_output: bool
    slot: str
    version_uid: UUID


@stored(
    "cache_uses",
    sa.Index(None, "version_uid"),
    sa.ForeignKeyConstraint(["step_uid"], ["steps.uid"]),
    sa.ForeignKeyConstraint(["version_uid"], ["artifact_versions.uid"]),
    key=("step_uid", "version_uid"),
)
@dataclass(slots=True)
class CacheUse(Row):
    """A version that a step took over from an earlier run; no edge, since it did not make it."""

    step_uid: UUID
    version_uid: UUID
