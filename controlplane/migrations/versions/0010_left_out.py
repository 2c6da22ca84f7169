"""What an invitation promised and nobody could give."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import Json

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    for name in ("roles_left_out", "teams_left_out"):
        op.add_column("invitations", sa.Column(name, Json, nullable=False, server_default="[]"))
