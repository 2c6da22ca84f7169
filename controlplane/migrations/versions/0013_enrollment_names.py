"""What people call the services that joined."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column(
        "enrollments", sa.Column("display_name", sa.Text(), nullable=False, server_default="")
    )
