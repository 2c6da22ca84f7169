"""Quotas and what is used of them."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import BigInt

revision = "0025"
down_revision = "0024"

_PROJECT_QUOTAS = (
    "runs",
    "artifact_versions",
    "artifact_bytes",
    "log_bytes",
    "pipelines",
    "snapshots",
    "model_versions",
    "automations",
)
# What a database holds already: a quota, and a table whose rows, or whose column, add up to it.
_OF_PROJECTS = (
    ("runs", "runs", "1"),
    ("artifact_versions", "artifact_versions", "1"),
    ("artifact_bytes", "artifact_versions", "size_bytes"),
    ("log_bytes", "log_streams", "charged_bytes"),
    ("pipelines", "pipelines", "1"),
    ("snapshots", "snapshots", "1"),
    ("snapshots", "builds", "1"),
    ("model_versions", "model_versions", "1"),
    ("automations", "schedules", "1"),
    ("automations", "triggers", "1"),
    ("automations", "webhooks", "1"),
    ("automations", "alerters", "1"),
    ("automations", "code_repositories", "1"),
)
_OF_WORKSPACE = (
    ("projects", "projects WHERE delete_time IS NULL"),
    ("infrastructure", "stacks"),
    ("infrastructure", "components"),
    ("infrastructure", "flavors"),
    ("infrastructure", "service_connectors"),
    ("infrastructure", "secrets"),
)


def upgrade() -> None:
    for quota in _PROJECT_QUOTAS:
        op.add_column(
            "projects", sa.Column(f"max_{quota}", BigInt, nullable=False, server_default="0")
        )
    op.add_column(
        "archived_logs", sa.Column("charged_bytes", BigInt, nullable=False, server_default="0")
    )
    op.create_table(
        "uses",
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("quota", sa.Text(), nullable=False),
        sa.Column("amount", BigInt, nullable=False),
        sa.PrimaryKeyConstraint("project", "quota", name=op.f("pk_uses")),
    )
    of_each = " UNION ALL ".join(
        f"SELECT project, '{quota}' AS quota, {amount} AS amount FROM {table}"  # noqa: S608 - ours
        for quota, table, amount in _OF_PROJECTS
    )
    of_all = " UNION ALL ".join(
        f"SELECT '' AS project, '{quota}' AS quota, 1 AS amount FROM {rows}"  # noqa: S608 - ours
        for quota, rows in _OF_WORKSPACE
    )
    op.execute(
        "INSERT INTO uses (project, quota, amount) "  # noqa: S608 - ours
        f"SELECT project, quota, SUM(amount) FROM ({of_each}) AS held GROUP BY project, quota"
    )
    op.execute(
        "INSERT INTO uses (project, quota, amount) "  # noqa: S608 - ours
        "SELECT '', quota, SUM(amount) FROM ("
        f"SELECT quota, amount FROM uses UNION ALL SELECT quota, amount FROM ({of_all}) AS whole"
        ") AS held GROUP BY quota"
    )
