"""Workspaces that the control plane provisions, and its operations."""

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    pass
