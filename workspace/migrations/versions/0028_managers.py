"""Which workload manager has a launch, and so a run."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    for table in ("runs", "launches", "step_launches"):
        column = sa.Column("manager", sa.Text(), nullable=False, server_default="")
        op.add_column(table, column)
