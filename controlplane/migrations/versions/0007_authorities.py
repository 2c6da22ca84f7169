"""The certificate authority's roots, and who holds certificates of which."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import BigInt, Json, UtcDateTime

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "roots",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("certificate_pem", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("not_after", UtcDateTime(), nullable=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_roots")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_roots_fingerprint")),
    )
    op.add_column("certificates", sa.Column("root", sa.Text(), nullable=False, server_default=""))
    op.add_column("links", sa.Column("trusted_roots", Json, nullable=False, server_default="[]"))
