"""Queries of the workspace registry."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from controlplane.permissions import Scope
from controlplane.store.schema import Workspace
from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session

ORDERS = Orders(
    keys=(OrderKey("id", Workspace.id),),
    uid=OrderKey("uid", Workspace.uid),
    default="id",
)
_IS_LIVE = Workspace.delete_time.is_(None)


def get(session: Session, organization: str, workspace: str) -> Workspace | None:
    query = sa.select(Workspace).where(
        Workspace.organization == organization, Workspace.id == workspace, _IS_LIVE
    )
    return session.scalars(query).first()


def find(session: Session, uid: UUID) -> Workspace | None:
    """A live workspace by the UUID in its certificate."""
    return session.scalars(sa.select(Workspace).where(Workspace.uid == uid, _IS_LIVE)).first()


def get_any(session: Session, uid: UUID) -> Workspace:
    """One that exists, or has existed."""
    return session.get_one(Workspace, uid)


def lock(session: Session, uid: UUID) -> Workspace:
    """One that exists, or has existed, held until the commit."""
    query = sa.select(Workspace).where(Workspace.uid == uid).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one()


def provisioned(session: Session) -> Sequence[Workspace]:
    """The live workspaces whose servers the control plane runs."""
    query = sa.select(Workspace).where(Workspace.mode == "PROVISIONED", _IS_LIVE)
    return session.scalars(query.order_by(Workspace.uid)).all()


def list_page(
    session: Session, organization: str, visible: Sequence[Scope], window: Window
) -> Sequence[Workspace]:
    """The workspaces on or above which one of the scopes lies."""
    query = sa.select(Workspace).where(Workspace.organization == organization, _IS_LIVE)
    if not any(scope.workspace == "" for scope in visible):
        ids = sorted({scope.workspace for scope in visible})
        query = query.where(session.among(Workspace.id, ids))
    return session.scalars(window.apply(query)).all()
