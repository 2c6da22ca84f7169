"""Queries of the workspace registry."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from controlplane.permissions import Scope
from controlplane.store.locks import locked
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
    query = sa.select(Workspace).where(Workspace.uid == uid)
    return session.scalars(locked(query)).one()


def provisioned(session: Session) -> Sequence[Workspace]:
    """The live workspaces whose servers the control plane runs."""
    query = sa.select(Workspace).where(Workspace.mode == "PROVISIONED", _IS_LIVE)
    return session.scalars(query.order_by(Workspace.uid)).all()


def seen_from(
    session: Session, organization: str, visible: Sequence[Scope], uids: Sequence[UUID] | None
) -> Sequence[Workspace]:
    """The workspaces on or above which one of the scopes lies; of some, also the removed ones."""
    query = sa.select(Workspace).where(Workspace.organization == organization)
    if uids is None:
        query = query.where(_IS_LIVE)
    else:
        query = query.where(session.among(Workspace.uid, list(uids)))
    return session.scalars(_visible(session, query, visible).order_by(Workspace.id)).all()


def list_page(
    session: Session, organization: str, visible: Sequence[Scope], window: Window
) -> Sequence[Workspace]:
    """The workspaces on or above which one of the scopes lies."""
    query = sa.select(Workspace).where(Workspace.organization == organization, _IS_LIVE)
    return session.scalars(window.apply(_visible(session, query, visible))).all()


def _visible(session: Session, query: sa.Select[Any], visible: Sequence[Scope]) -> sa.Select[Any]:
    if any(scope.workspace == "" for scope in visible):
        return query
    ids = sorted({scope.workspace for scope in visible})
    return query.where(session.among(Workspace.id, ids))
