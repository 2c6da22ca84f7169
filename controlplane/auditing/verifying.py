"""Verifies a stored chain: its rows, its checkpoints, its beginning and its end."""

from collections.abc import Sequence
from dataclasses import dataclass

from controlplane import store
from controlplane.auditing.signer import ANCHOR, Judge, Signer
from controlplane.store.schema_audit import AuditCheckpoint
from meshkit.chain import Broken, Position, Problem, Row, follow
from meshkit.database import Database
from meshkit.errors import OutOfRange
from meshkit.session import Session

MOST_ROWS = 100_000
"""Rows that one call verifies."""
_PIECE = 1_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far a chain is whole, and where it is not."""

    verified: int
    last: int
    signed: int
    complete: bool
    broken: Broken | None = None


@dataclass(frozen=True, slots=True)
class _Piece:
    rows: Sequence[Row]
    checkpoints: Sequence[AuditCheckpoint]
    head: Position
    # The newest row that any checkpoint of the chain vouches for.
    signed: int


async def verify(
    database: Database, signer: Signer, chain: str, *, after: int, witnessed: Position
) -> Verdict:
    """Walks at most MOST_ROWS rows; `witnessed` is what is known from outside the database."""
    position = begin = await database.read(start_of, chain, after)
    is_ours = signer.judge()
    anchors = await database.read(_anchors, chain, begin) if begin.sequence > after else []
    if begin.sequence > after and not any(is_ours(row) for row in anchors):
        return _broken(begin, begin, 0, Broken(begin.sequence + 1, Problem.MISSING))
    while position.sequence - begin.sequence < MOST_ROWS:
        piece = await database.read(_read_piece, chain, position.sequence)
        walked = _walk(chain, position, piece, is_ours)
        if isinstance(walked, Broken):
            return _broken(begin, position, piece.signed, walked)
        position = walked
        if len(piece.rows) < _PIECE:
            missing = _missing_end(position, piece, witnessed)
            return Verdict(
                position.sequence - begin.sequence,
                position.sequence,
                piece.signed,
                complete=missing is None,
                broken=missing,
            )
    return Verdict(
        position.sequence - begin.sequence, position.sequence, piece.signed, complete=False
    )


def start_of(session: Session, chain: str, after: int) -> Position:
    """The place after which rows are read; raises OutOfRange where there is none."""
    anchor = store.audit.anchor(session, chain)
    if after in {0, anchor.sequence}:
        return anchor
    if after < anchor.sequence:
        raise OutOfRange(
            "AUDIT_COMPACTED",
            "Retention has deleted rows that come next; begin again at the oldest one.",
            metadata={"anchorSequence": str(anchor.sequence)},
        )
    rows = store.audit.after(session, chain, after - 1, 1)
    if not rows or rows[0].sequence != after:
        raise OutOfRange(
            "AUDIT_SEQUENCE_IN_FUTURE",
            "The chain has no row of this number.",
            metadata={"lastSequence": str(store.audit.head(session, chain).sequence)},
        )
    return Position(after, rows[0].hash)


def _anchors(session: Session, chain: str, place: Position) -> list[AuditCheckpoint]:
    """The signed anchors that vouch for the beginning of a chain."""
    rows = store.audit.checkpoints(session, chain, first=place.sequence, last=place.sequence)
    return [row for row in rows if row.kind == ANCHOR and row.hash == place.hash]


def _read_piece(session: Session, chain: str, after: int) -> _Piece:
    rows = store.audit.after(session, chain, after, _PIECE)
    last = rows[-1].sequence if rows else after
    newest = store.audit.newest_checkpoint(session, chain)
    return _Piece(
        rows,
        store.audit.checkpoints(session, chain, first=after + 1, last=last),
        store.audit.head(session, chain),
        newest.sequence if newest else 0,
    )


def _walk(
    chain: str,
    position: Position,
    piece: _Piece,
    is_ours: Judge,
) -> Position | Broken:
    walked = follow(chain, position, piece.rows)
    end = walked.sequence
    hashes = {row.sequence: row.hash for row in piece.rows}
    for checkpoint in piece.checkpoints:
        if checkpoint.sequence > end:
            break
        if not is_ours(checkpoint):
            return Broken(checkpoint.sequence, Problem.FORGED)
        if hashes.get(checkpoint.sequence) != checkpoint.hash:
            return Broken(checkpoint.sequence, Problem.CONTRADICTED)
    return walked


def _missing_end(position: Position, piece: _Piece, witnessed: Position) -> Broken | None:
    """Rows that were there, as the head, a checkpoint or the witness know, and are gone."""
    known = max(piece.head.sequence, piece.signed, witnessed.sequence)
    if known > position.sequence:
        return Broken(position.sequence + 1, Problem.TRUNCATED)
    if piece.head != position:
        return Broken(position.sequence, Problem.ALTERED)
    return None


def _broken(begin: Position, last: Position, signed: int, broken: Broken) -> Verdict:
    return Verdict(
        last.sequence - begin.sequence, last.sequence, signed, complete=False, broken=broken
    )
