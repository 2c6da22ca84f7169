"""The tables of models."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import BigInt, Json, UtcDateTime

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "models",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("update_time", UtcDateTime(), nullable=False),
        sa.Column("labels", Json, nullable=True),
        sa.Column("annotations", Json, nullable=True),
        sa.Column("approval_stages", Json, nullable=True),
        sa.Column("latest_number", BigInt, nullable=False),
        sa.Column("staging", BigInt, nullable=False),
        sa.Column("production", BigInt, nullable=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.Column("changes", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["project"], ["projects.id"], name=op.f("fk_models_project_projects")
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_models")),
        sa.UniqueConstraint("project", "id", name=op.f("uq_models_project_id")),
    )
    op.create_index(
        op.f("ix_models_project_create_time_uid"),
        "models",
        ["project", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_models_project_display_name"), "models", ["project", "display_name"], unique=False
    )
    op.create_table(
        "model_versions",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("model_uid", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("number", BigInt, nullable=False),
        sa.Column("version_id", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("update_time", UtcDateTime(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("labels", Json, nullable=True),
        sa.Column("metadata", Json, nullable=True),
        sa.Column("revision", BigInt, nullable=False),
        sa.Column("changes", BigInt, nullable=False),
        sa.CheckConstraint(
            "stage IN ('NONE', 'STAGING', 'PRODUCTION', 'ARCHIVED')",
            name=op.f("ck_model_versions_stage"),
        ),
        sa.ForeignKeyConstraint(
            ["model_uid"], ["models.uid"], name=op.f("fk_model_versions_model_uid_models")
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_model_versions")),
        sa.UniqueConstraint(
            "project", "model", "number", name=op.f("uq_model_versions_project_model_number")
        ),
    )
    op.create_index(
        op.f("ix_model_versions_project_create_time_uid"),
        "model_versions",
        ["project", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_model_versions_project_model_create_time_uid"),
        "model_versions",
        ["project", "model", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_model_versions_project_run_create_time_uid"),
        "model_versions",
        ["project", "run", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_model_versions_project_stage_create_time_uid"),
        "model_versions",
        ["project", "stage", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        "uq_model_versions_run",
        "model_versions",
        ["model_uid", "run"],
        unique=True,
        sqlite_where=sa.text("run <> ''"),
        postgresql_where=sa.text("run <> ''"),
    )
    op.create_index(
        "uq_model_versions_stage",
        "model_versions",
        ["model_uid", "stage"],
        unique=True,
        sqlite_where=sa.text("stage IN ('STAGING', 'PRODUCTION')"),
        postgresql_where=sa.text("stage IN ('STAGING', 'PRODUCTION')"),
    )
    op.create_index(
        "uq_model_versions_version_id",
        "model_versions",
        ["model_uid", "version_id"],
        unique=True,
        sqlite_where=sa.text("version_id <> ''"),
        postgresql_where=sa.text("version_id <> ''"),
    )
    op.create_table(
        "stage_requests",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("model_uid", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("number", BigInt, nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("demote_existing", sa.Boolean(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("update_time", UtcDateTime(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("decider", sa.Text(), nullable=False),
        sa.Column("decision_comment", sa.Text(), nullable=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.CheckConstraint(
            "state IN ('PENDING', 'APPROVED', 'DENIED', 'WITHDRAWN')",
            name=op.f("ck_stage_requests_state"),
        ),
        sa.ForeignKeyConstraint(
            ["model_uid"], ["models.uid"], name=op.f("fk_stage_requests_model_uid_models")
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_stage_requests")),
    )
    op.create_index(
        op.f("ix_stage_requests_project_create_time_uid"),
        "stage_requests",
        ["project", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_stage_requests_project_creator_create_time_uid"),
        "stage_requests",
        ["project", "creator", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_stage_requests_project_model_create_time_uid"),
        "stage_requests",
        ["project", "model", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_stage_requests_project_state_create_time_uid"),
        "stage_requests",
        ["project", "state", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        "uq_stage_requests_pending",
        "stage_requests",
        ["model_uid", "number", "stage"],
        unique=True,
        sqlite_where=sa.text("state = 'PENDING'"),
        postgresql_where=sa.text("state = 'PENDING'"),
    )
    op.create_table(
        "stage_transitions",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("model_uid", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("number", BigInt, nullable=False),
        sa.Column("from_stage", sa.Text(), nullable=False),
        sa.Column("to_stage", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("request", sa.Uuid(), nullable=True),
        sa.Column("successor", BigInt, nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_uid"], ["models.uid"], name=op.f("fk_stage_transitions_model_uid_models")
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_stage_transitions")),
    )
    op.create_index(
        op.f("ix_stage_transitions_project_create_time_uid"),
        "stage_transitions",
        ["project", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_stage_transitions_project_model_create_time_uid"),
        "stage_transitions",
        ["project", "model", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_stage_transitions_project_model_number_create_time_uid"),
        "stage_transitions",
        ["project", "model", "number", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_stage_transitions_project_to_stage_create_time_uid"),
        "stage_transitions",
        ["project", "to_stage", "create_time", "uid"],
        unique=False,
    )
    op.create_table(
        "model_version_links",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("version_uid", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("number", BigInt, nullable=False),
        sa.Column("artifact_version", sa.Text(), nullable=False),
        sa.Column("artifact_uid", sa.Uuid(), nullable=True),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["artifact_uid"],
            ["artifact_versions.uid"],
            name=op.f("fk_model_version_links_artifact_uid_artifact_versions"),
        ),
        sa.ForeignKeyConstraint(
            ["version_uid"],
            ["model_versions.uid"],
            name=op.f("fk_model_version_links_version_uid_model_versions"),
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_model_version_links")),
        sa.UniqueConstraint(
            "version_uid",
            "artifact_version",
            "run",
            name=op.f("uq_model_version_links_version_uid_artifact_version_run"),
        ),
    )
    op.create_index(
        op.f("ix_model_version_links_artifact_uid"),
        "model_version_links",
        ["artifact_uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_model_version_links_project_artifact_version_create_time_uid"),
        "model_version_links",
        ["project", "artifact_version", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_model_version_links_project_create_time_uid"),
        "model_version_links",
        ["project", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_model_version_links_project_run_create_time_uid"),
        "model_version_links",
        ["project", "run", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_model_version_links_version_uid_create_time_uid"),
        "model_version_links",
        ["version_uid", "create_time", "uid"],
        unique=False,
    )
