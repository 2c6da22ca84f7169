"""Images that workloads build."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import Json, UtcDateTime

revision = "0030"
down_revision = "0029"

_STATES = "'INTENDED', 'SUBMITTED', 'CANCELLING', 'ENDED'"


def upgrade() -> None:
    # What is there was built by whoever submitted.
    for name, default in (("stack", ""), ("state", "SUCCEEDED"), ("state_reason", "")):
        column = sa.Column(name, sa.Text(), nullable=False, server_default=default)
        op.add_column("builds", column)
    op.add_column("builds", sa.Column("end_time", UtcDateTime(), nullable=True))
    op.create_table(
        "build_launches",
        sa.Column("build_uid", sa.Uuid(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("build", sa.Text(), nullable=False),
        sa.Column("workload", sa.Text(), nullable=False),
        sa.Column("recipe", Json, nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("start_by", UtcDateTime(), nullable=True),
        sa.Column("manager", sa.Text(), nullable=False),
        sa.CheckConstraint(f"state IN ({_STATES})", name=op.f("ck_build_launches_state")),
        sa.ForeignKeyConstraint(
            ["build_uid"], ["builds.uid"], name=op.f("fk_build_launches_build_uid_builds")
        ),
        sa.PrimaryKeyConstraint("build_uid", "uri", name=op.f("pk_build_launches")),
    )
    op.create_index(op.f("ix_build_launches_state"), "build_launches", ["state"])
    op.create_index(op.f("ix_build_launches_workload"), "build_launches", ["workload"])
    op.create_index(op.f("ix_build_launches_project_uri"), "build_launches", ["project", "uri"])
