"""Enrollments of services that serve all workspaces of an organization."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column(
        "enrollments",
        sa.Column("all_workspaces", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
