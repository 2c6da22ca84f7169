"""Tables of single sign-on: who vouches for people, whom they vouched for, sign-ins under way."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.store.schema import Base
from meshkit.ids import new_uid


class IdentityProvider(Base):
    """A service that an organization trusts to say who people are."""

    __tablename__ = "identity_providers"

    uid: Mapped[UUID] = mapped_column(primary_key=True, default=new_uid)
    organization: Mapped[str] = mapped_column(sa.ForeignKey("organizations.id"))
    id: Mapped[str] = mapped_column(sa.Text)
    display_name: Mapped[str] = mapped_column(sa.Text)
    # OIDC or GITHUB.
    kind: Mapped[str] = mapped_column(sa.Text)
    issuer: Mapped[str] = mapped_column(sa.Text)
    client_id: Mapped[str] = mapped_column(sa.Text)
    # Sealed by `identity.vault` for this row's UUID; none for a public client.
    client_secret: Mapped[bytes | None]
    scopes: Mapped[list[str]]
    groups_claim: Mapped[str] = mapped_column(sa.Text)
    allowed_groups: Mapped[list[str]]
    # {"group", "team" as its name was, "uid" of the team}: the UUID is what counts.
    group_mappings: Mapped[list[Any]]
    # MEMBERS_ONLY, TRUSTED_DOMAINS or ANYONE.
    join_policy: Mapped[str] = mapped_column(sa.Text)
    disabled: Mapped[bool]
    creator: Mapped[str] = mapped_column(sa.Text)
    create_time: Mapped[datetime]
    update_time: Mapped[datetime]
    revision: Mapped[int] = mapped_column(default=0)

    __table_args__ = (sa.UniqueConstraint("organization", "id"),)

    @property
    def name(self) -> str:
        return f"organizations/{self.organization}/identityProviders/{self.id}"


class TrustedDomain(Base):
    """A domain that an organization claims; it counts once DNS has shown that it is theirs."""

    __tablename__ = "trusted_domains"

    uid: Mapped[UUID] = mapped_column(primary_key=True, default=new_uid)
    organization: Mapped[str] = mapped_column(sa.ForeignKey("organizations.id"))
    # Lower case.
    domain: Mapped[str] = mapped_column(sa.Text)
    # Public: what the DNS record must say.
    challenge: Mapped[str] = mapped_column(sa.Text)
    creator: Mapped[str] = mapped_column(sa.Text)
    create_time: Mapped[datetime]
    verify_time: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(default=0)

    __table_args__ = (sa.UniqueConstraint("organization", "domain"),)

    @property
    def name(self) -> str:
        return f"organizations/{self.organization}/trustedDomains/{self.uid}"


class Identity(Base):
    """A person as an issuer knows them, and the account that they are here. Never an address:
    those are given to other people."""

    __tablename__ = "identities"

    issuer: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    subject: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    user_uid: Mapped[UUID] = mapped_column(sa.ForeignKey("users.uid"), index=True)
    create_time: Mapped[datetime]
    last_login_time: Mapped[datetime]


class Login(Base):
    """A sign-in under way. No secret of it stands here: hashes, or nothing."""

    __tablename__ = "logins"

    uid: Mapped[UUID] = mapped_column(primary_key=True, default=new_uid)
    provider_uid: Mapped[UUID] = mapped_column(
        sa.ForeignKey("identity_providers.uid", ondelete="CASCADE"), index=True
    )
    state_digest: Mapped[bytes]
    # The client's: where it waits, its own mark, and the hash of what fetches the tokens.
    redirect_uri: Mapped[str] = mapped_column(sa.Text)
    client_state: Mapped[str] = mapped_column(sa.Text)
    code_challenge: Mapped[str] = mapped_column(sa.Text)
    address: Mapped[str] = mapped_column(sa.Text)
    create_time: Mapped[datetime]
    expire_time: Mapped[datetime] = mapped_column(index=True)
    # Set when the provider's answer came: a state works once.
    return_time: Mapped[datetime | None]
    # Set when the person is known; the code works once and for a minute.
    user_uid: Mapped[UUID | None] = mapped_column(sa.ForeignKey("users.uid"))
    code_digest: Mapped[bytes | None]
    code_expire_time: Mapped[datetime | None]
