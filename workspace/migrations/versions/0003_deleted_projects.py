"""Deleted projects, whose ids are not given again."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import UtcDateTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("projects", sa.Column("delete_time", UtcDateTime(), nullable=True))
