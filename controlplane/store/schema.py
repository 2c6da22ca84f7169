"""The control plane's tables. No secret stands in any of them: hashes only, never ML data."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from controlplane.subjects import Subject, SubjectKind
from meshkit.ids import new_uid
from meshkit.schema import TYPE_ANNOTATIONS, mesh_tables, new_metadata


class Base(DeclarativeBase):
    """Every table of the control plane."""

    metadata = new_metadata()
    type_annotation_map = TYPE_ANNOTATIONS


class Organization(Base):
    """A company or group. Its id is never given to another one: rows are kept for good."""

    __tablename__ = "organizations"

    id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    uid: Mapped[UUID] = mapped_column(unique=True, default=new_uid)
    display_name: Mapped[str] = mapped_column(sa.Text)
    create_time: Mapped[datetime]
    update_time: Mapped[datetime]
    delete_time: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(default=0)

    @property
    def name(self) -> str:
        return f"organizations/{self.id}"


class User(Base):
    """A person; what they may do is said by role bindings."""

    __tablename__ = "users"

    uid: Mapped[UUID] = mapped_column(primary_key=True, default=new_uid)
    email: Mapped[str] = mapped_column(sa.Text)
    # Lower case: addresses that differ by case alone are one account.
    email_key: Mapped[str] = mapped_column(sa.Text, unique=True)
    display_name: Mapped[str] = mapped_column(sa.Text)
    # Argon2id with its parameters; none where the person signs in without a password.
    password_hash: Mapped[str | None] = mapped_column(sa.Text)
    create_time: Mapped[datetime]
    # Shut by an administrator; an erased account stays shut, and nothing personal is left in it.
    deactivate_time: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(default=0)

    @property
    def name(self) -> str:
        return f"users/{self.uid}"

    @property
    def is_active(self) -> bool:
        return self.deactivate_time is None

    @property
    def subject(self) -> Subject:
        return Subject(SubjectKind.USER, self.uid)

    @property
    def label(self) -> str:
        """What people call them."""
        return self.display_name or self.email


class Member(Base):
    """A user who belongs to an organization, with or without a role."""

    __tablename__ = "members"

    organization: Mapped[str] = mapped_column(sa.ForeignKey("organizations.id"), primary_key=True)
    user_uid: Mapped[UUID] = mapped_column(sa.ForeignKey("users.uid"), primary_key=True, index=True)
    # The order of ListMembers, kept here so that its index starts with the organization.
    email_key: Mapped[str] = mapped_column(sa.Text)
    create_time: Mapped[datetime]

    __table_args__ = (sa.Index(None, "organization", "email_key", "user_uid"),)

    @property
    def name(self) -> str:
        return f"organizations/{self.organization}/members/{self.user_uid}"


class OneTimeToken(Base):
    """A token that works once: of the first start, or to choose a password."""

    __tablename__ = "one_time_tokens"

    uid: Mapped[UUID] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(sa.Text, index=True)
    digest: Mapped[bytes]
    user_uid: Mapped[UUID | None] = mapped_column(sa.ForeignKey("users.uid"), index=True)
    expire_time: Mapped[datetime | None]


class Session(Base):
    """A signed-in person on one device; `sid` of their tokens."""

    __tablename__ = "sessions"

    uid: Mapped[UUID] = mapped_column(primary_key=True, default=new_uid)
    user_uid: Mapped[UUID] = mapped_column(sa.ForeignKey("users.uid"), index=True)
    origin: Mapped[str] = mapped_column(sa.Text)
    # What signed in, in its own words, and from where: for the person to recognise it by.
    client: Mapped[str] = mapped_column(sa.Text, default="")
    address: Mapped[str] = mapped_column(sa.Text, default="")
    create_time: Mapped[datetime]
    last_used_time: Mapped[datetime | None]
    expire_time: Mapped[datetime] = mapped_column(index=True)
    idle_expire_time: Mapped[datetime] = mapped_column(index=True)
    end_time: Mapped[datetime | None]
    end_reason: Mapped[str] = mapped_column(sa.Text, default="")
    # Of a browser's session token; the others are continued by refresh tokens.
    token_digest: Mapped[bytes | None]

    @property
    def name(self) -> str:
        return f"users/{self.user_uid}/sessions/{self.uid}"


class RefreshToken(Base):
    """Every refresh token of a session: a used one that comes back was stolen."""

    __tablename__ = "refresh_tokens"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    session_uid: Mapped[UUID] = mapped_column(
        sa.ForeignKey("sessions.uid", ondelete="CASCADE"), index=True
    )
    use_time: Mapped[datetime | None]


class SignInLink(Base):
    """A link that signs a browser in as the person of a session, once; no more than its hash."""

    __tablename__ = "sign_in_links"

    uid: Mapped[UUID] = mapped_column(primary_key=True, default=new_uid)
    session_uid: Mapped[UUID] = mapped_column(
        sa.ForeignKey("sessions.uid", ondelete="CASCADE"), index=True
    )
    digest: Mapped[bytes]
    expire_time: Mapped[datetime] = mapped_column(index=True)


class PersonalAccessToken(Base):
    """A person's token for scripts, known here by its hash."""

    __tablename__ = "personal_access_tokens"

    uid: Mapped[UUID] = mapped_column(primary_key=True, default=new_uid)
    user_uid: Mapped[UUID] = mapped_column(sa.ForeignKey("users.uid"))
    display_name: Mapped[str] = mapped_column(sa.Text)
    digest: Mapped[bytes]
    prefix: Mapped[str] = mapped_column(sa.Text)
    create_time: Mapped[datetime]
    expire_time: Mapped[datetime]
    last_used_time: Mapped[datetime | None]
    # Permissions and roles that it is limited to, as they were asked for; none: no limit.
    scopes: Mapped[list[str]]

    __table_args__ = (
        sa.Index(None, "user_uid", "create_time", "uid"),
        # The order in which administrators see those of everybody.
        sa.Index(None, "create_time", "uid"),
    )

    @property
    def name(self) -> str:
        return f"users/{self.user_uid}/personalAccessTokens/{self.uid}"


class DeviceAuthorization(Base):
    """A device that asks to be signed in; both of its codes are stored as hashes."""

    __tablename__ = "device_authorizations"

    uid: Mapped[UUID] = mapped_column(primary_key=True)
    device_digest: Mapped[bytes]
    user_code_digest: Mapped[bytes] = mapped_column(unique=True)
    client_name: Mapped[str] = mapped_column(sa.Text)
    address: Mapped[str] = mapped_column(sa.Text)
    create_time: Mapped[datetime]
    expire_time: Mapped[datetime] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(sa.Text)
    user_uid: Mapped[UUID | None] = mapped_column(sa.ForeignKey("users.uid"))


class Workspace(Base):
    """A registered workspace. A removed one leaves its row: its UUID is never used again."""

    __tablename__ = "workspaces"

    uid: Mapped[UUID] = mapped_column(primary_key=True, default=new_uid)
    organization: Mapped[str] = mapped_column(sa.ForeignKey("organizations.id"))
    id: Mapped[str] = mapped_column(sa.Text)
    display_name: Mapped[str] = mapped_column(sa.Text)
    creator: Mapped[str] = mapped_column(sa.Text)
    create_time: Mapped[datetime]
    delete_time: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(default=0)
    labels: Mapped[dict[str, str]] = mapped_column(default=dict)
    update_time: Mapped[datetime]
    # PROVISIONED or HYBRID: who runs its server.
    mode: Mapped[str] = mapped_column(sa.Text)
    # What the control plane does with it, see `lifecycle.Phase`, why, and since when.
    phase: Mapped[str] = mapped_column(sa.Text)
    phase_reason: Mapped[str] = mapped_column(sa.Text, default="")
    phase_time: Mapped[datetime]
    # Of a provisioned one: the version that its server should run, and who upgrades it.
    target_version: Mapped[str] = mapped_column(sa.Text, default="")
    upgrade_policy: Mapped[str] = mapped_column(sa.Text, default="MANUAL")

    __table_args__ = (
        sa.Index(
            "uq_workspaces_live_id",
            "organization",
            "id",
            unique=True,
            sqlite_where=sa.text("delete_time IS NULL"),
            postgresql_where=sa.text("delete_time IS NULL"),
        ),
    )

    @property
    def name(self) -> str:
        return f"organizations/{self.organization}/workspaces/{self.id}"


class Enrollment(Base):
    """A service's admission to the mesh, from its one-time token to its revocation."""

    __tablename__ = "enrollments"

    uid: Mapped[UUID] = mapped_column(primary_key=True)
    organization: Mapped[str] = mapped_column(sa.ForeignKey("organizations.id"))
    role: Mapped[str] = mapped_column(sa.Text)
    host_names: Mapped[list[str]]
    digest: Mapped[bytes]
    creator: Mapped[str] = mapped_column(sa.Text)
    create_time: Mapped[datetime]
    expire_time: Mapped[datetime]
    spiffe_id: Mapped[str] = mapped_column(sa.Text, index=True)
    use_time: Mapped[datetime | None]
    revoke_time: Mapped[datetime | None]
    # Hash of the key that used the token: the same key may ask again.
    key_hash: Mapped[bytes | None]
    display_name: Mapped[str] = mapped_column(sa.Text, default="", server_default="")
    # Whether it serves those of its organization, and not those that `EnrollmentWorkspace` names.
    all_workspaces: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    revision: Mapped[int] = mapped_column(default=0)

    __table_args__ = (sa.Index(None, "organization", "create_time", "uid"),)

    @property
    def name(self) -> str:
        return f"organizations/{self.organization}/enrollments/{self.uid}"


class EnrollmentWorkspace(Base):
    """A workspace that an enrolled service is, or serves."""

    __tablename__ = "enrollment_workspaces"

    enrollment_uid: Mapped[UUID] = mapped_column(sa.ForeignKey("enrollments.uid"), primary_key=True)
    workspace_uid: Mapped[UUID] = mapped_column(
        sa.ForeignKey("workspaces.uid"), primary_key=True, index=True
    )


class Certificate(Base):
    """A certificate that was issued: what must be denied when its enrollment is revoked."""

    __tablename__ = "certificates"

    serial: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    enrollment_uid: Mapped[UUID] = mapped_column(sa.ForeignKey("enrollments.uid"), index=True)
    create_time: Mapped[datetime]
    not_after: Mapped[datetime] = mapped_column(index=True)
    # Fingerprint of the root that signed it.
    root: Mapped[str] = mapped_column(sa.Text)


class Link(Base):
    """What a service last said of itself. Endpoints are told to its peers; health is coarse."""

    __tablename__ = "links"

    # The service's SPIFFE id; it links again under the same one.
    spiffe_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    uid: Mapped[UUID] = mapped_column(unique=True, default=new_uid)
    version: Mapped[str] = mapped_column(sa.Text, default="")
    edge_endpoint: Mapped[str] = mapped_column(sa.Text, default="")
    mesh_endpoint: Mapped[str] = mapped_column(sa.Text, default="")
    features: Mapped[list[str]] = mapped_column(default=list)
    checks: Mapped[list[Any]] = mapped_column(default=list)
    # Fingerprints of the roots that it says it trusts.
    trusted_roots: Mapped[list[str]] = mapped_column(default=list)
    # Whether a link was open when this was written.
    linked: Mapped[bool] = mapped_column(default=False)
    # HEALTHY, FAILING or GONE, and since when.
    verdict: Mapped[str] = mapped_column(sa.Text, default="")
    verdict_time: Mapped[datetime | None]
    # The newest policy that it decides on, and the newest that it was told.
    policy_revision: Mapped[int] = mapped_column(default=0)
    policy_told: Mapped[int] = mapped_column(default=0)
    usage: Mapped[dict[str, Any] | None]
    last_heartbeat_time: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(default=0)

    @property
    def name(self) -> str:
        return self.spiffe_id


class SigningKey(Base):
    """The public half of a key that signs tokens; the private half is in a file."""

    __tablename__ = "signing_keys"

    uid: Mapped[UUID] = mapped_column(primary_key=True, default=new_uid)
    kid: Mapped[str] = mapped_column(sa.Text, unique=True)
    jwk: Mapped[dict[str, str]]
    # NEXT: published, ACTIVE: signs, RETIRING: verifies until it expires.
    state: Mapped[str] = mapped_column(sa.Text)
    create_time: Mapped[datetime]
    activate_time: Mapped[datetime | None]
    expire_time: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(default=0)

    @property
    def name(self) -> str:
        return f"signingKeys/{self.kid}"


class Revocation(Base):
    """Tokens that are dead before they expire; forgotten when the last of them has expired."""

    __tablename__ = "revocations"

    uid: Mapped[UUID] = mapped_column(primary_key=True, default=new_uid)
    # "sessions/<uuid>": a session, a personal access token or an API key, and all made from it;
    # "serviceAccounts/<uuid>": all of an account.
    subject: Mapped[str] = mapped_column(sa.Text, index=True)
    not_before: Mapped[datetime]
    expire_time: Mapped[datetime] = mapped_column(index=True)
    revision: Mapped[int] = mapped_column(default=0)

    @property
    def name(self) -> str:
        return self.subject


TABLES = mesh_tables(Base.metadata)
