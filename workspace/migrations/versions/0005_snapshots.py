"""Templates, builds, what people call things, and runs that wait for their turn."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from meshkit.schema import BigInt, Json, UtcDateTime

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    _count("projects", "max_concurrent_runs", "0")
    op.add_column("launches", sa.Column("start_by", UtcDateTime(), nullable=True))
    for table in ("pipelines", "snapshots", "runs"):
        _text(table, "display_name")
        _text(table, "description")
    for table in ("pipelines", "snapshots"):
        op.add_column(table, sa.Column("labels", Json, nullable=True))
        _count(table, "changes", "1")
    op.add_column("runs", sa.Column("step_settings", Json, nullable=True))
    _extend_snapshots()
    _create_builds()
    for table in ("runs", "snapshots"):
        op.create_index(op.f(f"ix_{table}_labels"), table, ["labels"], postgresql_using="gin")


def _extend_snapshots() -> None:
    _text("snapshots", "build")
    op.add_column("snapshots", sa.Column("template", sa.Text(), nullable=True))
    # SQLite adds no column without a value for the rows that are there: they changed last when
    # they were made.
    update_time: sa.Column[datetime] = sa.Column(
        "update_time", UtcDateTime(), nullable=False, server_default="1970-01-01 00:00:00"
    )
    op.add_column("snapshots", update_time)
    op.execute("UPDATE snapshots SET update_time = create_time")
    op.create_index(
        op.f("ix_snapshots_project_build_create_time_uid"),
        "snapshots",
        ["project", "build", "create_time", "uid"],
    )
    op.create_index(
        op.f("ix_snapshots_project_template"), "snapshots", ["project", "template"], unique=True
    )


def _create_builds() -> None:
    op.create_table(
        "builds",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("pipeline", sa.Text(), nullable=False),
        sa.Column("checksum", sa.Text(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("image", Json, nullable=True),
        sa.Column("step_images", Json, nullable=True),
        sa.Column("labels", Json, nullable=True),
        sa.Column("revision", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["project"], ["projects.id"], name=op.f("fk_builds_project_projects")
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_builds")),
        sa.UniqueConstraint("project", "id", name=op.f("uq_builds_project_id")),
    )
    for column in ((), ("pipeline",), ("checksum",)):
        columns = ["project", *column, "create_time", "uid"]
        op.create_index(op.f(f"ix_builds_{'_'.join(columns)}"), "builds", columns)


def _text(table: str, column: str) -> None:
    op.add_column(table, sa.Column(column, sa.Text(), nullable=False, server_default=""))


def _count(table: str, column: str, default: str) -> None:
    op.add_column(table, sa.Column(column, BigInt, nullable=False, server_default=default))
