"""Stacks, their components and flavors; which stack projects, snapshots and runs have."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import BigInt, Json, UtcDateTime

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "components",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("labels", Json, nullable=True),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("flavor", sa.Text(), nullable=False),
        sa.Column("config", Json, nullable=True),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("connector_resource", sa.Text(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("update_time", UtcDateTime(), nullable=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.Column("changes", BigInt, nullable=False),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_components")),
        sa.UniqueConstraint("id", name=op.f("uq_components_id")),
    )
    op.create_index(op.f("ix_components_connector"), "components", ["connector"], unique=False)
    op.create_index(
        op.f("ix_components_create_time_uid"), "components", ["create_time", "uid"], unique=False
    )
    op.create_index(
        op.f("ix_components_display_name"), "components", ["display_name"], unique=False
    )
    op.create_index(op.f("ix_components_flavor_id"), "components", ["flavor", "id"], unique=False)
    op.create_index(op.f("ix_components_type_id"), "components", ["type", "id"], unique=False)
    op.create_table(
        "flavors",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("labels", Json, nullable=True),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("config_schema", Json, nullable=True),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_flavors")),
        sa.UniqueConstraint("id", name=op.f("uq_flavors_id")),
    )
    op.create_table(
        "stacks",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("labels", Json, nullable=True),
        sa.Column("components", Json, nullable=True),
        sa.Column("additional_components", Json, nullable=True),
        sa.Column("workspace_default", sa.Boolean(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("update_time", UtcDateTime(), nullable=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.Column("changes", BigInt, nullable=False),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_stacks")),
        sa.UniqueConstraint("id", name=op.f("uq_stacks_id")),
    )
    op.create_index(
        op.f("ix_stacks_create_time_uid"), "stacks", ["create_time", "uid"], unique=False
    )
    op.create_index(op.f("ix_stacks_display_name"), "stacks", ["display_name"], unique=False)
    op.create_index(
        "uq_stacks_workspace_default",
        "stacks",
        ["workspace_default"],
        unique=True,
        sqlite_where=sa.text("workspace_default"),
        postgresql_where=sa.text("workspace_default"),
    )
    op.create_table(
        "stack_parts",
        sa.Column("stack_uid", sa.Uuid(), nullable=False),
        sa.Column("component_uid", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["component_uid"],
            ["components.uid"],
            name=op.f("fk_stack_parts_component_uid_components"),
        ),
        sa.ForeignKeyConstraint(
            ["stack_uid"], ["stacks.uid"], name=op.f("fk_stack_parts_stack_uid_stacks")
        ),
        sa.PrimaryKeyConstraint("stack_uid", "component_uid", name=op.f("pk_stack_parts")),
    )
    op.create_index(
        op.f("ix_stack_parts_component_uid"), "stack_parts", ["component_uid"], unique=False
    )
    op.add_column(
        "projects", sa.Column("default_stack", sa.Text(), nullable=False, server_default="")
    )
    op.add_column("snapshots", sa.Column("stack", sa.Text(), nullable=False, server_default=""))
    op.create_index(op.f("ix_snapshots_stack"), "snapshots", ["stack"], unique=False)
    op.add_column("runs", sa.Column("stack", sa.Text(), nullable=False, server_default=""))
