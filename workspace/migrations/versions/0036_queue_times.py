"""How long attempts that are executed apart may wait."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import UtcDateTime

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    op.add_column("step_launches", sa.Column("queue_until", UtcDateTime(), nullable=True))
