"""Members, invitations, and what becomes of an account."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    pass
