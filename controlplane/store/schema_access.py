"""The tables of who may do what: custom roles, teams, and what is granted to whom."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.store.schema import Base
from controlplane.subjects import Subject, SubjectKind
from meshkit.ids import new_uid


class CustomRole(Base):
    """A role that an organization made; the built-in ones are in `permissions`."""

    __tablename__ = "roles"

    uid: Mapped[UUID] = mapped_column(primary_key=True, default=new_uid)
    organization: Mapped[str] = mapped_column(sa.ForeignKey("organizations.id"))
    id: Mapped[str] = mapped_column(sa.Text)
    display_name: Mapped[str] = mapped_column(sa.Text)
    description: Mapped[str] = mapped_column(sa.Text)
    permissions: Mapped[list[str]]
    creator: Mapped[str] = mapped_column(sa.Text)
    create_time: Mapped[datetime]
    update_time: Mapped[datetime]
    revision: Mapped[int] = mapped_column(default=0)

    __table_args__ = (sa.UniqueConstraint("organization", "id"),)

    @property
    def name(self) -> str:
        return f"organizations/{self.organization}/roles/{self.id}"


class Team(Base):
    """People and service accounts who hold together what is granted to the team."""

    __tablename__ = "teams"

    uid: Mapped[UUID] = mapped_column(primary_key=True, default=new_uid)
    organization: Mapped[str] = mapped_column(sa.ForeignKey("organizations.id"))
    id: Mapped[str] = mapped_column(sa.Text)
    display_name: Mapped[str] = mapped_column(sa.Text)
    description: Mapped[str] = mapped_column(sa.Text)
    creator: Mapped[str] = mapped_column(sa.Text)
    create_time: Mapped[datetime]
    update_time: Mapped[datetime]
    revision: Mapped[int] = mapped_column(default=0)

    __table_args__ = (sa.UniqueConstraint("organization", "id"),)

    @property
    def name(self) -> str:
        return f"organizations/{self.organization}/teams/{self.id}"

    @property
    def subject(self) -> Subject:
        return Subject(SubjectKind.TEAM, self.uid)


class TeamMember(Base):
    """A user or service account in a team."""

    __tablename__ = "team_members"

    uid: Mapped[UUID] = mapped_column(primary_key=True, default=new_uid)
    team_uid: Mapped[UUID] = mapped_column(sa.ForeignKey("teams.uid"))
    member_kind: Mapped[str] = mapped_column(sa.Text)
    member_uid: Mapped[UUID] = mapped_column(index=True)
    # Names as the API shows them; neither changes while the row stands.
    team: Mapped[str] = mapped_column(sa.Text)
    member: Mapped[str] = mapped_column(sa.Text)
    creator: Mapped[str] = mapped_column(sa.Text)
    create_time: Mapped[datetime]
    revision: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        sa.UniqueConstraint("team_uid", "member_uid"),
        sa.Index(None, "team_uid", "create_time", "uid"),
    )

    @property
    def name(self) -> str:
        return f"{self.team}/members/{self.uid}"

    @property
    def subject(self) -> Subject:
        return Subject(SubjectKind(self.member_kind), self.member_uid)


class RoleBinding(Base):
    """A role granted to a subject on an organization, a workspace, a project or one resource."""

    __tablename__ = "role_bindings"

    uid: Mapped[UUID] = mapped_column(primary_key=True, default=new_uid)
    organization: Mapped[str] = mapped_column(sa.ForeignKey("organizations.id"))
    subject_kind: Mapped[str] = mapped_column(sa.Text)
    # Of a user, a service account or a team: no one table that it could refer to.
    subject_uid: Mapped[UUID]
    role: Mapped[str] = mapped_column(sa.Text)
    # Of a custom role, which can only be deleted while no grant names it; none for built-ins.
    role_uid: Mapped[UUID | None] = mapped_column(sa.ForeignKey("roles.uid"), index=True)
    # The workspace by its UUID: a new one under an old id inherits nothing.
    workspace_uid: Mapped[UUID | None] = mapped_column(sa.ForeignKey("workspaces.uid"), index=True)
    workspace: Mapped[str] = mapped_column(sa.Text)
    project: Mapped[str] = mapped_column(sa.Text)
    # The one resource of the project that is shared, "runs/first"; empty for all of it.
    item: Mapped[str] = mapped_column(sa.Text)
    # What filters compare: names as the API shows them.
    subject: Mapped[str] = mapped_column(sa.Text)
    role_name: Mapped[str] = mapped_column(sa.Text)
    resource: Mapped[str] = mapped_column(sa.Text)
    creator: Mapped[str] = mapped_column(sa.Text)
    create_time: Mapped[datetime]
    # From then on it counts nowhere; without one it counts until it is taken back.
    expire_time: Mapped[datetime | None] = mapped_column(index=True)
    revision: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        sa.UniqueConstraint("subject_uid", "role", "resource"),
        sa.Index(None, "organization", "create_time", "uid"),
        sa.Index(None, "organization", "subject"),
        sa.Index(None, "organization", "role_name"),
        sa.Index(None, "organization", "resource"),
    )

    @property
    def name(self) -> str:
        return f"organizations/{self.organization}/roleBindings/{self.uid}"

    @property
    def holder(self) -> Subject:
        """Who it is granted to."""
        return Subject(SubjectKind(self.subject_kind), self.subject_uid)
