"""Sessions of browsers, and links that sign a browser in."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import UtcDateTime

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("sessions", sa.Column("token_digest", sa.LargeBinary(), nullable=True))
    op.create_table(
        "sign_in_links",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("session_uid", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("expire_time", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_uid"],
            ["sessions.uid"],
            name=op.f("fk_sign_in_links_session_uid_sessions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_sign_in_links")),
    )
    for column in ("session_uid", "expire_time"):
        op.create_index(op.f(f"ix_sign_in_links_{column}"), "sign_in_links", [column])
