"""Queries of role bindings."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from controlplane.store.schema import RoleBinding
from meshkit.filters import Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session

ORDERS = Orders(
    keys=(OrderKey("create_time", RoleBinding.create_time),),
    uid=OrderKey("uid", RoleBinding.uid),
)
FIELDS = Fields(
    Field("subject", Kind.STRING, RoleBinding.subject),
    Field("role", Kind.STRING, RoleBinding.role_name),
    Field("resource", Kind.STRING, RoleBinding.resource),
)


def get(session: Session, organization: str, uid: UUID) -> RoleBinding | None:
    query = sa.select(RoleBinding).where(
        RoleBinding.organization == organization, RoleBinding.uid == uid
    )
    return session.scalars(query).first()


def list_page(
    session: Session, organization: str, filter_: Filter, window: Window
) -> Sequence[RoleBinding]:
    query = sa.select(RoleBinding).where(RoleBinding.organization == organization, filter_.where())
    return session.scalars(window.apply(query)).all()


def of_user(session: Session, user_uid: UUID) -> Sequence[RoleBinding]:
    query = sa.select(RoleBinding).where(RoleBinding.subject_uid == user_uid)
    return session.scalars(query.order_by(RoleBinding.uid)).all()


def same(
    session: Session, organization: str, *, subject_uid: UUID, role: str, resource: str
) -> RoleBinding | None:
    query = sa.select(RoleBinding).where(
        RoleBinding.organization == organization,
        RoleBinding.subject_uid == subject_uid,
        RoleBinding.role == role,
        RoleBinding.resource == resource,
    )
    return session.scalars(query).first()


def lock_organization_wide(session: Session, organization: str, role: str) -> Sequence[RoleBinding]:
    """The grants of a role on the whole organization; nobody else takes one away meanwhile."""
    query = sa.select(RoleBinding).where(
        RoleBinding.organization == organization,
        RoleBinding.role == role,
        RoleBinding.resource == f"organizations/{organization}",
    )
    return session.scalars(query.with_for_update()).all()


def of_workspace(session: Session, organization: str, workspace_uid: UUID) -> Sequence[RoleBinding]:
    """The grants on a workspace and on what is inside it."""
    query = sa.select(RoleBinding).where(
        RoleBinding.organization == organization, RoleBinding.workspace_uid == workspace_uid
    )
    return session.scalars(query.order_by(RoleBinding.uid)).all()


def touching_workspace(
    session: Session, organization: str, workspace_uid: UUID
) -> Sequence[RoleBinding]:
    """The grants that count in a workspace: its own, and those on the whole organization."""
    query = sa.select(RoleBinding).where(
        RoleBinding.organization == organization,
        sa.or_(
            RoleBinding.workspace_uid == workspace_uid,
            RoleBinding.resource == f"organizations/{organization}",
        ),
    )
    return session.scalars(query.order_by(RoleBinding.uid)).all()
