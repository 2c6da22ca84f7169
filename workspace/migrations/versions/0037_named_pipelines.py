"""Pipelines are found by the name that people read."""

from alembic import op

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    columns = ["project", "display_name"]
    op.create_index(op.f("ix_pipelines_project_display_name"), "pipelines", columns)
