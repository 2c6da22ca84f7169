"""Audit rows, written by the door in the transaction of the change they record.

A database holds one chain of rows or several: a service names the chains of each row. Numbers
and hashes of their newest rows stand in `audit_chains`, read and written under the lock of the
feed's head, which every writing transaction takes anyway; so a chain neither forks nor
deadlocks, however many replicas append to it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from meshkit.bulk import Bulk
from meshkit.caller import Call
from meshkit.chain import Position, Record, Row, row_hash
from meshkit.ids import new_uid
from meshkit.schema import MeshTables, among
from meshkit.session import AuditNote, Session

THE_CHAIN = ""
"""The chain of a service that has only one."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One call to record, and what its operation said about it."""

    call: Call
    time: datetime
    note: AuditNote


# The chains in which each entry is recorded: one at least.
ChainsOf = Callable[[Session, Sequence[AuditEntry]], Sequence[Iterable[str]]]


def one_chain(_session: Session, entries: Sequence[AuditEntry]) -> Sequence[Iterable[str]]:
    """For services that do not tell chains apart."""
    return [(THE_CHAIN,)] * len(entries)


class AuditLog:
    """The audit tables, as the door uses them inside its transactions.

    It remembers the ends of chains, so that a transaction need not ask for them unless another
    replica appended meanwhile: that shows in the number that the feed's head gives out.
    """

    def __init__(self, tables: MeshTables, chains_of: ChainsOf = one_chain) -> None:
        chains = tables.audit_chains
        self._chains_of = chains_of
        self._insert = Bulk(tables.audit_events.insert(), tables.audit_events.columns.keys())
        self._heads = sa.select(chains.c.chain, chains.c.sequence, chains.c.hash).where(
            among(chains.c.chain, "chains")
        )
        self._start = Bulk(chains.insert(), chains.columns.keys())
        self._move = Bulk(
            chains.update()
            .where(chains.c.chain == sa.bindparam("moved_chain"))
            .values(sequence=sa.bindparam("new_sequence"), hash=sa.bindparam("new_hash")),
            ("moved_chain", "new_sequence", "new_hash"),
        )
        # As of the audited transaction of this number; what the one under way adds comes later.
        self._number = 0
        self._ends: dict[str, Position] = {}
        self._added: tuple[int, dict[str, Position]] = (0, {})

    def append(self, session: Session, entries: Sequence[AuditEntry], *, number: int) -> None:
        """Adds the rows of calls, and those that operations brought.

        The feed's head is locked; it gave this transaction its `number` among all audited ones.
        """
        if number != self._number + 1:
            self._ends.clear()
        waiting = self._assign(session, entries)
        connection = session.connection()
        self._look_up(connection, waiting)
        rows: list[Sequence[Any]] = []
        added, started = {}, []
        for chain, records in waiting.items():
            end = self._ends.get(chain)
            added[chain] = _chain_up(chain, end or Position(), records, rows)
            if end is None:
                started.append((chain, 0, b"", 0, b""))
        self._insert.run(connection, rows)
        self._start.run(connection, started)
        self._move.run(connection, ((chain, *end) for chain, end in added.items()))
        self._added = (number, added)

    def begin(self) -> None:
        """A transaction begins; whether the last one's rows are durable was said, or is unknown."""
        self._added = (0, {})

    def committed(self) -> None:
        """What the transaction added is durable."""
        number, added = self._added
        if number:
            self._number = number
            self._ends.update(added)

    def _assign(self, session: Session, entries: Sequence[AuditEntry]) -> dict[str, list[Record]]:
        """What goes into which chain, in order."""
        waiting: defaultdict[str, list[Record]] = defaultdict(list)
        if entries:
            for entry, chains in zip(entries, self._chains_of(session, entries), strict=True):
                for chain in chains:
                    waiting[chain].append(_record(entry))
        for chain, record in session.records:
            waiting[chain].append(record)
        return waiting

    def _look_up(self, connection: sa.Connection, chains: Iterable[str]) -> None:
        """Learns the ends of chains that are not known here."""
        unknown = [chain for chain in chains if chain not in self._ends]
        if unknown:
            for row in connection.execute(self._heads, {"chains": unknown}):
                self._ends[row.chain] = Position(row.sequence, row.hash)


def _chain_up(
    chain: str, head: Position, records: Sequence[Record], rows: list[Sequence[Any]]
) -> Position:
    """Adds the rows of records that continue a chain; returns its new end."""
    previous = head.hash
    for sequence, record in enumerate(records, head.sequence + 1):
        previous = row_hash(previous, chain, sequence, record)
        rows.append((chain, sequence, *record, previous))
    return Position(head.sequence + len(records), previous)


def _record(entry: AuditEntry) -> Record:
    call, caller, note = entry.call, entry.call.caller, entry.note
    return Record(
        new_uid(),
        entry.time,
        "",
        call.method,
        call.audit_action or _action_of(call.method),
        caller.kind.value,
        caller.subject,
        caller.display_name,
        str(caller.peer or ""),
        caller.address,
        caller.user_agent,
        note.resource,
        list(note.fields),
        note.code,
        note.reason,
        call.request_id,
        call.trace_id,
    )


def _action_of(method: str) -> str:
    """ "/package.Service/Method" as audited methods are named: "Service.Method".

    For what a method that is not audited has to say, such as that it was refused.
    """
    return method.rpartition(".")[2].replace("/", ".")


def row_of(columns: Sequence[Any]) -> Row:
    """A row as it stands in the table, all columns in their order."""
    return Row(columns[0], columns[1], Record(*columns[2:-1]), columns[-1])


def record_refusal(session: Session, *, code: int, reason: str) -> None:
    """An operation: records that the call under way was refused; also where it is a read."""
    if session.call is None:
        raise RuntimeError("a refusal is recorded within its call")
    resource = session.call.audit_resource
    session.audit_notes[0] = AuditNote(resource, code=code, reason=reason)
