"""The tables of operations: statistics, archived runs, and lines of logs that are to go."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from meshkit.schema import BigInt, UtcDateTime

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
    op.create_table(
        "log_removals",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("request_time", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_log_removals")),
    )
    _archive()


def _archive() -> None:
    for name in ("keep_run_days", "keep_last_runs"):
        op.add_column("projects", sa.Column(name, BigInt, nullable=False, server_default="0"))
    op.create_table(
        "archived_runs",
        sa.Column("uid", sa.Uuid(), nullable=False),
        *(_text(name) for name in ("project", "run", "pipeline", "state", "creator")),
        *(_time(name) for name in ("create_time", "end_time", "archive_time")),
        _text("key"),
        sa.Column("size_bytes", BigInt, nullable=False),
        _text("sha256"),
        sa.ForeignKeyConstraint(
            ["project"], ["projects.id"], name=op.f("fk_archived_runs_project_projects")
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_archived_runs")),
    )
    for columns in (["project"], ["project", "pipeline"], ["project", "run"]):
        key = [*columns, "archive_time", "uid"]
        op.create_index(op.f(f"ix_archived_runs_{'_'.join(key)}"), "archived_runs", key)
    op.create_table(
        "archived_logs",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("run_uid", sa.Uuid(), nullable=False),
        _text("project"),
        _text("id"),
        _time("create_time"),
        sa.Column("next_offset", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["run_uid"], ["archived_runs.uid"], name=op.f("fk_archived_logs_run_uid_archived_runs")
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_archived_logs")),
        sa.UniqueConstraint("run_uid", "id", name=op.f("uq_archived_logs_run_uid_id")),
    )
    op.create_index(op.f("ix_archived_logs_create_time"), "archived_logs", ["create_time"])


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _time(name: str) -> sa.Column[datetime]:
    return sa.Column(name, UtcDateTime(), nullable=False)
