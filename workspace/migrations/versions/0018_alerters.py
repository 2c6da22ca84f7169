"""The tables of alerters."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import BigInt, Json, UtcDateTime

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    _alerters()
    _deliveries()


def _alerters() -> None:
    op.create_table(
        "alerters",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("target", sa.LargeBinary(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("update_time", UtcDateTime(), nullable=False),
        sa.Column("active_since", UtcDateTime(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("pause_reason", sa.Text(), nullable=False),
        sa.Column("labels", Json, nullable=True),
        sa.Column("types", Json, nullable=True),
        sa.Column("failing_since", UtcDateTime(), nullable=True),
        sa.Column("old_secret_until", UtcDateTime(), nullable=True),
        sa.Column("revision", BigInt, nullable=False),
        sa.Column("changes", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["project"], ["projects.id"], name=op.f("fk_alerters_project_projects")
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_alerters")),
        sa.UniqueConstraint("project", "id", name=op.f("uq_alerters_project_id")),
    )
    _index("alerters", "project", "create_time", "uid")


def _deliveries() -> None:
    op.create_table(
        "alert_deliveries",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("alerter_uid", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("alerter", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("give_up_time", UtcDateTime(), nullable=False),
        sa.Column("next_attempt_time", UtcDateTime(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("attempts", Json, nullable=True),
        sa.Column("attempt_count", BigInt, nullable=False),
        sa.Column("tries", BigInt, nullable=False),
        sa.Column("settle_time", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["alerter_uid"],
            ["alerters.uid"],
            name=op.f("fk_alert_deliveries_alerter_uid_alerters"),
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_alert_deliveries")),
    )
    _index("alert_deliveries", "alerter_uid", "create_time", "uid")
    _index("alert_deliveries", "project", "create_time", "uid")
    _index("alert_deliveries", "alerter_uid", "state", "next_attempt_time", "uid")
    _index("alert_deliveries", "state", "next_attempt_time")
    _index("alert_deliveries", "state", "create_time", "uid")
    _index("alert_deliveries", "cause", "create_time")


def _index(table: str, *columns: str) -> None:
    op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns), unique=False)
