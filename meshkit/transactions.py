"""One transaction of the write door: a batch of operations, then the door's own rows.

The order is fixed: operations, lock of the feed's head, revision, stamp on the changed rows,
events, audit rows, the service's book, idempotency replies, COMMIT. Everything here is
synchronous and knows only a connection; nothing outlives a failed attempt, so the whole can run
again.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
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
from meshkit.session import AuditNote, Book, Session


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
    trial: bool = False
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


class Tried(Exception):  # noqa: N818 - neither an error nor a success
    """An operation that was only tried went well; its reply tells what would be."""

    def __init__(self, reply: Message) -> None:
        super().__init__("a trial went well")
        self.reply = reply


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
        book_of: Callable[[Session], Book],
    ) -> None:
        self.clock = clock
        self.encode_event = encode_event
        self.book_of = book_of
        self.replies = Replies(tables.idempotency_replies)
        self.audit = AuditLog(tables, chains_of)
        self.insert_events = Bulk(tables.feed_events.insert(), StoredEvent.__slots__)
        self._is_disconnect = is_disconnect
        self._stamps: dict[sa.Table, Bulk] = {}
        self._at_once: dict[tuple[sa.Table, ...], Query] = {}
        head = tables.feed_head
        self._advance = (
            head.update()
            .values(
                revision=head.c.revision + sa.bindparam("revisions", type_=sa.BigInteger),
                audits=head.c.audits + sa.bindparam("audited", type_=sa.BigInteger),
            )
            .returning(head.c.revision, head.c.audits)
        )
        self._lock_head = Query(self._advance, "revisions", "audited")

    def take_revision(
        self, connection: sa.Connection, changed: Mapping[sa.Table, Sequence[Any]], *, audited: int
    ) -> Sequence[Any]:
        """Locks the feed's head, which no other transaction gets before our COMMIT.

        Gives the rows of these uids the new revision; answers it, and the number of audits.
        """
        revisions = 1 if changed else 0
        if connection.dialect.name == "postgresql" and changed:
            # Each statement is a way to the server and back: one for all of them.
            tables = tuple(sorted(changed, key=attrgetter("name")))
            values = (changed[table] for table in tables)
            (found,) = self._lock_and_stamp(tables).all(connection, revisions, audited, *values)
            return found
        (found,) = self._lock_head.all(connection, revisions, audited)
        for table, uids in changed.items():
            self.stamp(table).run(connection, [(uids, found[0])])
        return found

    def _lock_and_stamp(self, tables: tuple[sa.Table, ...]) -> Query:
        """Both in one statement; the rows wait for the head, whose revision they get."""
        query = self._at_once.get(tables)
        if query is None:
            head = self._advance.cte("head")
            revision = sa.select(head.c.revision).scalar_subquery()
            names = [f"uids_of_{table.name}" for table in tables]
            stamps = [
                table.update().where(among(table.c.uid, name)).values(revision=revision).cte(name)
                for table, name in zip(tables, names, strict=True)
            ]
            statement = sa.select(head.c.revision, head.c.audits).add_cte(*stamps)
            query = self._at_once[tables] = Query(statement, "revisions", "audited", *names)
        return query

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
        self._session.book = ledger.book_of(self._session)
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
        known = len(session.changes)
        try:
            results = _call(session, step.entries)
            session.book.operated(session.changes[known:])
            session.finish_operation()
            _end_trials(step.entries, results)
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
            changed = _uids_by_table(changes)
            newest, number = ledger.take_revision(
                session.connection(), changed, audited=int(is_audited)
            )
            if changes:
                revision = newest
                for change in changes:
                    _set_revision(change.row, revision)
                events = events_of(changes, revision, ledger.encode_event)
                ledger.insert_events.run(session.connection(), map(_columns, events))
            if is_audited:
                ledger.audit.append(session, self._audits, number=number)
        session.book.close()
        self._answer(revision)
        return events

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


def _end_trials(entries: Sequence[Entry], results: Sequence[Any]) -> None:
    """Raises Tried for a trial that went well: like a failure, it is rolled back alone."""
    for entry, result in zip(entries, results, strict=True):
        if entry.trial and entry.reply:
            raise Tried(entry.reply(result))


def _call(session: Session, entries: Sequence[Entry]) -> Sequence[Any]:
    first = entries[0]
    if not first.grouped:
        return [first.operation(session, *first.arguments, **first.keywords)]
    results: list[Any] = first.operation(session, [entry.arguments[0] for entry in entries])
    if len(results) != len(entries):
        raise RuntimeError(f"{first.operation} answered {len(results)} of {len(entries)} items")
    return results


def _uids_by_table(changes: Sequence[Change]) -> dict[sa.Table, list[Any]]:
    found: dict[sa.Table, dict[Any, None]] = defaultdict(dict)
    for change in changes:
        found[change.row.__table__][change.row.uid] = None
    return {table: list(uids) for table, uids in found.items()}


def _set_revision(row: Any, revision: int) -> None:
    if hasattr(row, "_sa_instance_state"):
        # As if loaded: the database has it already, the row is not dirty.
        set_committed_value(row, "revision", revision)
    else:
        row.revision = revision


_columns = attrgetter(*StoredEvent.__slots__)
