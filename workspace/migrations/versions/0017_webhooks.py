"""The tables of webhooks, and the triggers that wait for them."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import BigInt, Json, UtcDateTime

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("triggers", sa.Column("webhook", sa.Text(), nullable=False, server_default=""))
    op.add_column("triggers", sa.Column("template", sa.Text(), nullable=False, server_default=""))
    for by in ("template", "webhook"):
        op.create_index(op.f(f"ix_triggers_project_{by}_uid"), "triggers", ["project", by, "uid"])
    _webhooks()
    _deliveries()


def _webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("update_time", UtcDateTime(), nullable=False),
        sa.Column("secrets", sa.LargeBinary(), nullable=False),
        sa.Column("secret_create_time", UtcDateTime(), nullable=False),
        sa.Column("previous_secret_expire_time", UtcDateTime(), nullable=True),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("labels", Json, nullable=True),
        sa.Column("hmac", Json, nullable=True),
        sa.Column("last_delivery_time", UtcDateTime(), nullable=True),
        sa.Column("delivery_count", BigInt, nullable=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.Column("changes", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["project"], ["projects.id"], name=op.f("fk_webhooks_project_projects")
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_webhooks")),
        sa.UniqueConstraint("project", "id", name=op.f("uq_webhooks_project_id")),
    )
    for by in ("create_time", "kind"):
        name = op.f(f"ix_webhooks_project_{by}_uid")
        op.create_index(name, "webhooks", ["project", by, "uid"])


def _deliveries() -> None:
    table = "webhook_deliveries"
    op.create_table(
        table,
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("webhook_uid", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("webhook", sa.Text(), nullable=False),
        sa.Column("number", BigInt, nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", BigInt, nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("firings", Json, nullable=True),
        sa.Column("attempts", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["webhook_uid"],
            ["webhooks.uid"],
            name=op.f("fk_webhook_deliveries_webhook_uid_webhooks"),
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_webhook_deliveries")),
        sa.UniqueConstraint(
            "webhook_uid", "delivery_id", name=op.f("uq_webhook_deliveries_webhook_uid_delivery_id")
        ),
    )
    for columns in (
        ["webhook_uid", "create_time", "uid"],
        ["webhook_uid", "event_type", "create_time", "uid"],
        ["webhook_uid", "number"],
        ["create_time"],
    ):
        op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, columns)
