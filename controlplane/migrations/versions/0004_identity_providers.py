"""Identity providers, trusted domains, and the identities they vouch for."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import BigInt, Json, UtcDateTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    _create_identity_providers()
    _create_trusted_domains()
    _create_identities()
    _create_logins()


def _create_identity_providers() -> None:
    op.create_table(
        "identity_providers",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("client_secret", sa.LargeBinary(), nullable=True),
        sa.Column("scopes", Json, nullable=False),
        sa.Column("groups_claim", sa.Text(), nullable=False),
        sa.Column("allowed_groups", Json, nullable=False),
        sa.Column("group_mappings", Json, nullable=False),
        sa.Column("join_policy", sa.Text(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("update_time", UtcDateTime(), nullable=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["organization"],
            ["organizations.id"],
            name=op.f("fk_identity_providers_organization_organizations"),
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_identity_providers")),
        sa.UniqueConstraint(
            "organization", "id", name=op.f("uq_identity_providers_organization_id")
        ),
    )


def _create_trusted_domains() -> None:
    op.create_table(
        "trusted_domains",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("challenge", sa.Text(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("verify_time", UtcDateTime(), nullable=True),
        sa.Column("revision", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["organization"],
            ["organizations.id"],
            name=op.f("fk_trusted_domains_organization_organizations"),
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_trusted_domains")),
        sa.UniqueConstraint(
            "organization", "domain", name=op.f("uq_trusted_domains_organization_domain")
        ),
    )


def _create_identities() -> None:
    op.create_table(
        "identities",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("user_uid", sa.Uuid(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("last_login_time", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_uid"], ["users.uid"], name=op.f("fk_identities_user_uid_users")
        ),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_identities")),
    )
    op.create_index(op.f("ix_identities_user_uid"), "identities", ["user_uid"])


def _create_logins() -> None:
    op.create_table(
        "logins",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("provider_uid", sa.Uuid(), nullable=False),
        sa.Column("state_digest", sa.LargeBinary(), nullable=False),
        sa.Column("redirect_uri", sa.Text(), nullable=False),
        sa.Column("client_state", sa.Text(), nullable=False),
        sa.Column("code_challenge", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("expire_time", UtcDateTime(), nullable=False),
        sa.Column("return_time", UtcDateTime(), nullable=True),
        sa.Column("user_uid", sa.Uuid(), nullable=True),
        sa.Column("code_digest", sa.LargeBinary(), nullable=True),
        sa.Column("code_expire_time", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["provider_uid"],
            ["identity_providers.uid"],
            name=op.f("fk_logins_provider_uid_identity_providers"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["user_uid"], ["users.uid"], name=op.f("fk_logins_user_uid_users")),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_logins")),
    )
    op.create_index(op.f("ix_logins_expire_time"), "logins", ["expire_time"])
    op.create_index(op.f("ix_logins_provider_uid"), "logins", ["provider_uid"])
