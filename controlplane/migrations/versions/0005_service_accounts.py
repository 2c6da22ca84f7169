"""Service accounts and their keys, scopes of personal tokens, revocations of any subject."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import BigInt, Json, UtcDateTime

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    _create_accounts()
    _create_keys()
    _create_federation()
    _add_scopes()
    # The subject says whose tokens are revoked; service accounts are no users.
    with op.batch_alter_table("revocations") as revocations:
        revocations.drop_constraint(op.f("fk_revocations_user_uid_users"), type_="foreignkey")
        revocations.drop_column("user_uid")


def _add_scopes() -> None:
    """Tokens made so far are not limited."""
    with op.batch_alter_table("personal_access_tokens") as tokens:
        tokens.add_column(sa.Column("scopes", Json, nullable=False, server_default="[]"))
    with op.batch_alter_table("personal_access_tokens") as tokens:
        tokens.alter_column("scopes", server_default=None)
    op.create_index(
        op.f("ix_personal_access_tokens_create_time_uid"),
        "personal_access_tokens",
        ["create_time", "uid"],
    )


def _create_accounts() -> None:
    op.create_table(
        "service_accounts",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("update_time", UtcDateTime(), nullable=False),
        sa.Column("disable_time", UtcDateTime(), nullable=True),
        sa.Column("delete_time", UtcDateTime(), nullable=True),
        sa.Column("revision", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["organization"],
            ["organizations.id"],
            name=op.f("fk_service_accounts_organization_organizations"),
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_service_accounts")),
    )
    op.create_index(
        "uq_service_accounts_live_id",
        "service_accounts",
        ["organization", "id"],
        unique=True,
        sqlite_where=sa.text("delete_time IS NULL"),
        postgresql_where=sa.text("delete_time IS NULL"),
    )


def _create_federation() -> None:
    op.create_table(
        "federated_credentials",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("account_uid", sa.Uuid(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("conditions", Json, nullable=False),
        sa.Column("is_reusable", sa.Boolean(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("update_time", UtcDateTime(), nullable=False),
        sa.Column("last_used_time", UtcDateTime(), nullable=True),
        sa.Column("revision", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_uid"],
            ["service_accounts.uid"],
            name=op.f("fk_federated_credentials_account_uid_service_accounts"),
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_federated_credentials")),
        sa.UniqueConstraint(
            "account_uid", "id", name=op.f("uq_federated_credentials_account_uid_id")
        ),
    )
    op.create_table(
        "used_assertions",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("expire_time", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_used_assertions")),
    )
    op.create_index(op.f("ix_used_assertions_expire_time"), "used_assertions", ["expire_time"])


def _create_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("account_uid", sa.Uuid(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("update_time", UtcDateTime(), nullable=False),
        sa.Column("expire_time", UtcDateTime(), nullable=False),
        sa.Column("last_used_time", UtcDateTime(), nullable=True),
        sa.Column("is_retained", sa.Boolean(), nullable=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_uid"],
            ["service_accounts.uid"],
            name=op.f("fk_api_keys_account_uid_service_accounts"),
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_api_keys")),
    )
    op.create_index(op.f("ix_api_keys_expire_time"), "api_keys", ["expire_time"])
    op.create_index(
        op.f("ix_api_keys_account_uid_create_time_uid"),
        "api_keys",
        ["account_uid", "create_time", "uid"],
    )
