"""The tables of code repositories, and what snapshots know of them."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import BigInt, Json, UtcDateTime

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column(
        "snapshots", sa.Column("code_repository", sa.Text(), nullable=False, server_default="")
    )
    op.create_index(
        op.f("ix_snapshots_project_code_repository"), "snapshots", ["project", "code_repository"]
    )
    op.create_table(
        "code_repositories",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("labels", Json, nullable=True),
        sa.Column("annotations", Json, nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("api_url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("secret_key", sa.Text(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("update_time", UtcDateTime(), nullable=False),
        sa.Column("secret_reader", sa.Text(), nullable=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.Column("changes", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["project"], ["projects.id"], name=op.f("fk_code_repositories_project_projects")
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_code_repositories")),
        sa.UniqueConstraint("project", "id", name=op.f("uq_code_repositories_project_id")),
    )
    op.create_index(
        op.f("ix_code_repositories_project_create_time_uid"),
        "code_repositories",
        ["project", "create_time", "uid"],
    )
    for column in ("kind", "url"):
        op.create_index(
            op.f(f"ix_code_repositories_project_{column}"),
            "code_repositories",
            ["project", column],
        )
    op.create_index(op.f("ix_code_repositories_secret"), "code_repositories", ["secret"])
    op.create_table(
        "code_archives",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("repository_uid", sa.Uuid(), nullable=False),
        sa.Column("commit_id", sa.Text(), nullable=False),
        sa.Column("directory", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size_bytes", BigInt, nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_uid"],
            ["code_repositories.uid"],
            name=op.f("fk_code_archives_repository_uid_code_repositories"),
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_code_archives")),
        sa.UniqueConstraint(
            "repository_uid",
            "commit_id",
            "directory",
            name=op.f("uq_code_archives_repository_uid_commit_id_directory"),
        ),
    )
