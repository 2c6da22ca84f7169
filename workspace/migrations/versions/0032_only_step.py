"""Retries of one step alone."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.add_column("runs", sa.Column("only_step", sa.Text(), nullable=False, server_default=""))
