"""The first schema: accounts, tokens, grants, the registry, and the mesh's members."""

import sqlalchemy as sa
from alembic import op
from alembic.operations import Operations

from meshkit.migrations import create_mesh_tables
from meshkit.schema import BigInt, Json, UtcDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_mesh_tables(Operations(op.get_context()))
    op.create_table(
        "links",
        sa.Column("spiffe_id", sa.Text(), nullable=False),
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("edge_endpoint", sa.Text(), nullable=False),
        sa.Column("mesh_endpoint", sa.Text(), nullable=False),
        sa.Column("features", Json, nullable=False),
        sa.Column("checks", Json, nullable=False),
        sa.Column("linked", sa.Boolean(), nullable=False),
        sa.Column("last_heartbeat_time", UtcDateTime(), nullable=True),
        sa.Column("revision", BigInt, nullable=False),
        sa.PrimaryKeyConstraint("spiffe_id", name=op.f("pk_links")),
        sa.UniqueConstraint("uid", name=op.f("uq_links_uid")),
    )
    op.create_table(
        "organizations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organizations")),
        sa.UniqueConstraint("uid", name=op.f("uq_organizations_uid")),
    )
    op.create_table(
        "signing_keys",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("jwk", Json, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("activate_time", UtcDateTime(), nullable=True),
        sa.Column("expire_time", UtcDateTime(), nullable=True),
        sa.Column("revision", BigInt, nullable=False),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_signing_keys")),
        sa.UniqueConstraint("kid", name=op.f("uq_signing_keys_kid")),
    )
    op.create_table(
        "users",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_users")),
        sa.UniqueConstraint("email_key", name=op.f("uq_users_email_key")),
    )
    op.create_table(
        "device_authorizations",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("device_digest", sa.LargeBinary(), nullable=False),
        sa.Column("user_code_digest", sa.LargeBinary(), nullable=False),
        sa.Column("client_name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("expire_time", UtcDateTime(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("user_uid", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_uid"], ["users.uid"], name=op.f("fk_device_authorizations_user_uid_users")
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_device_authorizations")),
        sa.UniqueConstraint(
            "user_code_digest", name=op.f("uq_device_authorizations_user_code_digest")
        ),
    )
    op.create_index(
        op.f("ix_device_authorizations_expire_time"),
        "device_authorizations",
        ["expire_time"],
        unique=False,
    )
    op.create_table(
        "enrollments",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("host_names", Json, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("expire_time", UtcDateTime(), nullable=False),
        sa.Column("spiffe_id", sa.Text(), nullable=False),
        sa.Column("use_time", UtcDateTime(), nullable=True),
        sa.Column("revoke_time", UtcDateTime(), nullable=True),
        sa.Column("key_hash", sa.LargeBinary(), nullable=True),
        sa.Column("revision", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["organization"],
            ["organizations.id"],
            name=op.f("fk_enrollments_organization_organizations"),
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_enrollments")),
    )
    op.create_index(
        op.f("ix_enrollments_organization_create_time_uid"),
        "enrollments",
        ["organization", "create_time", "uid"],
        unique=False,
    )
    op.create_index(op.f("ix_enrollments_spiffe_id"), "enrollments", ["spiffe_id"], unique=False)
    op.create_table(
        "members",
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("user_uid", sa.Uuid(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization"],
            ["organizations.id"],
            name=op.f("fk_members_organization_organizations"),
        ),
        sa.ForeignKeyConstraint(
            ["user_uid"], ["users.uid"], name=op.f("fk_members_user_uid_users")
        ),
        sa.PrimaryKeyConstraint("organization", "user_uid", name=op.f("pk_members")),
    )
    op.create_index(
        op.f("ix_members_organization_email_key_user_uid"),
        "members",
        ["organization", "email_key", "user_uid"],
        unique=False,
    )
    op.create_index(op.f("ix_members_user_uid"), "members", ["user_uid"], unique=False)
    op.create_table(
        "one_time_tokens",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("user_uid", sa.Uuid(), nullable=True),
        sa.Column("expire_time", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_uid"], ["users.uid"], name=op.f("fk_one_time_tokens_user_uid_users")
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_one_time_tokens")),
    )
    op.create_index(
        op.f("ix_one_time_tokens_purpose"), "one_time_tokens", ["purpose"], unique=False
    )
    op.create_index(
        op.f("ix_one_time_tokens_user_uid"), "one_time_tokens", ["user_uid"], unique=False
    )
    op.create_table(
        "personal_access_tokens",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("user_uid", sa.Uuid(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("expire_time", UtcDateTime(), nullable=False),
        sa.Column("last_used_time", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_uid"], ["users.uid"], name=op.f("fk_personal_access_tokens_user_uid_users")
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_personal_access_tokens")),
    )
    op.create_index(
        op.f("ix_personal_access_tokens_user_uid_create_time_uid"),
        "personal_access_tokens",
        ["user_uid", "create_time", "uid"],
        unique=False,
    )
    op.create_table(
        "revocations",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("user_uid", sa.Uuid(), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=False),
        sa.Column("expire_time", UtcDateTime(), nullable=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_uid"], ["users.uid"], name=op.f("fk_revocations_user_uid_users")
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_revocations")),
    )
    op.create_index(
        op.f("ix_revocations_expire_time"), "revocations", ["expire_time"], unique=False
    )
    op.create_index(op.f("ix_revocations_subject"), "revocations", ["subject"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("user_uid", sa.Uuid(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("expire_time", UtcDateTime(), nullable=False),
        sa.Column("idle_expire_time", UtcDateTime(), nullable=False),
        sa.Column("end_time", UtcDateTime(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_uid"], ["users.uid"], name=op.f("fk_sessions_user_uid_users")
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_expire_time"), "sessions", ["expire_time"], unique=False)
    op.create_index(
        op.f("ix_sessions_idle_expire_time"), "sessions", ["idle_expire_time"], unique=False
    )
    op.create_index(op.f("ix_sessions_user_uid"), "sessions", ["user_uid"], unique=False)
    op.create_table(
        "workspaces",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("delete_time", UtcDateTime(), nullable=True),
        sa.Column("revision", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["organization"],
            ["organizations.id"],
            name=op.f("fk_workspaces_organization_organizations"),
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_workspaces")),
    )
    op.create_index(
        "uq_workspaces_live_id",
        "workspaces",
        ["organization", "id"],
        unique=True,
        sqlite_where=sa.text("delete_time IS NULL"),
        postgresql_where=sa.text("delete_time IS NULL"),
    )
    op.create_table(
        "certificates",
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("enrollment_uid", sa.Uuid(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("not_after", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["enrollment_uid"],
            ["enrollments.uid"],
            name=op.f("fk_certificates_enrollment_uid_enrollments"),
        ),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_certificates")),
    )
    op.create_index(
        op.f("ix_certificates_enrollment_uid"), "certificates", ["enrollment_uid"], unique=False
    )
    op.create_index(op.f("ix_certificates_not_after"), "certificates", ["not_after"], unique=False)
    op.create_table(
        "enrollment_workspaces",
        sa.Column("enrollment_uid", sa.Uuid(), nullable=False),
        sa.Column("workspace_uid", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["enrollment_uid"],
            ["enrollments.uid"],
            name=op.f("fk_enrollment_workspaces_enrollment_uid_enrollments"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_uid"],
            ["workspaces.uid"],
            name=op.f("fk_enrollment_workspaces_workspace_uid_workspaces"),
        ),
        sa.PrimaryKeyConstraint(
            "enrollment_uid", "workspace_uid", name=op.f("pk_enrollment_workspaces")
        ),
    )
    op.create_index(
        op.f("ix_enrollment_workspaces_workspace_uid"),
        "enrollment_workspaces",
        ["workspace_uid"],
        unique=False,
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("session_uid", sa.Uuid(), nullable=False),
        sa.Column("use_time", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["session_uid"],
            ["sessions.uid"],
            name=op.f("fk_refresh_tokens_session_uid_sessions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_refresh_tokens")),
    )
    op.create_index(
        op.f("ix_refresh_tokens_session_uid"), "refresh_tokens", ["session_uid"], unique=False
    )
    op.create_table(
        "role_bindings",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("subject_uid", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("workspace_uid", sa.Uuid(), nullable=True),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("role_name", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["organization"],
            ["organizations.id"],
            name=op.f("fk_role_bindings_organization_organizations"),
        ),
        sa.ForeignKeyConstraint(
            ["subject_uid"], ["users.uid"], name=op.f("fk_role_bindings_subject_uid_users")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_uid"],
            ["workspaces.uid"],
            name=op.f("fk_role_bindings_workspace_uid_workspaces"),
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_role_bindings")),
        sa.UniqueConstraint(
            "subject_uid",
            "role",
            "resource",
            name=op.f("uq_role_bindings_subject_uid_role_resource"),
        ),
    )
    op.create_index(
        op.f("ix_role_bindings_organization_create_time_uid"),
        "role_bindings",
        ["organization", "create_time", "uid"],
        unique=False,
    )
    op.create_index(
        op.f("ix_role_bindings_organization_resource"),
        "role_bindings",
        ["organization", "resource"],
        unique=False,
    )
    op.create_index(
        op.f("ix_role_bindings_organization_role_name"),
        "role_bindings",
        ["organization", "role_name"],
        unique=False,
    )
    op.create_index(
        op.f("ix_role_bindings_organization_subject"),
        "role_bindings",
        ["organization", "subject"],
        unique=False,
    )
    op.create_index(
        op.f("ix_role_bindings_workspace_uid"), "role_bindings", ["workspace_uid"], unique=False
    )
