"""The table of the certificate authority's roots: certificates only, keys are in files."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.store.schema import Base
from meshkit.ids import new_uid

ACTIVE = "ACTIVE"
INCOMING = "INCOMING"
OUTGOING = "OUTGOING"


class Root(Base):
    """A root that the mesh trusts; one of them signs."""

    __tablename__ = "roots"

    uid: Mapped[UUID] = mapped_column(primary_key=True, default=new_uid)
    # "sha256:<hex>" of the certificate.
    fingerprint: Mapped[str] = mapped_column(sa.Text, unique=True)
    certificate_pem: Mapped[str] = mapped_column(sa.Text)
    # ACTIVE: signs, INCOMING: trusted before it signs, OUTGOING: trusted after it signed.
    state: Mapped[str] = mapped_column(sa.Text)
    create_time: Mapped[datetime]
    not_after: Mapped[datetime]
    revision: Mapped[int] = mapped_column(default=0)

    @property
    def name(self) -> str:
        return f"certificateAuthority/roots/{self.fingerprint}"
