"""Members, invitations, and what becomes of an account."""

import sqlalchemy as sa
from alembic import op

from meshkit.schema import BigInt, Json, UtcDateTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("organizations", sa.Column("delete_time", UtcDateTime(), nullable=True))
    op.add_column("organizations", sa.Column("update_time", UtcDateTime(), nullable=True))
    op.execute("UPDATE organizations SET update_time = create_time")
    with op.batch_alter_table("organizations") as table:
        table.alter_column("update_time", nullable=False)
    op.add_column("users", sa.Column("deactivate_time", UtcDateTime(), nullable=True))
    for name in ("client", "address"):
        column = sa.Column(name, sa.Text(), nullable=False, server_default="")
        op.add_column("sessions", column)
    op.add_column("sessions", sa.Column("last_used_time", UtcDateTime(), nullable=True))
    _create_invitations()


def _create_invitations() -> None:
    op.create_table(
        "invitations",
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("roles", Json, nullable=False),
        sa.Column("teams", Json, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("inviter_kind", sa.Text(), nullable=False),
        sa.Column("inviter_uid", sa.Uuid(), nullable=False),
        sa.Column("create_time", UtcDateTime(), nullable=False),
        sa.Column("expire_time", UtcDateTime(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("end_time", UtcDateTime(), nullable=True),
        sa.Column("user_uid", sa.Uuid(), nullable=True),
        sa.Column("revision", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["organization"],
            ["organizations.id"],
            name=op.f("fk_invitations_organization_organizations"),
        ),
        sa.ForeignKeyConstraint(
            ["user_uid"], ["users.uid"], name=op.f("fk_invitations_user_uid_users")
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_invitations")),
    )
    op.create_index(
        op.f("ix_invitations_organization_create_time_uid"),
        "invitations",
        ["organization", "create_time", "uid"],
    )
    op.create_index(
        op.f("ix_invitations_organization_email_key"), "invitations", ["organization", "email_key"]
    )
    op.create_index(op.f("ix_invitations_expire_time"), "invitations", ["expire_time"])
    op.create_index(
        "uq_invitations_open",
        "invitations",
        ["organization", "email_key"],
        unique=True,
        sqlite_where=sa.text("state = 'PENDING'"),
        postgresql_where=sa.text("state = 'PENDING'"),
    )
