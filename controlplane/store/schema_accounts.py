"""The tables of service accounts and of what they sign in with: hashes, never a secret."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.store.schema import Base
from controlplane.subjects import Subject, SubjectKind
from meshkit.ids import new_uid

_IS_LIVE = sa.text("delete_time IS NULL")


class ServiceAccount(Base):
    """A program's account. A deleted one leaves its row: its UUID is never used again."""

    __tablename__ = "service_accounts"

    uid: Mapped[UUID] = mapped_column(primary_key=True, default=new_uid)
    organization: Mapped[str] = mapped_column(sa.ForeignKey("organizations.id"))
    id: Mapped[str] = mapped_column(sa.Text)
    display_name: Mapped[str] = mapped_column(sa.Text)
    description: Mapped[str] = mapped_column(sa.Text)
    creator: Mapped[str] = mapped_column(sa.Text)
    create_time: Mapped[datetime]
    update_time: Mapped[datetime]
    disable_time: Mapped[datetime | None]
    delete_time: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        sa.Index(
            "uq_service_accounts_live_id",
            "organization",
            "id",
            unique=True,
            sqlite_where=_IS_LIVE,
            postgresql_where=_IS_LIVE,
        ),
    )

    @property
    def name(self) -> str:
        return f"organizations/{self.organization}/serviceAccounts/{self.id}"

    @property
    def is_enabled(self) -> bool:
        return self.disable_time is None

    @property
    def subject(self) -> Subject:
        return Subject(SubjectKind.SERVICE_ACCOUNT, self.uid)

    @property
    def label(self) -> str:
        """What people call it."""
        return self.display_name or self.id


class ApiKey(Base):
    """A key of a service account, known here by its hash."""

    __tablename__ = "api_keys"

    uid: Mapped[UUID] = mapped_column(primary_key=True, default=new_uid)
    account_uid: Mapped[UUID] = mapped_column(sa.ForeignKey("service_accounts.uid"))
    # The account's name, which does not change while its keys stand.
    account: Mapped[str] = mapped_column(sa.Text)
    display_name: Mapped[str] = mapped_column(sa.Text)
    digest: Mapped[bytes]
    prefix: Mapped[str] = mapped_column(sa.Text)
    creator: Mapped[str] = mapped_column(sa.Text)
    create_time: Mapped[datetime]
    # When people last changed it; its use is no change.
    update_time: Mapped[datetime]
    expire_time: Mapped[datetime] = mapped_column(index=True)
    last_used_time: Mapped[datetime | None]
    # It has a successor and works on for a while: what was made from it is revoked when it ends.
    is_retained: Mapped[bool] = mapped_column(default=False)
    revision: Mapped[int] = mapped_column(default=0)

    __table_args__ = (sa.Index(None, "account_uid", "create_time", "uid"),)

    @property
    def name(self) -> str:
        return f"{self.account}/apiKeys/{self.uid}"


class FederatedCredential(Base):
    """Whose tokens, of an issuer elsewhere, count for a service account."""

    __tablename__ = "federated_credentials"

    uid: Mapped[UUID] = mapped_column(primary_key=True, default=new_uid)
    account_uid: Mapped[UUID] = mapped_column(sa.ForeignKey("service_accounts.uid"))
    account: Mapped[str] = mapped_column(sa.Text)
    id: Mapped[str] = mapped_column(sa.Text)
    display_name: Mapped[str] = mapped_column(sa.Text)
    description: Mapped[str] = mapped_column(sa.Text)
    issuer: Mapped[str] = mapped_column(sa.Text)
    audience: Mapped[str] = mapped_column(sa.Text)
    subject: Mapped[str] = mapped_column(sa.Text)
    # Pairs of a claim's name and what it must say.
    conditions: Mapped[list[Any]]
    is_reusable: Mapped[bool]
    creator: Mapped[str] = mapped_column(sa.Text)
    create_time: Mapped[datetime]
    # When people last changed it; its use is no change.
    update_time: Mapped[datetime]
    last_used_time: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(default=0)

    __table_args__ = (sa.UniqueConstraint("account_uid", "id"),)

    @property
    def name(self) -> str:
        return f"{self.account}/federatedCredentials/{self.id}"


class UsedAssertion(Base):
    """A token from elsewhere that was exchanged: it is worth nothing any more."""

    __tablename__ = "used_assertions"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    expire_time: Mapped[datetime] = mapped_column(index=True)
