"""The tables of secrets."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import UtcDateTime

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "data_keys",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("wrapped_by", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("state_time", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "state IN ('PUBLISHED', 'CURRENT', 'REPLACED', 'UNUSED')",
            name=op.f("ck_data_keys_state"),
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_data_keys")),
    )
