"""What the pods of attempts look like, as their steps say it."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import Json

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.add_column("step_launches", sa.Column("pod", Json, nullable=True))
