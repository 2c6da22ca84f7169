"""Quotas and what is used of them."""

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    pass
