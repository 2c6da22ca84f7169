"""One audit chain for each organization, and its checkpoints."""

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    pass
