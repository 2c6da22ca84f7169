"""Queries of custom roles."""

from collections.abc import Sequence

import sqlalchemy as sa

from controlplane.store.schema_access import CustomRole
from meshkit.session import Session


def get(session: Session, organization: str, role: str) -> CustomRole | None:
    query = sa.select(CustomRole).where(
        CustomRole.organization == organization, CustomRole.id == role
    )
    return session.scalars(query).first()


def keep(session: Session, organization: str, role: str) -> CustomRole | None:
    """The role, which nobody deletes before the transaction ends."""
    query = sa.select(CustomRole).where(
        CustomRole.organization == organization, CustomRole.id == role
    )
    return session.scalars(query.with_for_update(read=True)).first()


def all_of(session: Session, organization: str) -> Sequence[CustomRole]:
    query = sa.select(CustomRole).where(CustomRole.organization == organization)
    return session.scalars(query.order_by(CustomRole.id)).all()
