"""How snapshots end that nothing uses."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from meshkit.feed import ChangeKind
from meshkit.paging import Window
from meshkit.session import Session
from workspace import names
from workspace.store import snapshots as store
from workspace.store.lists import Listed
from workspace.store.schema_snapshots import Snapshot


@dataclass(frozen=True, slots=True)
class Pruned:
    """The page that was looked at, and those of it that nothing uses."""

    page: Listed[Snapshot]
    unused: list[Snapshot]


def unused(session: Session, project: str, window: Window, before: datetime) -> Pruned:
    """Looks at a page of snapshots that are older than a time."""
    page = store.oldest(session, project, window, before)
    return Pruned(page, _unused(session, project, page.rows[: window.size]))


def prune(session: Session, project: str, window: Window, before: datetime) -> Pruned:
    """The same, and deletes them."""
    found = unused(session, project, window, before)
    # Somebody may have run or published one in the meantime, on another replica.
    held = store.lock_many(session, [row.uid for row in found.unused])
    rows = _unused(session, project, held)
    for row in rows:
        store.delete(session, row)
        session.emit(ChangeKind.DELETED, row)
    session.audited(resource=names.project(project))
    return Pruned(found.page, rows)


def _unused(session: Session, project: str, rows: Sequence[Snapshot]) -> list[Snapshot]:
    plain = [row for row in rows if not (row.template or row.labels)]
    used = store.used(session, project, sorted(row.id for row in plain)) if plain else set()
    return [row for row in plain if row.id not in used]
