"""Keeps logs within the quotas of their runs: the meters of all logs that are written here.

A meter outlives its writer for a while, because most write in calls of their own. What it has
counted is written down with every grant, with the seal, and every few seconds; what a crash
kept from that is counted again from the lines themselves.
"""

import asyncio
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.errors import MeshError
from workspace.logs.amounts import NOTHING, Amount, Grant, Quota, Usage, is_gap
from workspace.logs.backend import Frame, LogBackend, LogKey, LogTrimmedError
from workspace.logs.live import LiveLog, LiveLogs
from workspace.logs.meters import Meter
from workspace.logs.refusals import stored
from workspace.operations import log_quotas as operations
from workspace.store.schema_logs import LogStream

log = structlog.get_logger()

# How often a log that is full asks whether it may go on.
ASK_AGAIN_S = 1.0
_COUNTED_AT_ONCE = 4 << 20


@dataclass(slots=True)
class _Metered:
    """A log that is written here; `lock` is held by whoever asks the database about it."""

    project: str
    log_stream: str
    # Of this server's hold: what others wrote since another one is not counted.
    fence: int
    meter: Meter
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Quotas:
    """Grants what may be appended; belongs to one event loop."""

    def __init__(self, database: Database, logs: LiveLogs, *, default: Quota, clock: Clock) -> None:
        self._database = database
        self._logs = logs
        self._default = default
        self._clock = clock
        self._metered: dict[LogKey, _Metered] = {}

    @property
    def default(self) -> Quota:
        return self._default

    async def admit(
        self, key: LogKey, log_stream: str, *, epoch: int, holder: UUID
    ) -> tuple[LogStream, Grant | None]:
        """Lets a writer in, as `admit_writer`; with a grant where `meter` needs one."""
        known = self._metered.get(key)
        return await self._database.write(
            operations.admit,
            key.project,
            log_stream,
            epoch=epoch,
            holder=holder,
            known_fence=known.fence if known else 0,
            default=self._default,
        )

    async def meter(self, live: LiveLog, row: LogStream, grant: Grant | None) -> Meter:
        """Meters what a writer that was admitted will write; the log is held, and quiet."""
        known = self._known(live, row.fence)
        if known is None:
            before = self._metered.get(live.key)
            given = grant or (before.meter.grant if before else NOTHING)
            meter = Meter(row.writer_epoch, await self._counted(live, row), given)
            known = _Metered(row.project, row.id, row.fence, meter)
            self._metered[live.key] = known
        known.meter.epoch = row.writer_epoch
        live.meter = known.meter
        return known.meter

    def _known(self, live: LiveLog, fence: int) -> _Metered | None:
        """What was counted, if that is all there is."""
        known = self._metered.get(live.key)
        is_all = known and known.fence == fence and known.meter.usage.offset == live.committed
        return known if is_all else None

    async def extend(self, live: LiveLog, needed: Amount) -> None:
        """Asks for more room, unless it was just refused; raises where the log is another's."""
        metered = self._metered[live.key]
        meter = metered.meter
        if meter.is_full and self._clock.monotonic() < meter.ask_again_at:
            return
        waiting = meter.waiting
        wanted = Amount(waiting.bytes + needed.bytes, waiting.lines + needed.lines)
        meter.is_full = False
        async with metered.lock:
            await self._settle(metered, wanted)
        if not meter.covers(needed.bytes, needed.lines):
            meter.ask_again_at = self._clock.monotonic() + ASK_AGAIN_S

    async def sealing(self, live: LiveLog, row: LogStream) -> Usage:
        """What a log holds that gets no more lines."""
        known = self._known(live, row.fence)
        return known.meter.usage if known else await self._counted(live, row)

    def sealed(self, key: LogKey) -> None:
        self._metered.pop(key, None)

    def usage(self, key: LogKey, fence: int) -> Usage | None:
        """What a log holds that is written here; None for others."""
        known = self._metered.get(key)
        return known.meter.usage if known and known.fence == fence else None

    async def keep_settling(self, interval_s: float) -> None:
        """Works for ever."""
        while True:
            await asyncio.sleep(interval_s)
            await self.settle()

    async def settle(self) -> None:
        """Writes down what was counted; logs that have fallen silent give back their grants."""
        for key, metered in tuple(self._metered.items()):
            meter = metered.meter
            is_silent = meter.usage == meter.settled
            try:
                async with metered.lock:
                    await self._settle(metered, None if is_silent else meter.waiting)
            except MeshError as error:
                log.info("log_not_metered", log=metered.log_stream, error=error.message)
                is_silent = True
            if is_silent and not self._logs.is_held(key):
                self._metered.pop(key, None)

    async def _settle(self, metered: _Metered, needed: Amount | None) -> None:
        meter = metered.meter
        usage = meter.usage
        if needed is None:
            meter.withdraw()
        meter.grant = await self._database.write(
            operations.settle,
            metered.project,
            metered.log_stream,
            epoch=meter.epoch,
            fence=metered.fence,
            usage=usage,
            needed=needed,
            default=self._default,
        )
        meter.settled = usage

    async def _counted(self, live: LiveLog, row: LogStream) -> Usage:
        """What a log holds: what is written down, and the lines behind that."""
        offset, end = row.accounted_offset, live.committed
        size, dropped = row.kept_bytes, row.dropped_lines
        while offset < end:
            for frame in await _frames(self._logs.backend, live.key, offset):
                if frame.data and is_gap(frame.data):
                    dropped += frame.line_count
                else:
                    size += len(frame.data or b"")
                offset = max(offset + 1, frame.next_offset)
        return Usage(end, size, dropped)


async def _frames(backend: LogBackend, key: LogKey, offset: int) -> list[Frame]:
    """Frames from an offset on; one that holds nothing where they are gone."""
    try:
        found = await stored(backend.read(key, offset, _COUNTED_AT_ONCE))
    except LogTrimmedError as error:
        return [Frame(offset, error.first_offset - offset, 0, None)]
    return found or [Frame(offset, 1 << 31, 0, None)]
