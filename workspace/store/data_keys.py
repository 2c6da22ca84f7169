"""Queries of the keys that encrypt secrets."""

from meshkit.session import Session
from workspace.store.base import Rows, columns, every
from workspace.store.schema_secrets import DataKey

_C = columns(DataKey)

_ALL = every(DataKey).order_by(_C.create_time, _C.uid)
_LIST = Rows(DataKey, _ALL)
_LOCK = Rows(DataKey, _ALL.with_for_update())


def list_all(session: Session) -> list[DataKey]:
    """Every data key, the oldest first."""
    return _LIST.all(session)


def lock_all(session: Session) -> list[DataKey]:
    """Every data key, held until the commit."""
    return _LOCK.all(session)
