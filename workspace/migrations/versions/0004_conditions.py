"""What steps wait for people to say, and runs that wait to be resumed."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import BigInt, Json, UtcDateTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("runs", sa.Column("pause_request", Json, nullable=True))
    op.add_column("runs", sa.Column("metadata", Json, nullable=True))
    op.add_column(
        "runs", sa.Column("open_condition_count", BigInt, nullable=False, server_default="0")
    )
    op.create_table(
        "run_conditions",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("run_uid", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("update_time", UtcDateTime(), nullable=False),
        sa.Column("answer_schema", Json, nullable=True),
        sa.Column("approvers", Json, nullable=True),
        sa.Column("expire_time", UtcDateTime(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("resolver", sa.Text(), nullable=False),
        sa.Column("resolve_time", UtcDateTime(), nullable=True),
        sa.Column("answer", Json, nullable=True),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("changes", BigInt, nullable=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["run_uid"], ["runs.uid"], name=op.f("fk_run_conditions_run_uid_runs")
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_run_conditions")),
        sa.UniqueConstraint("run_uid", "id", name=op.f("uq_run_conditions_run_uid_id")),
    )
    for columns in (
        ["run_uid", "create_time", "uid"],
        ["run_uid", "state"],
        ["state", "expire_time"],
    ):
        op.create_index(op.f(f"ix_run_conditions_{'_'.join(columns)}"), "run_conditions", columns)
