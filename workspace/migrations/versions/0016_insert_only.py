"""The audit log is insert-only, for the database too."""

from meshkit.insert_only import protect_audit

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    protect_audit()
