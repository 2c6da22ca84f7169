"""Wishes that single steps of runs stop."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import Json

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column("runs", sa.Column("step_stops", Json, nullable=True))
    op.add_column("steps", sa.Column("stop_request", Json, nullable=True))
