"""The tables of models: versions, what they link, and how they moved between stages."""

import enum
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa

from workspace.store.base import Row, stored


class ModelStage(enum.StrEnum):
    """Stages; the values stand in the database and, with a prefix, on the wire."""

    NONE = "NONE"
    STAGING = "STAGING"
    PRODUCTION = "PRODUCTION"
    ARCHIVED = "ARCHIVED"


class RequestState(enum.StrEnum):
    """States of a request to enter a stage; all but the first are final."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    DENIED = "DENIED"
    WITHDRAWN = "WITHDRAWN"


# Stages that hold one version of a model.
HELD = (ModelStage.STAGING, ModelStage.PRODUCTION)


def _where(condition: str) -> dict[str, Any]:
    """The condition of a partial index, on both databases."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def _model() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["model_uid"], ["models.uid"])


@stored(
    "models",
    sa.UniqueConstraint("project", "id"),
    sa.Index(None, "project", "create_time", "uid"),
    sa.Index(None, "project", "display_name"),
    sa.ForeignKeyConstraint(["project"], ["projects.id"]),
)
@dataclass(slots=True)
class Model(Row):
    """A model. Whoever changes what its versions are among themselves holds its row.

    `staging` and `production` repeat which number holds the stage, 0 for none.
    """

    resource_type: ClassVar[str] = "weft.dev/Model"

    uid: UUID
    project: str
    id: str
    display_name: str
    description: str
    creator: str
    create_time: datetime
    update_time: datetime
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    approval_stages: list[str] = field(default_factory=list)
    latest_number: int = 0
    staging: int = 0
    production: int = 0
    revision: int = 0
    changes: int = 1

    @property
    def name(self) -> str:
        return f"projects/{self.project}/models/{self.id}"

    def version(self, number: int) -> str:
        """The name of a version; empty for 0."""
        return f"{self.name}/versions/{number}" if number else ""

    def holder(self, stage: str) -> int:
        """The number of the version in a stage that holds one; 0 for none."""
        return {ModelStage.STAGING: self.staging, ModelStage.PRODUCTION: self.production}.get(
            ModelStage(stage), 0
        )


@stored(
    "model_versions",
    sa.UniqueConstraint("project", "model", "number"),
    sa.Index(
        "uq_model_versions_version_id",
        "model_uid",
        "version_id",
        unique=True,
        **_where("version_id <> ''"),
    ),
    sa.Index("uq_model_versions_run", "model_uid", "run", unique=True, **_where("run <> ''")),
    sa.Index(
        "uq_model_versions_stage",
        "model_uid",
        "stage",
        unique=True,
        **_where("stage IN ('STAGING', 'PRODUCTION')"),
    ),
    sa.Index(None, "project", "create_time", "uid"),
    sa.Index(None, "project", "model", "create_time", "uid"),
    sa.Index(None, "project", "stage", "create_time", "uid"),
    sa.Index(None, "project", "model", "stage", "create_time", "uid"),
    sa.Index(None, "project", "run", "create_time", "uid"),
    sa.CheckConstraint("stage IN ('NONE', 'STAGING', 'PRODUCTION', 'ARCHIVED')", name="stage"),
    _model(),
)
@dataclass(slots=True)
class ModelVersion(Row):
    """A version of a model; `version_id` is its own name, `run` the id of the run that makes it."""

    resource_type: ClassVar[str] = "weft.dev/ModelVersion"

    uid: UUID
    model_uid: UUID
    project: str
    model: str
    number: int
    version_id: str
    run: str
    creator: str
    create_time: datetime
    update_time: datetime
    stage: str = ModelStage.NONE.value
    description: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    revision: int = 0
    changes: int = 1

    @property
    def name(self) -> str:
        return f"projects/{self.project}/models/{self.model}/versions/{self.number}"


@stored(
    "model_version_links",
    sa.UniqueConstraint("version_uid", "artifact_version", "run"),
    sa.Index(None, "version_uid", "create_time", "uid"),
    sa.Index(None, "project", "create_time", "uid"),
    sa.Index(None, "project", "artifact_version", "create_time", "uid"),
    sa.Index(None, "project", "run", "create_time", "uid"),
    sa.Index(None, "artifact_uid"),
    sa.ForeignKeyConstraint(["version_uid"], ["model_versions.uid"]),
    sa.ForeignKeyConstraint(["artifact_uid"], ["artifact_versions.uid"]),
)
@dataclass(slots=True)
class ModelVersionLink(Row):
    """A link, to one of the two: `artifact_version` and `run` are names, empty for the other.

    The artifact is held: what a model consists of is not deleted. A run may be; its name stays.
    """

    uid: UUID
    version_uid: UUID
    project: str
    model: str
    number: int
    artifact_version: str
    artifact_uid: UUID | None
    run: str
    creator: str
    create_time: datetime


@stored(
    "stage_transitions",
    sa.Index(None, "project", "create_time", "uid"),
    sa.Index(None, "project", "model", "create_time", "uid"),
    sa.Index(None, "project", "model", "number", "create_time", "uid"),
    sa.Index(None, "project", "to_stage", "create_time", "uid"),
    sa.Index(None, "project", "model", "to_stage", "create_time", "uid"),
    sa.Index(None, "project", "number", "create_time", "uid"),
    _model(),
)
@dataclass(slots=True)
class StageTransition(Row):
    """A move from stage to stage; it outlives the version that moved, but not the model."""

    uid: UUID
    model_uid: UUID
    project: str
    model: str
    number: int
    from_stage: str
    to_stage: str
    comment: str
    request: UUID | None
    successor: int
    creator: str
    create_time: datetime


@stored(
    "stage_requests",
    sa.Index(
        "uq_stage_requests_pending",
        "model_uid",
        "number",
        "stage",
        unique=True,
        **_where("state = 'PENDING'"),
    ),
    sa.Index(None, "project", "create_time", "uid"),
    sa.Index(None, "project", "model", "create_time", "uid"),
    sa.Index(None, "project", "state", "create_time", "uid"),
    sa.Index(None, "project", "creator", "create_time", "uid"),
    sa.CheckConstraint("state IN ('PENDING', 'APPROVED', 'DENIED', 'WITHDRAWN')", name="state"),
    _model(),
)
@dataclass(slots=True)
class StageRequest(Row):
    """A request that a version enter a stage."""

    resource_type: ClassVar[str] = "weft.dev/StageRequest"

    uid: UUID
    model_uid: UUID
    project: str
    model: str
    number: int
    stage: str
    demote_existing: bool
    comment: str
    creator: str
    create_time: datetime
    update_time: datetime
    state: str = RequestState.PENDING.value
    decider: str = ""
    decision_comment: str = ""
    revision: int = 0

    @property
    def name(self) -> str:
        return f"projects/{self.project}/models/{self.model}/stageRequests/{self.uid}"
