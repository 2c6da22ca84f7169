"""The tables of secrets."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import BigInt, Json, UtcDateTime

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "data_keys",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("wrapped_by", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("state_time", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "state IN ('PUBLISHED', 'CURRENT', 'REPLACED', 'UNUSED')",
            name=op.f("ck_data_keys_state"),
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_data_keys")),
    )
    op.create_table(
        "secrets",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("labels", Json, nullable=True),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("keys", Json, nullable=True),
        sa.Column("generation", sa.Uuid(), nullable=False),
        sa.Column("backend", sa.Uuid(), nullable=False),
        sa.Column("backup", sa.Uuid(), nullable=True),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("update_time", UtcDateTime(), nullable=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.Column("changes", BigInt, nullable=False),
        sa.Column("projects", Json, nullable=True),
        sa.CheckConstraint("scope IN ('SHARED', 'PRIVATE')", name=op.f("ck_secrets_scope")),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_secrets")),
        sa.UniqueConstraint("id", name=op.f("uq_secrets_id")),
    )
    op.create_index(op.f("ix_secrets_create_time_uid"), "secrets", ["create_time", "uid"])
    op.create_index(
        op.f("ix_secrets_creator_create_time_uid"), "secrets", ["creator", "create_time", "uid"]
    )
    op.create_index(op.f("ix_secrets_backend"), "secrets", ["backend"])
    op.create_table(
        "secret_values",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_secret_values")),
    )
    op.create_table(
        "secret_leftovers",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("generation", sa.Uuid(), nullable=False),
        sa.Column("backend", sa.Uuid(), nullable=False),
        sa.Column("is_doomed", sa.Boolean(), nullable=False),
        sa.Column("due_time", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_secret_leftovers")),
    )
    op.create_index(op.f("ix_secret_leftovers_due_time"), "secret_leftovers", ["due_time"])
    op.create_index(op.f("ix_secret_leftovers_generation"), "secret_leftovers", ["generation"])
    op.create_table(
        "secret_backends",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("config", Json, nullable=True),
        sa.Column("credentials", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_secret_backends")),
    )
    op.create_table(
        "secret_stores",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("backend", sa.Uuid(), nullable=False),
        sa.Column("update_time", UtcDateTime(), nullable=False),
        sa.Column("backup", sa.Uuid(), nullable=True),
        sa.Column("target", sa.Uuid(), nullable=True),
        sa.Column("moved", BigInt, nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("start_time", UtcDateTime(), nullable=True),
        sa.Column("end_time", UtcDateTime(), nullable=True),
        sa.Column("changes", BigInt, nullable=False),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_secret_stores")),
    )
