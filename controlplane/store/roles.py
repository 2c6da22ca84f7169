"""Queries of custom roles."""

from collections.abc import Sequence
from operator import attrgetter

import sqlalchemy as sa

from controlplane.permissions import CATALOGUE, ROLES
from controlplane.store.locks import locked
from controlplane.store.schema_access import CustomRole
from meshkit.paging import OrderKey, Orders
from meshkit.session import Session

# Together with the built-in roles, which are in no table: in memory.
ORDERS = Orders(keys=(OrderKey("id"),), uid=OrderKey("uid", value=attrgetter("id")), default="id")


def get(session: Session, organization: str, role: str) -> CustomRole | None:
    query = sa.select(CustomRole).where(
        CustomRole.organization == organization, CustomRole.id == role
    )
    return session.scalars(query).first()


def lock(session: Session, organization: str, role: str) -> CustomRole | None:
    """The role, which nobody else grants, changes or deletes before this is over."""
    query = sa.select(CustomRole).where(
        CustomRole.organization == organization, CustomRole.id == role
    )
    return session.scalars(locked(query)).first()


def keep(session: Session, organization: str, role: str) -> CustomRole | None:
    """The role, which nobody deletes before the transaction ends."""
    query = sa.select(CustomRole).where(
        CustomRole.organization == organization, CustomRole.id == role
    )
    return session.scalars(locked(query, shared=True)).first()


def all_of(session: Session, organization: str) -> Sequence[CustomRole]:
    query = sa.select(CustomRole).where(CustomRole.organization == organization)
    return session.scalars(query.order_by(CustomRole.id)).all()


def permissions(session: Session, organization: str) -> dict[str, frozenset[str]]:
    """What each role of an organization gives, built in or its own."""
    built_in = {id_: role.permissions for id_, role in ROLES.items()}
    own = {row.id: CATALOGUE.intersection(row.permissions) for row in all_of(session, organization)}
    return built_in | own
