"""Counts one log in memory, between two looks at the database.

The replica that writes a log has been granted some of what its run may still take, so that
appends ask nobody. Only what became durable counts; what waits is held back from the grant.
"""

from collections.abc import Iterable, Sequence

from workspace.logs.amounts import Amount, Grant, Usage, is_gap
from workspace.logs.backend import Chunk


class Meter:
    """What a log holds, and how large it may grow; belongs to one event loop."""

    def __init__(self, epoch: int, usage: Usage, grant: Grant) -> None:
        # Of the writer whose lines it counts: a newer one elsewhere counts for itself.
        self.epoch = epoch
        self.grant = grant
        # Set when a line found no place: what follows is not kept either, until there is more.
        self.is_full = False
        self.ask_again_at = 0.0
        # What the database knows.
        self.settled = usage
        self._usage = usage
        self._waiting = Amount(0, 0)

    @property
    def usage(self) -> Usage:
        return self._usage

    @property
    def waiting(self) -> Amount:
        """What was let in and is not durable yet."""
        return self._waiting

    def covers(self, size: int, count: int) -> bool:
        """Whether there is room for so many more bytes and lines."""
        usage, waiting, grant = self._usage, self._waiting, self.grant
        return (
            not self.is_full
            and usage.kept_bytes + waiting.bytes + size <= grant.bytes
            and usage.kept_lines + waiting.lines + count <= grant.lines
        )

    def fitting(self, sizes: Iterable[int]) -> int:
        """How many of some lines have room, from the first on."""
        count = total = 0
        for size in sizes:
            total += size
            if not self.covers(total, count + 1):
                break
            count += 1
        return count

    def withdraw(self) -> None:
        """Lets in no more than what is there, before others are told that the rest is free."""
        usage, waiting = self._usage, self._waiting
        self.grant = Grant(
            usage.kept_bytes + waiting.bytes, usage.kept_lines + waiting.lines, self.grant.limit
        )

    def queued(self, chunk: Chunk) -> None:
        """A chunk was let in."""
        if not is_gap(chunk.data):
            waiting = self._waiting
            self._waiting = Amount(
                waiting.bytes + len(chunk.data), waiting.lines + chunk.line_count
            )

    def stored(self, chunks: Sequence[Chunk]) -> None:
        """Chunks became durable."""
        size = kept = dropped = 0
        for chunk in chunks:
            if is_gap(chunk.data):
                dropped += chunk.line_count
            else:
                size += len(chunk.data)
                kept += chunk.line_count
        usage, waiting = self._usage, self._waiting
        self._waiting = Amount(waiting.bytes - size, waiting.lines - kept)
        self._usage = Usage(
            chunks[-1].next_offset, usage.kept_bytes + size, usage.dropped_lines + dropped
        )

    def failed(self) -> None:
        """Nothing of what waited became durable: it comes again."""
        self._waiting = Amount(0, 0)
