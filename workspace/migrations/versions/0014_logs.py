"""The tables of logs: what retention looks for."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_index(
        op.f("ix_log_streams_state_create_time"), "log_streams", ["state", "create_time"]
    )
