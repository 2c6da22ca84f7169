"""Stacks and settings of steps, which schedules choose for their runs."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import Json

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.add_column("schedules", sa.Column("stack", sa.Text(), nullable=False, server_default=""))
    op.add_column("schedules", sa.Column("step_settings", Json, nullable=True))
