"""Why a step's result was, or was not, taken from an earlier run."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("steps", sa.Column("cache_reason", sa.Text(), nullable=False, server_default=""))
