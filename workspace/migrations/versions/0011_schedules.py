"""The tables of schedules."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import BigInt, Json, UtcDateTime

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "schedules",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("run_prefix", sa.Text(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("update_time", UtcDateTime(), nullable=False),
        sa.Column("anchor", UtcDateTime(), nullable=False),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("labels", Json, nullable=True),
        sa.Column("parameters", Json, nullable=True),
        sa.Column("cache_disabled", sa.Boolean(), nullable=False),
        sa.Column("cron", sa.Text(), nullable=False),
        sa.Column("interval_s", BigInt, nullable=False),
        sa.Column("run_at", UtcDateTime(), nullable=True),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("start_time", UtcDateTime(), nullable=True),
        sa.Column("end_time", UtcDateTime(), nullable=True),
        sa.Column("max_runs", BigInt, nullable=False),
        sa.Column("catch_up", sa.Text(), nullable=False),
        sa.Column("catch_up_limit", BigInt, nullable=False),
        sa.Column("overlap", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("next_run_time", UtcDateTime(), nullable=True),
        sa.Column("buffered_time", UtcDateTime(), nullable=True),
        sa.Column("run_count", BigInt, nullable=False),
        sa.Column("last_run", sa.Text(), nullable=False),
        sa.Column("last_outcome", sa.Text(), nullable=False),
        sa.Column("last_message", sa.Text(), nullable=False),
        sa.Column("last_fire_time", UtcDateTime(), nullable=True),
        sa.Column("revision", BigInt, nullable=False),
        sa.Column("changes", BigInt, nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('ACTIVE', 'PAUSED', 'FINISHED')", name=op.f("ck_schedules_state")
        ),
        sa.ForeignKeyConstraint(
            ["project"], ["projects.id"], name=op.f("fk_schedules_project_projects")
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_schedules")),
        sa.UniqueConstraint("project", "id", name=op.f("uq_schedules_project_id")),
        sa.UniqueConstraint("project", "run_prefix", name=op.f("uq_schedules_project_run_prefix")),
    )
    op.create_index(
        op.f("ix_schedules_buffered_time"), "schedules", ["buffered_time"], unique=False
    )
    op.create_index(
        op.f("ix_schedules_next_run_time"), "schedules", ["next_run_time"], unique=False
    )
    op.create_index(
        op.f("ix_schedules_project_create_time_uid"),
        "schedules",
        ["project", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_schedules_project_creator_uid"),
        "schedules",
        ["project", "creator", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_schedules_project_snapshot_uid"),
        "schedules",
        ["project", "snapshot", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_schedules_project_template_uid"),
        "schedules",
        ["project", "template", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_schedules_project_state_uid"),
        "schedules",
        ["project", "state", "uid"],
        unique=False,
    )
    op.create_table(
        "schedule_firings",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("schedule_uid", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("fire_time", UtcDateTime(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("until_time", UtcDateTime(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("requester", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["schedule_uid"],
            ["schedules.uid"],
            name=op.f("fk_schedule_firings_schedule_uid_schedules"),
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_schedule_firings")),
    )
    op.create_index(
        op.f("ix_schedule_firings_schedule_uid_create_time_uid"),
        "schedule_firings",
        ["schedule_uid", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_schedule_firings_schedule_uid_outcome_create_time_uid"),
        "schedule_firings",
        ["schedule_uid", "outcome", "create_time", "uid"],
        unique=False,
    )
