"""Values that lists are filtered by."""

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    pass
