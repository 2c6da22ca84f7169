"""Which lines of a log a reader wants to see."""

from collections.abc import Sequence
from dataclasses import dataclass

from weftapi.common.v1 import types_pb2
from weftapi.workspace.v1 import logs_pb2
from workspace.servicers.log_lines import Lines, microseconds

_FOR_EVER = 1 << 62


@dataclass(frozen=True, slots=True)
class LineFilter:
    """A filter of a request; times in microseconds since 1970, the end not included."""

    min_level: int
    contains: str
    since_us: int
    until_us: int

    @classmethod
    def of(cls, asked: logs_pb2.LogFilter) -> "LineFilter | None":
        """None for one that wants every line."""
        if not asked.ListFields():
            return None
        return cls(
            asked.min_level,
            asked.contains,
            microseconds(asked.since) if asked.HasField("since") else 0,
            microseconds(asked.until) if asked.HasField("until") else _FOR_EVER,
        )

    def chosen(self, lines: Lines) -> Sequence[types_pb2.LogLine]:
        """Those of the lines that are wanted, in their order."""
        return [line for line in lines if self._wants(line)]

    def _wants(self, line: types_pb2.LogLine) -> bool:
        # Plain output says nothing of its level: it is what happens.
        level = line.level or types_pb2.LOG_LEVEL_INFO
        if level < self.min_level or self.contains not in line.message:
            return False
        time_us = line.time.seconds * 1_000_000 + line.time.nanos // 1_000
        return self.since_us <= time_us < self.until_us
