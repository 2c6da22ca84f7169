"""Which server process appends to a log: replicas take over from each other."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.add_column("log_streams", sa.Column("holder", sa.Uuid(), nullable=True))
    fence = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("log_streams", sa.Column("fence", fence, nullable=False, server_default="0"))
