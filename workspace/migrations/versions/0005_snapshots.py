"""Runs that wait for their turn, and for their runner."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import BigInt, UtcDateTime

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column(
        "projects", sa.Column("max_concurrent_runs", BigInt, nullable=False, server_default="0")
    )
    op.add_column("launches", sa.Column("start_by", UtcDateTime(), nullable=True))
