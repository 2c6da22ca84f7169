"""Quotas of logs: what projects allow, and what logs and their runs have taken of it."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import BigInt

revision = "0019"
down_revision = "0018"

_LIMITS = (
    "max_run_log_bytes",
    "max_run_log_lines",
    "max_log_stream_bytes",
    "max_log_stream_lines",
)
_COUNTERS = ("accounted_offset", "kept_bytes", "dropped_lines", "charged_bytes", "charged_lines")


def upgrade() -> None:
    for table, names in (("projects", _LIMITS), ("log_streams", _COUNTERS)):
        for name in names:
            op.add_column(table, sa.Column(name, BigInt, nullable=False, server_default="0"))
    op.create_table(
        "run_log_usage",
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("bytes", BigInt, nullable=False),
        sa.Column("lines", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["project", "run"],
            ["runs.project", "runs.id"],
            name=op.f("fk_run_log_usage_project_run_runs"),
        ),
        sa.PrimaryKeyConstraint("project", "run", name=op.f("pk_run_log_usage")),
    )
