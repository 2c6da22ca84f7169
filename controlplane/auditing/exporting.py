"""Exports: JSON lines that whoever holds the public key can verify without us.

    {"export": {"chain": ..., "hash": ..., "sequence": ...}}    the place after which it begins
    {"signature": ..., "succession": {...}}                     a key, vouched for by the one before
    {"event": {...}, "hash": ...}                               a row; the hash covers `event`
    {"checkpoint": {...}, "signature": ...}                     behind the row that it vouches for

An export that begins where retention ended has the signed anchor behind its first line.
"""

import base64
from collections.abc import AsyncIterator
from typing import Any

from controlplane import store
from controlplane.auditing.signer import Signer, statement
from controlplane.auditing.verifying import start_of
from controlplane.store.schema_audit import AuditCheckpoint
from meshkit.chain import Row, as_json, canonical
from meshkit.database import Database
from meshkit.session import Session

_PIECE = 500


async def export(
    database: Database, signer: Signer, chain: str, *, after: int, last: int
) -> AsyncIterator[bytes]:
    """Pieces of the rows behind `after` up to `last`, with their checkpoints.

    Before them how the signing keys followed each other: who has the first verifies them all.
    """
    begin = await database.read(start_of, chain, after)
    opening = {"chain": chain, "hash": begin.hash.hex(), "sequence": begin.sequence}
    lines = [_line({"export": opening})]
    lines += [_line(dict(sorted(each.items()))) for each in signer.successions]
    checkpoints = await database.read(
        store.audit.checkpoints, chain, first=begin.sequence, last=begin.sequence
    )
    lines += [_checkpoint_line(row) for row in checkpoints]
    yield b"".join(lines)
    position = begin.sequence
    while position < last:
        piece = await database.read(_read, chain, position, min(_PIECE, last - position))
        if not piece:
            return
        position, lines = piece
        yield b"".join(lines)


def _read(session: Session, chain: str, after: int, limit: int) -> tuple[int, list[bytes]] | None:
    """The lines of the next rows, and the number of the last of them."""
    rows = store.audit.after(session, chain, after, limit)
    if not rows:
        return None
    last = rows[-1].sequence
    checkpoints = store.audit.checkpoints(session, chain, first=after + 1, last=last)
    by_sequence = {row.sequence: row for row in checkpoints}
    lines = []
    for row in rows:
        lines.append(_row_line(row))
        if checkpoint := by_sequence.get(row.sequence):
            lines.append(_checkpoint_line(checkpoint))
    return last, lines


def _row_line(row: Row) -> bytes:
    event = as_json(row.chain, row.sequence, row.record)
    return _line({"event": event, "hash": row.hash.hex()})


def _checkpoint_line(row: AuditCheckpoint) -> bytes:
    signature = base64.urlsafe_b64encode(row.signature).rstrip(b"=").decode()
    return _line({"checkpoint": statement(row), "signature": signature})


def _line(value: dict[str, Any]) -> bytes:
    return canonical(value) + b"\n"
