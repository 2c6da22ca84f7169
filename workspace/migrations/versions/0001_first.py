"""The first schema: projects, pipelines, snapshots, runs with their steps, artifacts, logs."""

import sqlalchemy as sa
from alembic import op
from alembic.operations import Operations

from meshkit.migrations import create_mesh_tables
from meshkit.schema import BigInt, Json, UtcDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_mesh_tables(Operations(op.get_context()))
    op.create_table(
        "projects",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("labels", Json, nullable=True),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("update_time", UtcDateTime(), nullable=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.Column("changes", BigInt, nullable=False),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_projects")),
        sa.UniqueConstraint("id", name=op.f("uq_projects_id")),
    )
    op.create_index(
        op.f("ix_projects_create_time_uid"), "projects", ["create_time", "uid"], unique=False
    )
    op.create_index(op.f("ix_projects_display_name"), "projects", ["display_name"], unique=False)
    op.create_table(
        "run_counters",
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("count", BigInt, nullable=False),
        sa.CheckConstraint(
            "state IN ('PENDING', 'PROVISIONING', 'RUNNING', 'PAUSED', 'STOPPING', "
            "'SUCCEEDED', 'FAILED', 'STOPPED')",
            name=op.f("ck_run_counters_state"),
        ),
        sa.PrimaryKeyConstraint("project", "state", name=op.f("pk_run_counters")),
    )
    op.create_table(
        "artifacts",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("update_time", UtcDateTime(), nullable=False),
        sa.Column("latest_version", BigInt, nullable=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["project"], ["projects.id"], name=op.f("fk_artifacts_project_projects")
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_artifacts")),
        sa.UniqueConstraint("project", "id", name=op.f("uq_artifacts_project_id")),
    )
    op.create_table(
        "pipelines",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("update_time", UtcDateTime(), nullable=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["project"], ["projects.id"], name=op.f("fk_pipelines_project_projects")
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_pipelines")),
        sa.UniqueConstraint("project", "id", name=op.f("uq_pipelines_project_id")),
    )
    op.create_index(
        op.f("ix_pipelines_project_create_time_uid"),
        "pipelines",
        ["project", "create_time", "uid"],
        unique=False,
    )
    op.create_table(
        "runs",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("pipeline", sa.Text(), nullable=False),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("update_time", UtcDateTime(), nullable=False),
        sa.Column("labels", Json, nullable=True),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("parameters", Json, nullable=True),
        sa.Column("environment", Json, nullable=True),
        sa.Column("cache_disabled", sa.Boolean(), nullable=False),
        sa.Column("workload", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_reason", sa.Text(), nullable=False),
        sa.Column("failure", Json, nullable=True),
        sa.Column("start_time", UtcDateTime(), nullable=True),
        sa.Column("end_time", UtcDateTime(), nullable=True),
        sa.Column("step_counts", Json, nullable=True),
        sa.Column("stop_request", Json, nullable=True),
        sa.Column("unresponsive_since", UtcDateTime(), nullable=True),
        sa.Column("heartbeat_ms", BigInt, nullable=False),
        sa.Column("attempt", BigInt, nullable=False),
        sa.Column("reporter", sa.Uuid(), nullable=True),
        sa.Column("acked_sequence", BigInt, nullable=False),
        sa.Column("last_sequence", BigInt, nullable=False),
        sa.Column("changes", BigInt, nullable=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.CheckConstraint(
            "state IN ('PENDING', 'PROVISIONING', 'RUNNING', 'PAUSED', 'STOPPING', "
            "'SUCCEEDED', 'FAILED', 'STOPPED')",
            name=op.f("ck_runs_state"),
        ),
        sa.ForeignKeyConstraint(
            ["project"], ["projects.id"], name=op.f("fk_runs_project_projects")
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_runs")),
        sa.UniqueConstraint("project", "id", name=op.f("uq_runs_project_id")),
    )
    op.create_index(op.f("ix_runs_create_time_uid"), "runs", ["create_time", "uid"], unique=False)
    op.create_index(
        op.f("ix_runs_project_create_time_uid"),
        "runs",
        ["project", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_runs_project_creator_create_time_uid"),
        "runs",
        ["project", "creator", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_runs_project_pipeline_create_time_uid"),
        "runs",
        ["project", "pipeline", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_runs_project_snapshot_create_time_uid"),
        "runs",
        ["project", "snapshot", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_runs_project_state_create_time_uid"),
        "runs",
        ["project", "state", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_runs_project_trigger_create_time_uid"),
        "runs",
        ["project", "trigger", "create_time", "uid"],
        unique=False,
    )
    op.create_index(op.f("ix_runs_state"), "runs", ["state"], unique=False)
    op.create_table(
        "snapshots",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("pipeline", sa.Text(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("graph", Json, nullable=True),
        sa.Column("spec", Json, nullable=True),
        sa.Column("code", Json, nullable=True),
        sa.Column("parameters_schema", Json, nullable=True),
        sa.Column("environment", Json, nullable=True),
        sa.Column("revision", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["project"], ["projects.id"], name=op.f("fk_snapshots_project_projects")
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_snapshots")),
        sa.UniqueConstraint("project", "id", name=op.f("uq_snapshots_project_id")),
    )
    op.create_index(
        op.f("ix_snapshots_project_create_time_uid"),
        "snapshots",
        ["project", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_snapshots_project_pipeline_create_time_uid"),
        "snapshots",
        ["project", "pipeline", "create_time", "uid"],
        unique=False,
    )
    op.create_table(
        "artifact_versions",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("artifact", sa.Text(), nullable=False),
        sa.Column("version", BigInt, nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("data_type", sa.Text(), nullable=False),
        sa.Column("materializer", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("size_bytes", BigInt, nullable=False),
        sa.Column("producer_run", sa.Text(), nullable=False),
        sa.Column("producer_step", sa.Text(), nullable=False),
        sa.Column("producer_output", sa.Text(), nullable=False),
        sa.Column("schema", Json, nullable=True),
        sa.Column("unsafe", sa.Boolean(), nullable=False),
        sa.Column("written_with", Json, nullable=True),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["project", "artifact"],
            ["artifacts.project", "artifacts.id"],
            name=op.f("fk_artifact_versions_project_artifact_artifacts"),
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_artifact_versions")),
        sa.UniqueConstraint(
            "project",
            "artifact",
            "version",
            name=op.f("uq_artifact_versions_project_artifact_version"),
        ),
    )
    op.create_index(
        op.f("ix_artifact_versions_project_create_time_uid"),
        "artifact_versions",
        ["project", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_artifact_versions_project_producer_run_create_time_uid"),
        "artifact_versions",
        ["project", "producer_run", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_artifact_versions_project_type_create_time_uid"),
        "artifact_versions",
        ["project", "type", "create_time", "uid"],
        unique=False,
    )
    op.create_table(
        "late_reports",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("run_uid", sa.Uuid(), nullable=False),
        sa.Column("reporter", sa.Uuid(), nullable=False),
        sa.Column("sequence", BigInt, nullable=False),
        sa.Column("time", UtcDateTime(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("content", Json, nullable=True),
        sa.ForeignKeyConstraint(
            ["run_uid"], ["runs.uid"], name=op.f("fk_late_reports_run_uid_runs")
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_late_reports")),
    )
    op.create_index(op.f("ix_late_reports_run_uid"), "late_reports", ["run_uid"], unique=False)
    op.create_table(
        "launches",
        sa.Column("run_uid", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("workload", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("cancel_time", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('QUEUED', 'INTENDED', 'SUBMITTED', 'CANCELLING', 'ENDED')",
            name=op.f("ck_launches_state"),
        ),
        sa.ForeignKeyConstraint(["run_uid"], ["runs.uid"], name=op.f("fk_launches_run_uid_runs")),
        sa.PrimaryKeyConstraint("run_uid", name=op.f("pk_launches")),
        sa.UniqueConstraint("workload", name=op.f("uq_launches_workload")),
    )
    op.create_index(op.f("ix_launches_state"), "launches", ["state"], unique=False)
    op.create_table(
        "log_streams",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("step_id", sa.Text(), nullable=False),
        sa.Column("attempt", BigInt, nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("writer_epoch", BigInt, nullable=False),
        sa.Column("next_offset", BigInt, nullable=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.CheckConstraint("state IN ('OPEN', 'SEALED')", name=op.f("ck_log_streams_state")),
        sa.ForeignKeyConstraint(
            ["project", "run"],
            ["runs.project", "runs.id"],
            name=op.f("fk_log_streams_project_run_runs"),
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_log_streams")),
        sa.UniqueConstraint("project", "id", name=op.f("uq_log_streams_project_id")),
    )
    op.create_index(
        op.f("ix_log_streams_project_create_time_uid"),
        "log_streams",
        ["project", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_log_streams_project_run_create_time_uid"),
        "log_streams",
        ["project", "run", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_log_streams_project_step_id_create_time_uid"),
        "log_streams",
        ["project", "step_id", "create_time", "uid"],
        unique=False,
    )
    op.create_index(op.f("ix_log_streams_state_uid"), "log_streams", ["state", "uid"], unique=False)
    op.create_table(
        "steps",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("run_uid", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("pipeline", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("ordinal", BigInt, nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("update_time", UtcDateTime(), nullable=False),
        sa.Column("upstream", Json, nullable=True),
        sa.Column("map_group", sa.Text(), nullable=False),
        sa.Column("map_index", BigInt, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_reason", sa.Text(), nullable=False),
        sa.Column("failure", Json, nullable=True),
        sa.Column("attempt_count", BigInt, nullable=False),
        sa.Column("last_sequence", BigInt, nullable=False),
        sa.Column("start_time", UtcDateTime(), nullable=True),
        sa.Column("end_time", UtcDateTime(), nullable=True),
        sa.Column("log_stream", sa.Text(), nullable=False),
        sa.Column("cache_key", sa.Text(), nullable=False),
        sa.Column("cached_from", sa.Text(), nullable=False),
        sa.Column("inputs", Json, nullable=True),
        sa.Column("outputs", Json, nullable=True),
        sa.Column("metadata", Json, nullable=True),
        sa.Column("cache_key_parts", Json, nullable=True),
        sa.Column("revision", BigInt, nullable=False),
        sa.CheckConstraint(
            "state IN ('PENDING', 'PROVISIONING', 'RUNNING', 'PAUSED', 'RETRYING', "
            "'STOPPING', 'SUCCEEDED', 'CACHED', 'SKIPPED', 'FAILED', 'STOPPED')",
            name=op.f("ck_steps_state"),
        ),
        sa.ForeignKeyConstraint(["run_uid"], ["runs.uid"], name=op.f("fk_steps_run_uid_runs")),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_steps")),
        sa.UniqueConstraint("run_uid", "id", name=op.f("uq_steps_run_uid_id")),
    )
    op.create_index(
        op.f("ix_steps_project_cache_key_end_time"),
        "steps",
        ["project", "cache_key", "end_time"],
        unique=False,
    )
    op.create_index(
        op.f("ix_steps_project_pipeline_id_create_time"),
        "steps",
        ["project", "pipeline", "id", "create_time"],
        unique=False,
    )
    op.create_index(
        op.f("ix_steps_run_uid_map_group"), "steps", ["run_uid", "map_group"], unique=False
    )
    op.create_index(
        op.f("ix_steps_run_uid_ordinal_uid"), "steps", ["run_uid", "ordinal", "uid"], unique=False
    )
    op.create_index(op.f("ix_steps_run_uid_state"), "steps", ["run_uid", "state"], unique=False)
    op.create_table(
        "lineage_edges",
        sa.Column("step_uid", sa.Uuid(), nullable=False),
        sa.Column("is_output", sa.Boolean(), nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("version_uid", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["step_uid"], ["steps.uid"], name=op.f("fk_lineage_edges_step_uid_steps")
        ),
        sa.ForeignKeyConstraint(
            ["version_uid"],
            ["artifact_versions.uid"],
            name=op.f("fk_lineage_edges_version_uid_artifact_versions"),
        ),
        sa.PrimaryKeyConstraint(
            "step_uid", "is_output", "slot", "version_uid", name=op.f("pk_lineage_edges")
        ),
    )
    op.create_index(
        op.f("ix_lineage_edges_version_uid_is_output"),
        "lineage_edges",
        ["version_uid", "is_output"],
        unique=False,
    )
    op.create_table(
        "step_attempts",
        sa.Column("step_uid", sa.Uuid(), nullable=False),
        sa.Column("number", BigInt, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("failure", Json, nullable=True),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("log_stream", sa.Text(), nullable=False),
        sa.Column("start_time", UtcDateTime(), nullable=False),
        sa.Column("end_time", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('PENDING', 'PROVISIONING', 'RUNNING', 'PAUSED', 'RETRYING', "
            "'STOPPING', 'SUCCEEDED', 'CACHED', 'SKIPPED', 'FAILED', 'STOPPED')",
            name=op.f("ck_step_attempts_state"),
        ),
        sa.ForeignKeyConstraint(
            ["step_uid"], ["steps.uid"], name=op.f("fk_step_attempts_step_uid_steps")
        ),
        sa.PrimaryKeyConstraint("step_uid", "number", name=op.f("pk_step_attempts")),
    )
