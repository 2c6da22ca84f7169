"""The port to where the lines of logs are kept.

A backend knows nothing of what a line is: it keeps the bytes of chunks under the offsets of
their lines, in the order in which they came.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


class LogStoreError(Exception):
    """The backend could not do it now; nothing of what was to be appended counts as stored."""


class LogStoreFullError(LogStoreError):
    """There is no space left; what is stored can still be read."""


class LogTrimmedError(Exception):
    """The lines before `first_offset` are gone."""

    def __init__(self, first_offset: int) -> None:
        super().__init__(f"the first line that is kept is {first_offset}")
        self.first_offset = first_offset


@dataclass(frozen=True, slots=True)
class LogKey:
    """Names one log for good: names of logs may come again, uids do not."""

    project: str
    uid: UUID


@dataclass(frozen=True, slots=True)
class Chunk:
    """Lines as they were received.

    Chunks concatenated are one chunk with the lines of all: `data` is a protobuf message whose
    only repeated field holds the lines. `newest_us` is when the last line was written, in
    microseconds since 1970.
    """

    first_offset: int
    line_count: int
    newest_us: int
    data: bytes

    @property
    def next_offset(self) -> int:
        return self.first_offset + self.line_count


@dataclass(frozen=True, slots=True)
class Frame:
    """Chunks that became durable together, joined; `data` is None where storage damaged it.

    `received_us` is the time of lines that carry none.
    """

    first_offset: int
    line_count: int
    received_us: int
    data: bytes | None

    @property
    def next_offset(self) -> int:
        return self.first_offset + self.line_count


@dataclass(frozen=True, slots=True)
class Extent:
    """Which lines of a log are kept: from `first_offset` up to and without `next_offset`."""

    first_offset: int
    next_offset: int


class LogBackend(Protocol):
    """Keeps logs. Appends to one log never overlap; anything else may happen at once.

    Only a server that holds a log appends to it.
    """

    async def extent(self, key: LogKey) -> Extent:
        """Which lines are durable; (0, 0) for a log without any. Raises LogStoreError."""
        ...

    async def hold(self, key: LogKey, fence: int) -> int:
        """Lets this server alone append; returns the end of the log.

        What servers with a lower fence still append does not count; `append` gets the fence
        from then on. Raises LogStoreError.
        """
        ...

    def forget(self, key: LogKey) -> None:
        """Another server appends, or somebody put the log there: nothing known of it holds."""
        ...

    async def append(
        self, key: LogKey, chunks: Sequence[Chunk], *, received_us: int, fence: int = 0
    ) -> None:
        """Returns when the chunks, which continue the log, are durable; all of them or none.

        Raises LogStoreError, LogStoreFullError where there is no space.
        """
        ...

    async def read(self, key: LogKey, offset: int, limit_bytes: int) -> list[Frame]:
        """Frames in order, the first of which holds the line, or comes next where it is lost.

        At least one where there is any, and about `limit_bytes` of data. Raises
        LogTrimmedError, LogStoreError.
        """
        ...

    async def find(self, key: LogKey, time_us: int) -> int:
        """The offset of the first frame with a line written at or after a time.

        The end of the log where there is none. Raises LogStoreError.
        """
        ...

    async def seal(self, key: LogKey) -> None:
        """Says that nothing will be appended any more. Raises LogStoreError."""
        ...

    async def delete(self, key: LogKey) -> None:
        """Removes the log, if there is one. Raises LogStoreError."""
        ...

    async def list(self, project: str) -> list[LogKey]:
        """The logs of a project that hold anything. Raises LogStoreError."""
        ...
