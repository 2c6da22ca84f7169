"""The tables of connectors."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import BigInt, Json, UtcDateTime

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "service_connectors",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("labels", Json, nullable=True),
        sa.Column("annotations", Json, nullable=True),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("auth_method", sa.Text(), nullable=False),
        sa.Column("resource_types", Json, nullable=True),
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("config", Json, nullable=True),
        sa.Column("secrets", sa.LargeBinary(), nullable=False),
        sa.Column("secret_fields", Json, nullable=True),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("update_time", UtcDateTime(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("secret_reader", sa.Text(), nullable=False),
        sa.Column("expire_time", UtcDateTime(), nullable=True),
        sa.Column("revision", BigInt, nullable=False),
        sa.Column("changes", BigInt, nullable=False),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_service_connectors")),
        sa.UniqueConstraint("id", name=op.f("uq_service_connectors_id")),
    )
    op.create_index(
        op.f("ix_service_connectors_create_time_uid"), "service_connectors", ["create_time", "uid"]
    )
    op.create_index(
        op.f("ix_service_connectors_display_name"), "service_connectors", ["display_name"]
    )
    op.create_index(op.f("ix_service_connectors_secret"), "service_connectors", ["secret"])
    op.create_index(op.f("ix_service_connectors_type"), "service_connectors", ["type"])
