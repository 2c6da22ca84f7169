"""The table of invitations."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.store.schema import Base
from controlplane.subjects import Subject, SubjectKind
from meshkit.ids import new_uid

PENDING = "PENDING"
ACCEPTED = "ACCEPTED"
DECLINED = "DECLINED"
REVOKED = "REVOKED"
# Of a pending one whose time is over; stored only where another took its place.
EXPIRED = "EXPIRED"


class Invitation(Base):
    """An address that may join an organization; its token is known here by its hash."""

    __tablename__ = "invitations"

    uid: Mapped[UUID] = mapped_column(primary_key=True, default=new_uid)
    organization: Mapped[str] = mapped_column(sa.ForeignKey("organizations.id"))
    email: Mapped[str] = mapped_column(sa.Text)
    email_key: Mapped[str] = mapped_column(sa.Text)
    # Each as `operations.promises` writes it.
    roles: Mapped[list[Any]]
    teams: Mapped[list[Any]]
    # Of these, what could not be given when it was accepted.
    roles_left_out: Mapped[list[Any]] = mapped_column(default=list)
    teams_left_out: Mapped[list[Any]] = mapped_column(default=list)
    # None until the token was made, a moment after the row.
    digest: Mapped[bytes | None]
    # Who vouches for what is promised: asked again when it is accepted.
    inviter_kind: Mapped[str] = mapped_column(sa.Text)
    inviter_uid: Mapped[UUID]
    create_time: Mapped[datetime]
    expire_time: Mapped[datetime] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(sa.Text, default=PENDING)
    end_time: Mapped[datetime | None]
    user_uid: Mapped[UUID | None] = mapped_column(sa.ForeignKey("users.uid"))
    revision: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        sa.Index(None, "organization", "create_time", "uid"),
        sa.Index(None, "organization", "email_key"),
        sa.Index(
            "uq_invitations_open",
            "organization",
            "email_key",
            unique=True,
            sqlite_where=sa.text("state = 'PENDING'"),
            postgresql_where=sa.text("state = 'PENDING'"),
        ),
    )

    @property
    def name(self) -> str:
        return f"organizations/{self.organization}/invitations/{self.uid}"

    @property
    def inviter(self) -> Subject:
        return Subject(SubjectKind(self.inviter_kind), self.inviter_uid)
