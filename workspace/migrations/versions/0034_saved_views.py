"""Saved views of lists."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import BigInt, Json, UtcDateTime

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    op.create_table(
        "saved_views",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("order_by", sa.Text(), nullable=False),
        sa.Column("columns", Json, nullable=True),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("update_time", UtcDateTime(), nullable=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.Column("changes", BigInt, nullable=False),
        sa.CheckConstraint("scope IN ('SHARED', 'PRIVATE')", name=op.f("ck_saved_views_scope")),
        sa.ForeignKeyConstraint(
            ["project"], ["projects.id"], name=op.f("fk_saved_views_project_projects")
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_saved_views")),
        sa.UniqueConstraint("project", "id", name=op.f("uq_saved_views_project_id")),
    )
    for columns in (["create_time", "uid"], ["creator"], ["collection"]):
        name = op.f(f"ix_saved_views_project_{'_'.join(columns)}")
        op.create_index(name, "saved_views", ["project", *columns], unique=False)
