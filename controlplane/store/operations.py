"""Queries of operations on workspaces."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from controlplane.store.locks import locked
from controlplane.store.schema_fleet import Operation
from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session

ORDERS = Orders(
    keys=(OrderKey("create_time", Operation.create_time),),
    uid=OrderKey("uid", Operation.uid),
)


def get(session: Session, organization: str, workspace: str, uid: UUID) -> Operation | None:
    query = sa.select(Operation).where(
        Operation.organization == organization,
        Operation.workspace == workspace,
        Operation.uid == uid,
    )
    return session.scalars(query).first()


def find(session: Session, uid: UUID) -> Operation:
    """One that exists."""
    return session.get_one(Operation, uid)


def lock(session: Session, uid: UUID) -> Operation:
    """One that exists, held until the commit."""
    query = sa.select(Operation).where(Operation.uid == uid)
    return session.scalars(locked(query)).one()


def live(session: Session) -> Sequence[Operation]:
    """What is under way, the oldest first."""
    query = sa.select(Operation).where(Operation.end_time.is_(None))
    return session.scalars(query.order_by(Operation.create_time)).all()


def live_of(session: Session, workspaces: Sequence[UUID]) -> dict[UUID, Operation]:
    """What works on each of the workspaces now, by their UUIDs."""
    query = sa.select(Operation).where(
        session.among(Operation.workspace_uid, list(workspaces)), Operation.end_time.is_(None)
    )
    return {row.workspace_uid: row for row in session.scalars(query)}


def list_page(
    session: Session, organization: str, workspace: str, window: Window
) -> Sequence[Operation]:
    query = sa.select(Operation).where(
        Operation.organization == organization, Operation.workspace == workspace
    )
    return session.scalars(window.apply(query)).all()


def has_failed(session: Session, workspace_uid: UUID, version: str) -> bool:
    """Whether bringing a workspace to a version was tried before, and failed."""
    query = sa.select(Operation.uid).where(
        Operation.workspace_uid == workspace_uid,
        Operation.target_version == version,
        Operation.error_code != 0,
    )
    return session.scalars(query.limit(1)).first() is not None


def purge(session: Session, before: datetime) -> None:
    session.execute(sa.delete(Operation).where(Operation.end_time < before))
