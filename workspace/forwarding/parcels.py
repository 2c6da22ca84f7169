"""What goes to a collector at once, and how far the cursors move when it was taken."""

from dataclasses import dataclass, field
from uuid import UUID

from workspace.forwarding.otlp import Piece, Source
from workspace.servicers.log_lines import Batch

_MOST_LINES = 2_000
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Move:
    """The cursor of a log moves; nowhere, where all of it was forwarded already."""

    uid: UUID
    before: int
    after: int


@dataclass(slots=True)
class Parcel:
    """Lines of some logs; bounded, so that little is in memory and little is sent twice."""

    pieces: list[Piece] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    _lines: int = 0
    _bytes: int = 0

    @property
    def is_full(self) -> bool:
        return self._lines >= _MOST_LINES or self._bytes >= _MOST_BYTES

    def add(self, source: Source, move: Move, batch: Batch) -> None:
        self.pieces.append(Piece(source, batch.lines))
        self.moves.append(move)
        self._lines += len(batch.lines)
        self._bytes += batch.size_bytes

    def finish(self, move: Move) -> None:
        """A complete log of which nothing is left."""
        self.moves.append(move)
