"""The tables of triggers, and what runs know of them."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import BigInt, Json, UtcDateTime

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("runs", sa.Column("started_by", sa.Text(), nullable=False, server_default=""))
    op.add_column("runs", sa.Column("cause", sa.Text(), nullable=False, server_default=""))
    op.add_column("runs", sa.Column("trigger_chain", Json, nullable=True))
    op.create_table(
        "feed_positions",
        sa.Column("reader", sa.Text(), nullable=False),
        sa.Column("position", BigInt, nullable=False),
        sa.PrimaryKeyConstraint("reader", name=op.f("pk_feed_positions")),
    )
    op.create_table(
        "triggers",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("runs_as", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("update_time", UtcDateTime(), nullable=False),
        sa.Column("active_since", UtcDateTime(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("labels", Json, nullable=True),
        sa.Column("occurrence", Json, nullable=True),
        sa.Column("parameters", Json, nullable=True),
        sa.Column("last_firing", Json, nullable=True),
        sa.Column("revision", BigInt, nullable=False),
        sa.Column("changes", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["project"], ["projects.id"], name=op.f("fk_triggers_project_projects")
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_triggers")),
        sa.UniqueConstraint("project", "id", name=op.f("uq_triggers_project_id")),
    )
    op.create_index(
        op.f("ix_triggers_project_create_time_uid"),
        "triggers",
        ["project", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_triggers_project_snapshot_uid"),
        "triggers",
        ["project", "snapshot", "uid"],
        unique=False,
    )
    op.create_table(
        "trigger_firings",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("trigger_uid", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("cause_revision", BigInt, nullable=False),
        sa.Column("cause_run", sa.Text(), nullable=False),
        sa.Column("event", Json, nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("settle_time", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["trigger_uid"], ["triggers.uid"], name=op.f("fk_trigger_firings_trigger_uid_triggers")
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_trigger_firings")),
    )
    op.create_index(
        op.f("ix_trigger_firings_project_create_time_uid"),
        "trigger_firings",
        ["project", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_trigger_firings_state_create_time_uid"),
        "trigger_firings",
        ["state", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_trigger_firings_trigger_uid_create_time_uid"),
        "trigger_firings",
        ["trigger_uid", "create_time", "uid"],
        unique=False,
    )
