"""What the control plane keeps beside its audit rows: signed checkpoints, and how far it heard."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.store.schema import TABLES, Base


class AuditCheckpoint(Base):
    """A signed statement that a chain's row of this number has this hash."""

    __tablename__ = "audit_checkpoints"

    chain: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    # "anchor" where the rows up to this one were deleted by retention, else "checkpoint".
    kind: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    hash: Mapped[bytes]
    time: Mapped[datetime]
    kid: Mapped[str] = mapped_column(sa.Text)
    signature: Mapped[bytes]


class AuditSource(Base):
    """How far a workspace has shipped its own chain."""

    __tablename__ = "audit_sources"

    workspace_uid: Mapped[UUID] = mapped_column(sa.ForeignKey("workspaces.uid"), primary_key=True)
    sequence: Mapped[int]
    hash: Mapped[bytes]


_events = TABLES.audit_events.c
# A workspace ships a row again after any break: it is known by its UUID.
sa.Index("uq_audit_events_uid", _events.uid, unique=True)
for _column in ("time", "actor", "action", "resource", "workspace", "code"):
    sa.Index(f"ix_audit_events_chain_{_column}", _events.chain, _events[_column], _events.sequence)
