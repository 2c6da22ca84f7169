"""What people say of artifacts and their versions, and bytes that are to be deleted."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import BigInt, Json, UtcDateTime

revision = "0006"
down_revision = "0005"

_ARTIFACTS = "artifacts"
_VERSIONS = "artifact_versions"


def upgrade() -> None:
    op.add_column(_ARTIFACTS, sa.Column("last_number", BigInt, nullable=False, server_default="0"))
    op.execute("UPDATE artifacts SET last_number = latest_version")
    for name in ("display_name", "description"):
        op.add_column(_ARTIFACTS, sa.Column(name, sa.Text(), nullable=False, server_default=""))
    _add_described(_ARTIFACTS)
    op.create_index(
        op.f("ix_artifacts_project_create_time_uid"), _ARTIFACTS, ["project", "create_time", "uid"]
    )
    op.create_index(
        op.f("ix_artifacts_project_display_name"), _ARTIFACTS, ["project", "display_name"]
    )
    op.add_column(_VERSIONS, sa.Column("alias", sa.Text(), nullable=True))
    op.add_column(_VERSIONS, sa.Column("description", sa.Text(), nullable=False, server_default=""))
    _add_described(_VERSIONS)
    op.add_column(_VERSIONS, sa.Column("visualizations", Json, nullable=True))
    op.add_column(_VERSIONS, sa.Column("update_time", UtcDateTime(), nullable=True))
    op.create_index(
        op.f("ix_artifact_versions_project_artifact_alias"),
        _VERSIONS,
        ["project", "artifact", "alias"],
        unique=True,
    )
    op.create_index(op.f("ix_artifact_versions_project_alias"), _VERSIONS, ["project", "alias"])
    op.create_index(op.f("ix_artifact_versions_uri"), _VERSIONS, ["uri"])
    op.create_table(
        "content_removals",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("request_time", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_content_removals")),
    )


def _add_described(table: str) -> None:
    for name in ("labels", "metadata"):
        op.add_column(table, sa.Column(name, Json, nullable=True))
    op.add_column(table, sa.Column("changes", BigInt, nullable=False, server_default="1"))
    op.create_index(op.f(f"ix_{table}_labels"), table, ["labels"], postgresql_using="gin")
