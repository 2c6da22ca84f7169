"""Signs of life of attempts that are executed apart."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import BigInt, UtcDateTime

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.add_column("steps", sa.Column("unresponsive_since", UtcDateTime(), nullable=True))
    heartbeat = sa.Column("heartbeat_ms", BigInt, nullable=False, server_default="0")
    op.add_column("step_launches", heartbeat)
