"""Steps in workloads of their own."""

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    pass
