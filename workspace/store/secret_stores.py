"""Queries of where the values of secrets are kept."""

from collections.abc import Collection
from uuid import UUID

import sqlalchemy as sa

from meshkit.schema import among
from meshkit.session import Session
from workspace.store.base import Rows, columns, every, ignore_conflicts, insert_or
from workspace.store.schema_secrets import (
    DATABASE,
    THE_STORE,
    Secret,
    SecretBackend,
    SecretLeftover,
    SecretStore,
)

_C = columns(SecretStore)
_BACKENDS = columns(SecretBackend)
_GET = Rows(SecretStore, every(SecretStore))
_LOCK = Rows(SecretStore, every(SecretStore).with_for_update())
_SEVERAL = Rows(
    SecretBackend, every(SecretBackend).where(among(_BACKENDS.uid, "backends")), "backends"
)


def get(session: Session) -> SecretStore:
    """The store; the database alone where nobody said otherwise."""
    return _GET.first(session) or SecretStore(THE_STORE, DATABASE, session.now)


def lock(session: Session) -> SecretStore:
    """The store, held until the commit."""
    insert_or(session, [SecretStore(THE_STORE, DATABASE, session.now)], ignore_conflicts)
    row = _LOCK.first(session)
    assert row
    return row


def backends(session: Session, uids: Collection[UUID]) -> dict[UUID, SecretBackend]:
    """Those of the backends that exist, by uid."""
    return {row.uid: row for row in _SEVERAL.all(session, sorted(uids))}


def count_moved(session: Session) -> None:
    """One secret more has moved."""
    table = SecretStore.__table__
    session.connection().execute(table.update().values(moved=_C.moved + 1))


def delete_unused(session: Session) -> None:
    """Forgets backends, with their credentials, that hold nothing and are to hold nothing."""
    used = sa.union_all(
        sa.select(_C.backend),
        sa.select(_C.backup).where(_C.backup.is_not(None)),
        sa.select(_C.target).where(_C.target.is_not(None)),
        sa.select(columns(Secret).backend),
        sa.select(columns(Secret).backup).where(columns(Secret).backup.is_not(None)),
        sa.select(columns(SecretLeftover).backend),
    )
    unused = _BACKENDS.uid.not_in(used)
    session.connection().execute(sa.delete(SecretBackend.__table__).where(unused))
