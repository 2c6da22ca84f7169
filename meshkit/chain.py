"""Hash chains of audit rows: what is hashed, and how a break is found. Pure.

`hash(n) = SHA-256(hash(n-1) + canonical(n))`, before the first row nothing. The canonical bytes
are those of RFC 8785 (sorted keys, no spaces, UTF-8), so that whoever holds an exported row can
compute its hash in any language.
"""

import enum
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class Record(NamedTuple):
    """What an audit row says, in the order of the table's columns; times are UTC.

    `workspace` names the workspace that shipped the row; it is empty in a service's own rows.
    """

    uid: UUID
    time: datetime
    workspace: str
    method: str
    action: str
    actor_kind: str
    actor: str
    actor_name: str
    peer: str
    address: str
    user_agent: str
    resource: str
    fields: list[str]
    code: int
    reason: str
    request_id: str
    trace_id: str


class Row(NamedTuple):
    """A record in its chain; `sequence` counts from 1 without gaps."""

    chain: str
    sequence: int
    record: Record
    hash: bytes


def as_json(chain: str, sequence: int, record: Record) -> dict[str, Any]:
    """The JSON object that the hash covers; its keys stand in the order of RFC 8785."""
    return {
        "action": record.action,
        "actor": record.actor,
        "actorKind": record.actor_kind,
        "actorName": record.actor_name,
        "address": record.address,
        "chain": chain,
        "code": record.code,
        "fields": record.fields,
        "method": record.method,
        "peer": record.peer,
        "reason": record.reason,
        "requestId": record.request_id,
        "resource": record.resource,
        "sequence": sequence,
        # Without the offset at the end: cutting is cheaper than converting.
        "time": record.time.isoformat(timespec="microseconds")[:26] + "Z",
        "traceId": record.trace_id,
        "uid": str(record.uid),
        "userAgent": record.user_agent,
        "workspace": record.workspace,
    }


def canonical(value: dict[str, Any]) -> bytes:
    """RFC 8785 bytes of a flat object of texts and whole numbers whose keys are sorted."""
    return _encode(value).encode()


def row_hash(previous: bytes, chain: str, sequence: int, record: Record) -> bytes:
    """The hash of a row whose predecessor's is `previous`."""
    return hashlib.sha256(previous + canonical(as_json(chain, sequence, record))).digest()


class Problem(enum.Enum):
    """How a chain can be broken; the values are said to people."""

    MISSING = "a row is missing before this one"
    ALTERED = "this row, or the hash of the one before it, was altered"
    CONTRADICTED = "a signed checkpoint says another hash: the chain was written anew up to here"
    FORGED = "the checkpoint of this row was not signed by our key"
    TRUNCATED = "this row and those behind it are missing"


@dataclass(frozen=True, slots=True)
class Broken:
    """The first row that does not continue its chain."""

    sequence: int
    problem: Problem


class Position(NamedTuple):
    """A place in a chain: the newest row before it, and that row's hash. 0 is the beginning."""

    sequence: int = 0
    hash: bytes = b""


def follow(chain: str, position: Position, rows: Iterable[Row]) -> Position | Broken:
    """Walks rows in order from a position; returns where they end, or the first break."""
    sequence, previous = position.sequence, position.hash
    for row in rows:
        sequence += 1
        if row.sequence != sequence:
            return Broken(row.sequence, Problem.MISSING)
        if row.hash != row_hash(previous, chain, sequence, row.record):
            return Broken(sequence, Problem.ALTERED)
        previous = row.hash
    return Position(sequence, previous)
