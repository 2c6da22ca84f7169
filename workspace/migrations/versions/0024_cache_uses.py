"""Versions that steps took over from earlier runs."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.create_table(
        "cache_uses",
        sa.Column("step_uid", sa.Uuid(), nullable=False),
        sa.Column("version_uid", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["step_uid"], ["steps.uid"], name=op.f("fk_cache_uses_step_uid_steps")
        ),
        sa.ForeignKeyConstraint(
            ["version_uid"],
            ["artifact_versions.uid"],
            name=op.f("fk_cache_uses_version_uid_artifact_versions"),
        ),
        sa.PrimaryKeyConstraint("step_uid", "version_uid", name=op.f("pk_cache_uses")),
    )
    op.create_index(op.f("ix_cache_uses_version_uid"), "cache_uses", ["version_uid"])
