"""Queries of the flavors that people made; there are few enough to be read whole."""

import sqlalchemy as sa

from meshkit.session import Session
from workspace.store.base import Rows, columns, every, fetch
from workspace.store.lists import Listed, revision
from workspace.store.schema_stacks import Component, Flavor

# How many flavors of its own a workspace may have.
MOST = 500
_C = columns(Flavor)
_BY_ID = every(Flavor).where(_C.id == sa.bindparam("flavor"))
_GET = Rows(Flavor, _BY_ID, "flavor")
_LOCK = Rows(Flavor, _BY_ID.with_for_update(), "flavor")
_HOLD = Rows(Flavor, _BY_ID.with_for_update(read=True), "flavor")


def get(session: Session, flavor: str) -> Flavor | None:
    return _GET.first(session, flavor)


def lock(session: Session, flavor: str) -> Flavor | None:
    """The flavor, held until the commit."""
    return _LOCK.first(session, flavor)


def hold(session: Session, flavor: str) -> Flavor | None:
    """The flavor, which nobody deletes before the commit."""
    return _HOLD.first(session, flavor)


def count(session: Session) -> int:
    query = sa.select(sa.func.count(_C.uid))
    return int(session.connection().execute(query).scalar_one())


def list_all(session: Session) -> Listed[Flavor]:
    return Listed(fetch(session, Flavor, every(Flavor)), revision(session))


def delete(session: Session, row: Flavor) -> None:
    session.connection().execute(sa.delete(Flavor.__table__).where(_C.uid == row.uid))


def users(session: Session, flavor: str, limit: int) -> list[str]:
    """Names of components of the flavor."""
    own = columns(Component)
    query = sa.select(own.id).where(own.flavor == flavor).order_by(own.id).limit(limit)
    return [f"components/{id_}" for (id_,) in session.connection().execute(query)]
