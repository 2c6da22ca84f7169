"""What a collector has taken of logs."""

from collections.abc import Iterable
from typing import Protocol
from uuid import UUID

from meshkit.jobs import Lease
from meshkit.session import Session
from workspace.store import log_forwarding as store


class Moved(Protocol):
    """A cursor that moves from one offset to another."""

    @property
    def uid(self) -> UUID: ...
    @property
    def before(self) -> int: ...
    @property
    def after(self) -> int: ...


def move(session: Session, lease: Lease, moves: Iterable[Moved]) -> None:
    """Moves cursors; Aborted where another replica forwards by now, and sends these lines too."""
    lease.check(session)
    for one in moves:
        store.move(session, one.uid, before=one.before, after=one.after)
