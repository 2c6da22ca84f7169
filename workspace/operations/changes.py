"""What changes of resources that people name and describe have in common."""

from collections.abc import Mapping
from typing import Any, Protocol

from meshkit.feed import ChangeKind
from meshkit.session import Session
from workspace import names
from workspace.operations.refusals import changed
from workspace.store import values as value_store
from workspace.store.base import update


class _Described(Protocol):
    """A row with a version of its own."""

    uid: Any
    changes: int


def check_etag(row: _Described, etag: str) -> None:
    """Raises Aborted `ETAG_MISMATCH` where an etag is given and is another one."""
    current = names.etag(row.uid, row.changes)
    if etag and etag != current:
        raise changed(current)


def apply(session: Session, row: Any, values: Mapping[str, Any]) -> None:
    """Gives fields of a held row new values; nothing happens where none differs."""
    if fields := write(session, row, values):
        session.emit(ChangeKind.UPDATED, row, fields=fields)
        session.audited(resource=row.name, fields=fields)


def write(session: Session, row: Any, values: Mapping[str, Any]) -> tuple[str, ...]:
    """Gives fields of a held row new values, and tells nobody; answers which differed."""
    differing = {name: new for name, new in values.items() if getattr(row, name) != new}
    if not differing:
        return ()
    before = {name: getattr(row, name) for name in differing}
    for name, value in differing.items():
        setattr(row, name, value)
    row.changes += 1
    row.update_time = session.now
    update(session, [row], (*differing, "changes", "update_time"))
    value_store.follow(session, row, before)
    return tuple(differing)
