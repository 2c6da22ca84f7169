"""Identity providers, trusted domains, and the identities they vouch for."""

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    pass
