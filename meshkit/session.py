"""The session that operations and stores get: an ORM session that also takes notes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn, Protocol

import sqlalchemy as sa
from sqlalchemy import orm

from meshkit.caller import Call
from meshkit.chain import Record
from meshkit.clock import Clock
from meshkit.feed import Change, ChangeKind, Transition
from meshkit.schema import among


@dataclass(frozen=True, slots=True)
class AuditNote:
    """What an operation adds to the audit row of its call; `code` is a google.rpc.Code."""

    resource: str
    fields: tuple[str, ...] = ()
    code: int = 0
    reason: str = ""


class Book(Protocol):
    """What a service keeps beside its rows, of one transaction: counts, and what bounds them."""

    def operated(self, changes: Sequence[Change]) -> None:
        """An operation has made these changes; what this raises, the operation has raised."""
        ...

    def close(self) -> None:
        """Writes it all down, last of all: what is locked here is not locked for long.

        Where something changed, no other transaction that changed something comes between this
        and the commit. What it raises fails the whole transaction.
        """
        ...


class NoBook:
    """For services that keep nothing."""

    def operated(self, changes: Sequence[Change]) -> None:
        """Nothing to keep."""

    def close(self) -> None:
        """Nothing to write down."""


class Session(orm.Session):
    """Synchronous; belongs to the door, which alone begins, commits and closes.

    One session serves a whole transaction; between operations it forgets its objects, so that
    each operation reads what is in the database and returns rows nobody else changes.
    """

    def __init__(self, connection: sa.Connection, clock: Clock) -> None:
        super().__init__(connection, expire_on_commit=False, join_transaction_mode="rollback_only")
        self._connection = connection
        self._clock = clock
        self._calls: Sequence[Call | None] = (None,)
        self.now: datetime = clock.now()
        self.changes: list[Change] = []
        self.audit_notes: dict[int, AuditNote] = {}
        self.records: list[tuple[str, Record]] = []
        self.book: Book = NoBook()

    def connection(self, *_: Any, **_options: Any) -> sa.Connection:
        """The door's own connection: looking it up again costs as much as a read by key."""
        return self._connection

    @property
    def call(self) -> Call | None:
        """The RPC that the operation serves, if any; of a grouped operation, its first."""
        return self._calls[0]

    def emit(
        self,
        kind: ChangeKind,
        row: Any,
        *,
        fields: tuple[str, ...] = (),
        transition: Transition | None = None,
        item: int = 0,
    ) -> None:
        """Queues an event; at commit the row, here and in its table, gets the `revision`.

        `row` is a mapped instance, or any object that has `__table__`, `uid`, `name`, a settable
        `revision`, and where they mean something `project` and `resource_type` (by default the
        name of its class). The table has the columns `uid` (unique) and `revision`.
        `fields` names what changed. `item` is the position, in a grouped operation's list, of
        the item whose caller made the change.
        """
        call = self._calls[item]
        self.changes.append(
            Change(
                kind,
                row,
                fields,
                transition,
                self.now,
                call.caller.subject if call else "",
                call.trace_id if call else "",
            )
        )

    def audited(self, *, resource: str, fields: tuple[str, ...] = (), item: int = 0) -> None:
        """Says more precisely what the call's audit row is about; `item` as in `emit`."""
        self.audit_notes[item] = AuditNote(resource, fields)

    def record(self, record: Record, *, chain: str) -> None:
        """Adds an audit row that is not about the call under way to the end of a chain."""
        self.records.append((chain, record))

    def among(self, column: Any, values: Sequence[Any]) -> sa.ColumnElement[bool]:
        """`column IN values`; see `schema.among`, also for statements made once for good."""
        return among(column, values)

    def start_operation(self, calls: Sequence[Call | None]) -> None:
        """For the door: the next operation begins, on behalf of these calls."""
        self._calls = calls
        self.now = self._clock.now()
        self.audit_notes = {}

    def finish_operation(self) -> None:
        """For the door: writes out what the operation left pending, and forgets its objects."""
        self.flush()
        self.expunge_all()

    def commit(self) -> NoReturn:
        raise RuntimeError("operations never commit: the write door does, once for a batch")

    def rollback(self) -> NoReturn:
        raise RuntimeError("operations never roll back: they raise")
