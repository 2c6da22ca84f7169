"""Audit rows, written by the door in the transaction of the change they record.

Rows are numbered without gaps, and each row's hash covers the row before it, so that removing
or altering one shows. The number and the hash of the newest stand in `feed_head`, whose lock
every writing transaction takes anyway.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from meshkit.bulk import Bulk
from meshkit.caller import Call
from meshkit.ids import new_uid
from meshkit.session import AuditNote, Session

_encode = json.JSONEncoder(separators=(",", ":")).encode

_HASHED = (
    "sequence",
    "uid",
    "time",
    "method",
    "action",
    "actor_kind",
    "actor",
    "actor_name",
    "peer",
    "address",
    "user_agent",
    "resource",
    "fields",
    "code",
    "reason",
    "request_id",
    "trace_id",
)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One call to record, and what its operation said about it."""

    call: Call
    time: datetime
    note: AuditNote


def row_hash(previous: bytes, row: dict[str, Any]) -> bytes:
    """SHA-256 over the previous hash and the row's columns as a JSON array."""
    values = [row[name] for name in _HASHED]
    values[1] = str(row["uid"])
    values[2] = row["time"].astimezone(UTC).isoformat(timespec="microseconds")
    return hashlib.sha256(previous + _encode(values).encode()).digest()


class AuditLog:
    """The audit table, as the door uses it inside its transactions."""

    def __init__(self, table: sa.Table) -> None:
        self._insert = Bulk(table.insert(), table.columns.keys())

    def append(
        self, session: Session, entries: Sequence[AuditEntry], *, last: int, head: bytes
    ) -> bytes:
        """Adds rows up to number `last`, chained to `head`; returns the newest hash."""
        rows = []
        for sequence, entry in enumerate(entries, last - len(entries) + 1):
            row = _row(sequence, entry)
            head = row["hash"] = row_hash(head, row)
            rows.append(tuple(row.values()))
        self._insert.run(session.connection(), rows)
        return head


def _row(sequence: int, entry: AuditEntry) -> dict[str, Any]:
    """In the order of the table's columns."""
    call, caller = entry.call, entry.call.caller
    return {
        "sequence": sequence,
        "uid": new_uid(),
        "time": entry.time,
        "method": call.method,
        "action": call.audit_action or call.method,
        "actor_kind": caller.kind.value,
        "actor": caller.subject,
        "actor_name": caller.display_name,
        "peer": str(caller.peer or ""),
        "address": caller.address,
        "user_agent": caller.user_agent,
        "resource": entry.note.resource,
        "fields": list(entry.note.fields),
        "code": entry.note.code,
        "reason": entry.note.reason,
        "request_id": call.request_id,
        "trace_id": call.trace_id,
    }


def record_refusal(session: Session, *, code: int, reason: str) -> None:
    """An operation: records that the call under way was refused; also where it is a read."""
    if session.call is None:
        raise RuntimeError("a refusal is recorded within its call")
    resource = session.call.audit_resource
    session.audit_notes[0] = AuditNote(resource, code=code, reason=reason)


def first_broken(rows: Iterable[dict[str, Any]], *, previous: bytes) -> int | None:
    """The sequence of the first row that does not continue the chain; None if all do."""
    for row in rows:
        if row["hash"] != row_hash(previous, row):
            return int(row["sequence"])
        previous = row["hash"]
    return None
