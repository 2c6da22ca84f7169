"""Quotas of logs and what was taken of them; which secrets are hidden in the logs of a run."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import BigInt, UtcDateTime

revision = "0019"
down_revision = "0018"

_LIMITS = (
    "max_run_log_bytes",
    "max_run_log_lines",
    "max_log_stream_bytes",
    "max_log_stream_lines",
)
_COUNTERS = (
    "accounted_offset",
    "kept_bytes",
    "dropped_lines",
    "charged_bytes",
    "charged_lines",
    "forwarded_offset",
)


def upgrade() -> None:
    for table, names in (("projects", _LIMITS), ("log_streams", _COUNTERS)):
        for name in names:
            op.add_column(table, sa.Column(name, BigInt, nullable=False, server_default="0"))
    op.add_column(
        "log_streams",
        sa.Column("is_forwarded", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_index(op.f("ix_log_streams_is_forwarded_uid"), "log_streams", ["is_forwarded", "uid"])
    op.create_table(
        "log_forwarding",
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("target", name=op.f("pk_log_forwarding")),
    )
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
    op.create_table(
        "run_secrets",
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project", "run"],
            ["runs.project", "runs.id"],
            name=op.f("fk_run_secrets_project_run_runs"),
        ),
        sa.PrimaryKeyConstraint("project", "run", "secret", name=op.f("pk_run_secrets")),
    )
