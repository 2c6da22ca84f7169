"""Teams, custom roles, and grants to every kind of subject."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import BigInt, Json, UtcDateTime

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _create_roles()
    _create_teams()
    _widen_bindings()


def _create_roles() -> None:
    op.create_table(
        "roles",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("permissions", Json, nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("update_time", UtcDateTime(), nullable=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["organization"],
            ["organizations.id"],
            name=op.f("fk_roles_organization_organizations"),
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_roles")),
        sa.UniqueConstraint("organization", "id", name=op.f("uq_roles_organization_id")),
    )


def _create_teams() -> None:
    op.create_table(
        "teams",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("update_time", UtcDateTime(), nullable=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["organization"],
            ["organizations.id"],
            name=op.f("fk_teams_organization_organizations"),
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_teams")),
        sa.UniqueConstraint("organization", "id", name=op.f("uq_teams_organization_id")),
    )
    op.create_table(
        "team_members",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("team_uid", sa.Uuid(), nullable=False),
        sa.Column("member_kind", sa.Text(), nullable=False),
        sa.Column("member_uid", sa.Uuid(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("revision", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["team_uid"], ["teams.uid"], name=op.f("fk_team_members_team_uid_teams")
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_team_members")),
        sa.UniqueConstraint(
            "team_uid", "member_uid", name=op.f("uq_team_members_team_uid_member_uid")
        ),
    )
    op.create_index(op.f("ix_team_members_member_uid"), "team_members", ["member_uid"])
    op.create_index(
        op.f("ix_team_members_team_uid_create_time_uid"),
        "team_members",
        ["team_uid", "create_time", "uid"],
    )


def _widen_bindings() -> None:
    """Grants made so far are of users, on whole projects or more, and without an end."""
    with op.batch_alter_table("role_bindings") as bindings:
        bindings.drop_constraint(op.f("fk_role_bindings_subject_uid_users"), type_="foreignkey")
        bindings.add_column(
            sa.Column("subject_kind", sa.Text(), nullable=False, server_default="user")
        )
        bindings.add_column(sa.Column("item", sa.Text(), nullable=False, server_default=""))
        bindings.add_column(sa.Column("role_uid", sa.Uuid(), nullable=True))
        bindings.add_column(sa.Column("expire_time", UtcDateTime(), nullable=True))
        bindings.create_foreign_key(
            op.f("fk_role_bindings_role_uid_roles"), "roles", ["role_uid"], ["uid"]
        )
    # What existing rows were is said; new ones say it themselves.
    with op.batch_alter_table("role_bindings") as bindings:
        bindings.alter_column("subject_kind", server_default=None)
        bindings.alter_column("item", server_default=None)
    op.create_index(op.f("ix_role_bindings_role_uid"), "role_bindings", ["role_uid"])
    op.create_index(op.f("ix_role_bindings_expire_time"), "role_bindings", ["expire_time"])
