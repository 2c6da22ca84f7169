"""One transaction of the write door: a batch of operations, then the door's own rows.

The order is fixed: operations, lock of the feed's head, revision, stamp on the changed rows,
events, audit rows, idempotency replies, COMMIT. Everything here is synchronous and knows only
a connection; nothing outlives a failed attempt, so the whole can run again.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import sqlalchemy as sa
from google.protobuf.message import Message
from sqlalchemy.orm.attributes import set_committed_value

from meshkit.audit import AuditEntry, AuditLog, ChainsOf
from meshkit.bulk import Bulk
from meshkit.caller import Call
from meshkit.clock import Clock
from meshkit.engines import FAILED
from meshkit.errors import MeshError
from meshkit.feed import Change, EncodeEvent, StoredEvent, events_of
from meshkit.idempotency import Once, Replies
from meshkit.query import Query
from meshkit.schema import MeshTables, among
from meshkit.session import AuditNote, Session


@dataclass(slots=True, eq=False)
class Entry:
    """One write that waits for its commit."""

    operation: Callable[..., Any]
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    grouped: bool
    call: Call | None
    once: Once | None
    reply: Callable[[Any], Message] | None
    # Who awaits it: the writer, and duplicates of the same request.
    waiters: list[tuple[asyncio.Future[Any], Call | None]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one entry answers once the transaction is durable."""

    value: Any = None
    error: MeshError | None = None
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Committed:
    """A durable transaction: outcomes in the order of the entries, and its events."""

    outcomes: list[Outcome]
    events: list[StoredEvent]


class OperationFailed(Exception):  # noqa: N818 - it carries a failure, its cause is the error
    """An operation of the batch raised (see `__cause__`); nothing of the batch is committed."""

    def __init__(self, before: list[Entry], guilty: list[Entry], after: list[Entry]) -> None:
        super().__init__("an operation of the batch failed")
        self.parts = [part for part in (before, *([entry] for entry in guilty), after) if part]


class CommitUnknown(Exception):  # noqa: N818 - neither an error nor a success
    """The connection broke while COMMIT was under way."""


@dataclass(slots=True)
class Step:
    """One call of an operation: for one entry, or for all grouped entries of its kind."""

    position: int
    entries: list[Entry]


def plan(entries: Sequence[Entry]) -> list[Step]:
    """Gathers grouped entries of the same operation, and keeps each caller's own order."""
    steps: list[Step] = []
    groups: dict[Any, Step] = {}
    latest: dict[int, int] = {}
    for entry in entries:
        caller = id(entry.call)
        step = groups.get(entry.operation) if entry.grouped else None
        if step is None or (entry.call and latest.get(caller, -1) > step.position):
            step = Step(len(steps), [])
            steps.append(step)
            if entry.grouped:
                groups[entry.operation] = step
        step.entries.append(entry)
        latest[caller] = step.position
    return steps


class Ledger:
    """Runs transactions: knows the door's tables and their statements."""

    def __init__(
        self,
        tables: MeshTables,
        *,
        encode_event: EncodeEvent,
        chains_of: ChainsOf,
        clock: Clock,
        is_disconnect: Callable[[BaseException], bool],
    ) -> None:
        self.clock = clock
        self.encode_event = encode_event
        self.replies = Replies(tables.idempotency_replies)
        self.audit = AuditLog(tables, chains_of)
        self.insert_events = Bulk(tables.feed_events.insert(), StoredEvent.__slots__)
        self._is_disconnect = is_disconnect
        self._stamps: dict[sa.Table, Bulk] = {}
        head = tables.feed_head
        self.lock_head = Query(
            head.update()
            .values(
                revision=head.c.revision + sa.bindparam("revisions", type_=sa.BigInteger),
                audits=head.c.audits + sa.bindparam("audited", type_=sa.BigInteger),
            )
            .returning(head.c.revision, head.c.audits),
            "revisions",
            "audited",
        )

    def stamp(self, table: sa.Table) -> Bulk:
        """Gives rows of a table, by a list of uids, their revision."""
        bulk = self._stamps.get(table)
        if bulk is None:
            statement = (
                table.update()
                .where(among(table.c.uid, "stamped_uids"))
                .values(revision=sa.bindparam("stamped_revision"))
            )
            bulk = self._stamps[table] = Bulk(statement, ("stamped_uids", "stamped_revision"))
        return bulk

    def commit(self, connection: sa.Connection, entries: Sequence[Entry]) -> Committed:
        """Runs the entries in one transaction of this connection, and commits it.

        Raises OperationFailed or the seal's error with nothing committed, or CommitUnknown.
        """
        connection.info.pop(FAILED, None)
        self.audit.begin()
        connection.begin()
        try:
            committed = _Attempt(self, connection, entries).run()
        except BaseException:
            # A broken connection cannot even do this; its server has rolled back already.
            with contextlib.suppress(sa.exc.SQLAlchemyError, OSError):
                connection.rollback()
            raise
        try:
            connection.commit()
        except Exception as error:
            if self._is_disconnect(error):
                raise CommitUnknown from error
            raise
        self.audit.committed()
        return committed


class _Attempt:
    """One try at a batch."""

    def __init__(self, ledger: Ledger, connection: sa.Connection, entries: Sequence[Entry]) -> None:
        self._ledger = ledger
        self._entries = entries
        self._session = Session(connection, ledger.clock)
        self._values: dict[Entry, Any] = {}
        self._outcomes: dict[Entry, Outcome] = {}
        self._audits: list[AuditEntry] = []

    def run(self) -> Committed:
        with self._session:
            self._replay()
            steps = plan([entry for entry in self._entries if entry not in self._outcomes])
            for step in steps:
                self._operate(step, steps)
            events = self._seal()
            if FAILED in self._session.connection().info:
                # PostgreSQL would turn the COMMIT into a silent rollback.
                raise RuntimeError("an operation swallowed an error of the database")
        return Committed([self._outcomes[entry] for entry in self._entries], events)

    def _replay(self) -> None:
        """Answers the entries whose reply is already stored."""
        asked = [(entry, entry.once) for entry in self._entries if entry.once]
        if not asked:
            return
        onces = [once for _, once in asked]
        stored = self._ledger.replies.lookup(self._session, onces, self._session.now)
        for entry, once in asked:
            if earlier := stored.get(once.key):
                try:
                    outcome = Outcome(earlier.replay(once), revision=earlier.revision)
                except MeshError as error:
                    outcome = Outcome(error=error)
                self._outcomes[entry] = outcome

    def _operate(self, step: Step, steps: list[Step]) -> None:
        session = self._session
        session.start_operation([entry.call for entry in step.entries])
        try:
            results = _call(session, step.entries)
            session.finish_operation()
        except Exception as error:
            after = [entry for later in steps[step.position + 1 :] for entry in later.entries]
            others = {*step.entries, *after}
            before = [entry for entry in self._entries if entry not in others]
            raise OperationFailed(before, step.entries, after) from error
        for position, (entry, result) in enumerate(zip(step.entries, results, strict=True)):
            if isinstance(result, MeshError):
                self._outcomes[entry] = Outcome(error=result)
            else:
                self._values[entry] = result
                self._note_audit(entry, session.audit_notes.get(position))

    def _note_audit(self, entry: Entry, note: AuditNote | None) -> None:
        call = entry.call
        if call and (call.audit_action or note):
            note = note or AuditNote(call.audit_resource)
            self._audits.append(AuditEntry(call, self._session.now, note))

    def _seal(self) -> list[StoredEvent]:
        """Everything that the door itself writes, and the answers."""
        session, ledger = self._session, self._ledger
        changes, revision, events = session.changes, 0, list[StoredEvent]()
        is_audited = bool(self._audits or session.records)
        if changes or is_audited:
            newest, number = self._lock_head(is_audited=is_audited)
            if changes:
                revision = newest
                self._stamp(changes, revision)
                events = events_of(changes, revision, ledger.encode_event)
                ledger.insert_events.run(session.connection(), map(_columns, events))
            if is_audited:
                ledger.audit.append(session, self._audits, number=number)
        self._answer(revision)
        return events

    def _lock_head(self, *, is_audited: bool) -> Sequence[Any]:
        """Takes the feed's row, which no other transaction gets before our COMMIT."""
        connection, revisions = self._session.connection(), 1 if self._session.changes else 0
        (head,) = self._ledger.lock_head.all(connection, revisions, int(is_audited))
        return head

    def _stamp(self, changes: Sequence[Change], revision: int) -> None:
        by_table: dict[sa.Table, set[Any]] = defaultdict(set)
        for change in changes:
            by_table[change.row.__table__].add(change.row.uid)
            _set_revision(change.row, revision)
        for table, uids in by_table.items():
            stamp = self._ledger.stamp(table)
            stamp.run(self._session.connection(), [(list(uids), revision)])

    def _answer(self, revision: int) -> None:
        replies: list[tuple[Once, bytes]] = []
        for entry, value in self._values.items():
            answer = entry.reply(value) if entry.reply else value
            if entry.once:
                replies.append((entry.once, answer.SerializeToString()))
            self._outcomes[entry] = Outcome(answer, revision=revision)
        if replies:
            now = self._session.now
            self._ledger.replies.store(self._session, replies, revision=revision, now=now)


def _call(session: Session, entries: Sequence[Entry]) -> Sequence[Any]:
    first = entries[0]
    if not first.grouped:
        return [first.operation(session, *first.arguments, **first.keywords)]
    results: list[Any] = first.operation(session, [entry.arguments[0] for entry in entries])
    if len(results) != len(entries):
        raise RuntimeError(f"{first.operation} answered {len(results)} of {len(entries)} items")
    return results


def _set_revision(row: Any, revision: int) -> None:
    if hasattr(row, "_sa_instance_state"):
        # As if loaded: the database has it already, the row is not dirty.
        set_committed_value(row, "revision", revision)
    else:
        row.revision = revision


_columns = attrgetter(*StoredEvent.__slots__)
