"""Steps in workloads of their own."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import BigInt, Json, UtcDateTime

revision = "0027"
down_revision = "0026"

_STATES = "'INTENDED', 'SUBMITTED', 'STOPPING', 'CANCELLING', 'ENDED'"


def upgrade() -> None:
    for name in ("workload", "attempt_outcome"):
        column = sa.Column(name, sa.Text(), nullable=False, server_default="")
        op.add_column("steps", column)
    op.create_table(
        "step_launches",
        sa.Column("step_uid", sa.Uuid(), nullable=False),
        sa.Column("attempt", BigInt, nullable=False),
        sa.Column("run_uid", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("workload", sa.Text(), nullable=False),
        sa.Column("arguments", sa.Text(), nullable=False),
        sa.Column("resources", Json, nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reporter", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("start_by", UtcDateTime(), nullable=True),
        sa.Column("over_time", UtcDateTime(), nullable=True),
        sa.CheckConstraint(f"state IN ({_STATES})", name=op.f("ck_step_launches_state")),
        sa.ForeignKeyConstraint(
            ["step_uid"], ["steps.uid"], name=op.f("fk_step_launches_step_uid_steps")
        ),
        sa.PrimaryKeyConstraint("step_uid", "attempt", name=op.f("pk_step_launches")),
        sa.UniqueConstraint("workload", name=op.f("uq_step_launches_workload")),
    )
    op.create_index(op.f("ix_step_launches_state"), "step_launches", ["state"])
    op.create_index(op.f("ix_step_launches_run_uid"), "step_launches", ["run_uid"])
