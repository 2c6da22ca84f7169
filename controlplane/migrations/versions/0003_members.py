"""Members, invitations, and what becomes of an account."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import UtcDateTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("organizations", sa.Column("delete_time", UtcDateTime(), nullable=True))
    op.add_column("users", sa.Column("deactivate_time", UtcDateTime(), nullable=True))
    for name in ("client", "address"):
        column = sa.Column(name, sa.Text(), nullable=False, server_default="")
        op.add_column("sessions", column)
    op.add_column("sessions", sa.Column("last_used_time", UtcDateTime(), nullable=True))
