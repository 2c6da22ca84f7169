"""One audit chain for each organization, and its checkpoints."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import BigInt, UtcDateTime

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "audit_checkpoints",
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("sequence", BigInt, autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("time", UtcDateTime(), nullable=False),
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("chain", "sequence", "kind", name=op.f("pk_audit_checkpoints")),
    )
    op.create_table(
        "audit_sources",
        sa.Column("workspace_uid", sa.Uuid(), nullable=False),
        sa.Column("sequence", BigInt, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_uid"],
            ["workspaces.uid"],
            name=op.f("fk_audit_sources_workspace_uid_workspaces"),
        ),
        sa.PrimaryKeyConstraint("workspace_uid", name=op.f("pk_audit_sources")),
    )
    op.create_index("uq_audit_events_uid", "audit_events", ["uid"], unique=True)
    for column in ("time", "actor", "action", "resource", "workspace", "code"):
        op.create_index(
            f"ix_audit_events_chain_{column}", "audit_events", ["chain", column, "sequence"]
        )
