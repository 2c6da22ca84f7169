"""Workspaces that the control plane provisions, and its operations."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from meshkit.schema import BigInt, Json, UtcDateTime

revision = "0006"
down_revision = "0005"

_LIVE = sa.text("end_time IS NULL")


def upgrade() -> None:
    _extend_workspaces()
    with op.batch_alter_table("links") as table:
        table.add_column(sa.Column("verdict", sa.Text(), nullable=False, server_default=""))
        table.add_column(sa.Column("verdict_time", UtcDateTime(), nullable=True))
        for name in ("policy_revision", "policy_told"):
            table.add_column(sa.Column(name, BigInt, nullable=False, server_default="0"))
        table.add_column(sa.Column("usage", Json, nullable=True))
    op.create_table(
        "operations",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("workspace_uid", sa.Uuid(), nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("course", sa.Text(), nullable=False),
        sa.Column("progress", sa.Text(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("expire_time", UtcDateTime(), nullable=False),
        sa.Column("end_time", UtcDateTime(), nullable=True),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("target_version", sa.Text(), nullable=False),
        sa.Column("previous_version", sa.Text(), nullable=False),
        sa.Column("remove_data", sa.Boolean(), nullable=False),
        sa.Column("error_code", BigInt, nullable=False),
        sa.Column("error_reason", sa.Text(), nullable=False),
        sa.Column("error_message", sa.Text(), nullable=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["organization"],
            ["organizations.id"],
            name=op.f("fk_operations_organization_organizations"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_uid"],
            ["workspaces.uid"],
            name=op.f("fk_operations_workspace_uid_workspaces"),
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_operations")),
    )
    op.create_index(op.f("ix_operations_end_time"), "operations", ["end_time"])
    op.create_index(
        op.f("ix_operations_organization_workspace_create_time_uid"),
        "operations",
        ["organization", "workspace", "create_time", "uid"],
    )
    op.create_index(
        "uq_operations_live",
        "operations",
        ["workspace_uid"],
        unique=True,
        sqlite_where=_LIVE,
        postgresql_where=_LIVE,
    )


def _extend_workspaces() -> None:
    """Every workspace so far was registered, and runs where somebody else started it."""
    new: tuple[sa.Column[Any], ...] = (
        sa.Column("labels", Json),
        sa.Column("update_time", UtcDateTime()),
        sa.Column("mode", sa.Text()),
        sa.Column("phase", sa.Text()),
        sa.Column("phase_reason", sa.Text()),
        sa.Column("phase_time", UtcDateTime()),
        sa.Column("target_version", sa.Text()),
        sa.Column("upgrade_policy", sa.Text()),
    )
    with op.batch_alter_table("workspaces") as table:
        for column in new:
            table.add_column(column)
    op.execute(
        "UPDATE workspaces SET labels = '{}', update_time = create_time, mode = 'HYBRID', "
        "phase = 'RUNNING', phase_reason = '', phase_time = create_time, target_version = '', "
        "upgrade_policy = 'MANUAL'"
    )
    with op.batch_alter_table("workspaces") as table:
        for column in new:
            table.alter_column(column.name, existing_type=column.type, nullable=False)
