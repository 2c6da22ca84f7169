"""The table of operations on workspaces."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.store.schema import Base
from meshkit.ids import new_uid


class Operation(Base):
    """A change of a workspace that takes a while; what it has come to survives a crash."""

    __tablename__ = "operations"

    uid: Mapped[UUID] = mapped_column(primary_key=True, default=new_uid)
    organization: Mapped[str] = mapped_column(sa.ForeignKey("organizations.id"))
    # The workspace by its UUID, and by the id in the operation's name, which outlives it.
    workspace_uid: Mapped[UUID] = mapped_column(sa.ForeignKey("workspaces.uid"))
    workspace: Mapped[str] = mapped_column(sa.Text)
    kind: Mapped[str] = mapped_column(sa.Text)
    # Whether it goes back to where it began, see `lifecycle.Course`.
    course: Mapped[str] = mapped_column(sa.Text)
    progress: Mapped[str] = mapped_column(sa.Text, default="")
    creator: Mapped[str] = mapped_column(sa.Text)
    create_time: Mapped[datetime]
    expire_time: Mapped[datetime]
    end_time: Mapped[datetime | None] = mapped_column(index=True)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    target_version: Mapped[str] = mapped_column(sa.Text, default="")
    previous_version: Mapped[str] = mapped_column(sa.Text, default="")
    remove_data: Mapped[bool] = mapped_column(default=False)
    # A google.rpc.Code and why, where it failed or goes back; 0 and empty otherwise.
    error_code: Mapped[int] = mapped_column(default=0)
    error_reason: Mapped[str] = mapped_column(sa.Text, default="")
    error_message: Mapped[str] = mapped_column(sa.Text, default="")
    revision: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        sa.Index(None, "organization", "workspace", "create_time", "uid"),
        # One at a time on a workspace, whichever replica begins it.
        sa.Index(
            "uq_operations_live",
            "workspace_uid",
            unique=True,
            sqlite_where=sa.text("end_time IS NULL"),
            postgresql_where=sa.text("end_time IS NULL"),
        ),
    )

    @property
    def workspace_name(self) -> str:
        return f"organizations/{self.organization}/workspaces/{self.workspace}"

    @property
    def name(self) -> str:
        return f"{self.workspace_name}/operations/{self.uid}"
