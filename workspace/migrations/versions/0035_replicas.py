"""Which servers of the workspace are alive."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import UtcDateTime

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    op.create_table(
        "replicas",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("start_time", UtcDateTime(), nullable=False),
        sa.Column("seen_time", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_replicas")),
    )
