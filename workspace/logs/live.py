"""What is under way of each log: its writer, its followers, and lines not durable yet.

Belongs to one event loop. A log is here for as long as somebody holds it; whatever must outlive
that is durable already.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import TypeVar

import structlog

from meshkit.clock import Clock
from meshkit.errors import MeshError, OutOfRange
from workspace.logs.amounts import is_gap
from workspace.logs.backend import Chunk, LogBackend, LogKey, LogStoreError
from workspace.logs.meters import Meter
from workspace.logs.refusals import key_of, refusal, stored
from workspace.operations.logs import fenced
from workspace.store.schema_logs import LogStream

T = TypeVar("T")

Confirm = Callable[["LiveLog"], Awaitable[None]]
"""Raises MeshError unless what was just appended counts: no other server holds the log."""

log = structlog.get_logger()

# What one flush takes: a reader gets at one line by reading as much.
FLUSH_BYTES = 256 << 10
# A flush does not wait for its turn beyond this (S33), ...
HASTE_BYTES = 64 << 10
# ... and no writer is read further beyond this (S33).
UNACKED_BYTES = 1 << 20
# Between two flushes of a log that says little: bounds its fsyncs, and how late followers see it.
PAUSE_S = 0.05


class LiveLog:
    """One log. `committed` is the durable end; `end` also counts what waits to be."""

    def __init__(
        self,
        key: LogKey,
        backend: LogBackend,
        clock: Clock,
        *,
        pause_s: float,
        confirm: Confirm,
        on_idle: "Callable[[LiveLog], None]",
    ) -> None:
        self.key = key
        # Held to admit a writer and to seal: each finds what the other has done.
        self.lock = asyncio.Lock()
        self.is_sealed = False
        self.committed = 0
        self.end = 0
        self.holders = 0
        # Counts what is written; None as long as nobody has written here.
        self.meter: Meter | None = None
        self._backend = backend
        self._clock = clock
        self._pause_s = pause_s
        self._confirm = confirm
        self._on_idle = on_idle
        self._followers: set[asyncio.Event] = set()
        self._writer: Writer | None = None
        self._pending: list[Chunk] = []
        self._pending_bytes = 0
        self._flushing_bytes = 0
        self._flusher: asyncio.Task[None] | None = None
        self._is_held = False
        self._drainers = 0
        self._haste = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._is_loaded = False
        # With what this server holds the log; 0 while others may.
        self.fence = 0

    async def load(self) -> None:
        """Finds the end of the log, once."""
        async with self.lock:
            if not self._is_loaded:
                await self._find_end()
                self._is_loaded = True

    async def look(self) -> None:
        """Finds what another server has appended, where this one does not hold the log."""
        async with self.lock:
            if not self.fence and not self.is_sealed:
                await self._find_end()

    async def _find_end(self) -> None:
        extent = await stored(self._backend.extent(self.key))
        if extent.next_offset > self.committed:
            self.committed = self.end = extent.next_offset
            self._wake()

    async def take_over(self, fence: int) -> None:
        """Holds the log from now on; the caller holds `lock`, and the writer has gone."""
        if fence != self.fence:
            self.committed = self.end = await stored(self._backend.hold(self.key, fence))
            self.fence = fence
            self._wake()

    def lose(self, fence: int, writer_epoch: int) -> None:
        """Another server holds the log with this fence, for the writer of that epoch."""
        if fence > self.fence > 0:
            self.fence = 0
            if self._flusher is None:
                self._backend.forget(self.key)
            # The same writer is there, or another one is.
            is_same = self._writer is not None and self._writer.epoch == writer_epoch
            self._fail(refusal(LogStoreError()) if is_same else fenced(writer_epoch))

    @property
    def is_idle(self) -> bool:
        """Whether nobody would miss it."""
        return not self.holders and self._flusher is None

    @property
    def is_loaded(self) -> bool:
        return self._is_loaded

    def follow(self, event: asyncio.Event) -> None:
        """Sets the event whenever something has happened, until `leave`."""
        self._followers.add(event)

    def leave(self, event: asyncio.Event) -> None:
        self._followers.discard(event)

    def admit(self, writer: "Writer") -> "Writer":
        """Makes this the writer, after the one before was expelled."""
        self._writer = writer
        return writer

    def expel(self, error: MeshError) -> None:
        """Ends the writer, if there is one, with an error."""
        writer, self._writer = self._writer, None
        if writer:
            writer.error = error
            # It may wait for room, and learns only then that it has no right to it.
            self._room.set()
            self._wake()

    def dismiss(self, writer: "Writer") -> None:
        """The writer has gone by itself."""
        if self._writer is writer:
            self._writer = None

    def append(self, chunk: Chunk) -> None:
        """Queues a chunk that begins at `end`."""
        if self.meter:
            self.meter.queued(chunk)
        if not self._widened(chunk):
            self._pending.append(chunk)
            self._pending_bytes += len(chunk.data)
        self.end = chunk.next_offset
        self._measure()
        if self._flusher is None:
            self._flusher = asyncio.create_task(self._flush(), name="flush a log")

    async def room(self) -> None:
        """Waits until less than UNACKED_BYTES wait to be durable, and nobody seals."""
        while not self._room.is_set():
            await self._room.wait()

    async def drain(self) -> None:
        """Waits until nothing is pending: all is durable, or has failed and was reported."""
        self._drainers += 1
        try:
            while self._flusher:
                self._haste.set()
                await asyncio.shield(self._flusher)
        finally:
            self._drainers -= 1

    async def hold(self) -> None:
        """Lets the writer say no more, and makes durable what it has said."""
        self._is_held = True
        self._measure()
        await self.drain()

    def go_on(self) -> None:
        """Ends `hold`."""
        self._is_held = False
        self._measure()

    def seal(self, next_offset: int, sealed: MeshError) -> None:
        """The log is complete: whoever writes or follows it hears."""
        self.is_sealed = True
        self.committed = self.end = next_offset
        self.expel(sealed)
        self._wake()

    def _measure(self) -> None:
        waiting = self._pending_bytes + self._flushing_bytes
        if waiting < UNACKED_BYTES and not self._is_held:
            self._room.set()
        else:
            self._room.clear()
        if self._pending_bytes >= HASTE_BYTES:
            self._haste.set()

    async def _flush(self) -> None:
        """Makes durable what waits, and what comes meanwhile, as one frame after another."""
        try:
            while self._pending:
                await self._store(self._take())
                await self._rest()
        except LogStoreError as error:
            # The words of the operating system say it all.
            log.warning("log_not_stored", uid=str(self.key.uid), error=str(error))
            self._fail(refusal(error))
        except MeshError as error:
            # It may be of the log all the same: who appends next looks.
            self.fence = 0
            self._fail(error)
        except Exception:
            log.exception("log_not_stored", uid=str(self.key.uid))
            self._fail(refusal(LogStoreError()))
        finally:
            self._flusher = None
            if not self.fence:
                self._backend.forget(self.key)
            self._haste.clear()
            self._on_idle(self)

    async def _store(self, chunks: list[Chunk]) -> None:
        received_us = int(self._clock.now().timestamp() * 1_000_000)
        await self._backend.append(self.key, chunks, received_us=received_us, fence=self.fence)
        await self._confirm(self)
        self.committed = chunks[-1].next_offset
        self._flushing_bytes = 0
        if self.meter:
            self.meter.stored(chunks)
        self._measure()
        self._wake()

    def _widened(self, chunk: Chunk) -> bool:
        """Has the gap that waits last stand for one that follows it, if that is what they are."""
        last = self._pending[-1] if self._pending else None
        if last is None or last.data != chunk.data or not is_gap(chunk.data):
            return False
        count = last.line_count + chunk.line_count
        self._pending[-1] = Chunk(last.first_offset, count, chunk.newest_us, chunk.data)
        return True

    def _take(self) -> list[Chunk]:
        taken, size = 0, 0
        while taken < len(self._pending) and size < FLUSH_BYTES:
            chunk = self._pending[taken]
            if taken and (is_gap(chunk.data) or is_gap(self._pending[0].data)):
                # A frame holds lines, or stands for some.
                break
            size += len(chunk.data)
            taken += 1
        chunks, self._pending = self._pending[:taken], self._pending[taken:]
        self._flushing_bytes = size
        self._pending_bytes -= size
        if self._pending_bytes < HASTE_BYTES:
            self._haste.clear()
        return chunks

    async def _rest(self) -> None:
        """Lets lines gather, unless there are many, or somebody is in haste."""
        if self._drainers:
            return
        try:
            async with asyncio.timeout(self._pause_s):
                await self._haste.wait()
        except TimeoutError:
            pass

    def _fail(self, error: MeshError) -> None:
        """What was not durable never was: its writer sends it again."""
        self._pending.clear()
        if self.meter:
            self.meter.failed()
        self._pending_bytes = self._flushing_bytes = 0
        self.end = self.committed
        self._measure()
        self.expel(error)

    def _wake(self) -> None:
        for event in self._followers:
            event.set()


class Writer:
    """One connection's right to append, until another takes it."""

    def __init__(self, live: LiveLog, epoch: int) -> None:
        self._live = live
        self.epoch = epoch
        self.error: MeshError | None = None
        # It has sent what is known already, and wants to hear that it is.
        self.is_repeating = False

    def check(self) -> None:
        """Raises what has ended the writer."""
        if self.error:
            raise self.error

    async def room(self) -> None:
        """Waits until more may be said; raises what has ended the writer."""
        await self._live.room()
        self.check()

    def known(self, first_offset: int) -> int:
        """How many lines from an offset on are there already; OutOfRange where some are missing."""
        self.check()
        end = self._live.end
        if first_offset > end:
            raise OutOfRange(
                "LOG_OFFSET_GAP",
                f"Lines are missing: the next one is {end}, not {first_offset}.",
                metadata={"expected": str(end)},
            )
        return end - first_offset

    def append(self, chunk: Chunk) -> None:
        """Appends a chunk of which nothing is `known`."""
        self.check()
        self._live.append(chunk)


class LiveLogs:
    """All logs that somebody writes or follows."""

    def __init__(
        self,
        backend: LogBackend,
        *,
        clock: Clock,
        confirm: Confirm,
        pause_s: float = PAUSE_S,
    ) -> None:
        self.backend = backend
        self._clock = clock
        self._confirm = confirm
        self._pause_s = pause_s
        self._logs: dict[LogKey, LiveLog] = {}

    @asynccontextmanager
    async def open(self, key: LogKey) -> AsyncIterator[LiveLog]:
        """Holds a log; raises Unavailable where the backend cannot say where it ends."""
        live = self._logs.get(key)
        if live is None:
            live = self._logs[key] = LiveLog(
                key,
                self.backend,
                self._clock,
                pause_s=self._pause_s,
                confirm=self._confirm,
                on_idle=self._let_go,
            )
        live.holders += 1
        try:
            await live.load()
            yield live
        finally:
            live.holders -= 1
            self._let_go(live)

    def __iter__(self) -> Iterator[LiveLog]:
        return iter(tuple(self._logs.values()))

    def is_held(self, key: LogKey) -> bool:
        """Whether somebody writes or follows a log."""
        return key in self._logs

    def end_of(self, row: LogStream) -> int | None:
        """The durable end of a log that is live and held here; None for others."""
        live = self._logs.get(key_of(row))
        return live.committed if live and live.is_loaded and live.fence == row.fence else None

    async def close(self) -> None:
        """Makes durable what waits."""
        await asyncio.gather(*(live.drain() for live in tuple(self._logs.values())))

    def _let_go(self, live: LiveLog) -> None:
        # Lines whose writer is gone are made durable all the same, before it is forgotten.
        if live.is_idle and self._logs.get(live.key) is live:
            del self._logs[live.key]
