"""The tables of operations: statistics."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import BigInt

revision = "0015"
down_revision = "0014"

_COUNTS = (
    "created_runs",
    "started_runs",
    "succeeded_runs",
    "failed_runs",
    "stopped_runs",
    "run_ms",
    "succeeded_steps",
    "cached_steps",
    "skipped_steps",
    "failed_steps",
    "stopped_steps",
    "step_ms",
    "retries",
)


def upgrade() -> None:
    op.create_table(
        "daily_statistics",
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("day", BigInt, nullable=False),
        sa.Column("pipeline", sa.Text(), nullable=False),
        sa.Column("of_deleted", sa.Boolean(), nullable=False),
        *(sa.Column(name, BigInt, nullable=False) for name in _COUNTS),
        sa.PrimaryKeyConstraint(
            "project", "day", "pipeline", "of_deleted", name=op.f("pk_daily_statistics")
        ),
    )
