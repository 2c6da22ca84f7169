"""Logs as the rest of the server knows them: rows in the database joined with lines elsewhere.

Who may write is decided in the database, so that a fence and a seal survive restarts; what was
decided is then said here, to writers and followers that are connected already. So is which of
several replicas appends to a log: the one to which its writer came last.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
import structlog

from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.errors import MeshError
from meshkit.ids import new_uid
from meshkit.jobs import Lease
from workspace.logs.amounts import Amount, Quota, Usage
from workspace.logs.backend import Extent, LogBackend, LogKey, LogStoreError
from workspace.logs.live import LiveLog, LiveLogs, Writer
from workspace.logs.meters import Meter
from workspace.logs.quotas import Quotas
from workspace.logs.refusals import key_of, refusal, stored
from workspace.operations import log_quotas
from workspace.operations import logs as operations
from workspace.operations import retention as archives
from workspace.operations.refusals import absent
from workspace.secrets.masking import Masking
from workspace.secrets.masks import Mask
from workspace.store import logs as log_store
from workspace.store import retention
from workspace.store.schema_logs import LogStream
from workspace.store.schema_retention import ArchivedLog

log = structlog.get_logger()

Removed = Callable[[Sequence[LogStream]], Awaitable[None]]

# Logs of ended runs that are sealed in one go.
_SEALED_AT_ONCE = 200
# How late the followers of one replica see what the writer of another one wrote.
_LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class Admitted:
    """A writer and what it writes to; `epoch` is what it gives when it comes back."""

    live: LiveLog
    writer: Writer
    row: LogStream
    meter: Meter
    quotas: Quotas
    masking: Masking

    @property
    def epoch(self) -> int:
        return self.row.writer_epoch

    async def mask(self) -> Mask | None:
        """What is to be hidden in the lines; None for nothing."""
        return await self.masking.fresh(self.row.project, self.row.run)

    async def extend(self, needed: Amount) -> None:
        """Asks for more room than the meter has; raises where the log is another's by now."""
        await self.quotas.extend(self.live, needed)


class LogKeeper:
    """Opens logs for writers and followers, and seals them."""

    def __init__(
        self,
        database: Database,
        backend: LogBackend,
        quota: Quota,
        masking: Masking,
        *,
        clock: Clock,
    ) -> None:
        self._database = database
        self._logs = LiveLogs(backend, clock=clock, confirm=self._confirm)
        self._quotas = Quotas(database, self._logs, default=quota, clock=clock)
        self._masking = masking
        self._on_removed: Removed = _nobody_hears
        self._clock = clock
        # Of this process alone: after a restart it takes over from itself.
        self._holder = new_uid()
        self._sealing: set[asyncio.Task[LogStream]] = set()

    @property
    def logs(self) -> LiveLogs:
        return self._logs

    def tell_removed(self, on_removed: "Removed") -> None:
        """Has somebody hear of logs that were deleted."""
        self._on_removed = on_removed

    @property
    def quotas(self) -> Quotas:
        return self._quotas

    async def find(self, project: str, log_stream: str) -> LogStream:
        """The row; NotFound where there is none."""
        row = await self._database.read(log_store.get, project, log_stream)
        if row is None:
            raise absent(f"projects/{project}/logStreams/{log_stream}")
        return row

    @asynccontextmanager
    async def admitted(
        self, project: str, log_stream: str, *, epoch: int
    ) -> AsyncIterator[Admitted]:
        """A writer, until the block ends or another takes over; raises as `admit_writer`."""
        row = await self.find(project, log_stream)
        async with self._logs.open(key_of(row)) as live:
            async with live.lock:
                # A writer that begins may follow secrets that its run was given elsewhere.
                look = self._masking.now if epoch == 0 else self._masking.fresh
                await look(project, row.run)
                row, grant = await self._quotas.admit(
                    live.key, log_stream, epoch=epoch, holder=self._holder
                )
                live.expel(operations.fenced(row.writer_epoch))
                # The end is told to the new writer only when nothing of the old one can move it.
                await live.drain()
                await live.take_over(row.fence)
                meter = await self._quotas.meter(live, row, grant)
                writer = live.admit(Writer(live, row.writer_epoch))
            try:
                yield Admitted(live, writer, row, meter, self._quotas, self._masking)
            finally:
                live.dismiss(writer)

    @asynccontextmanager
    async def followed(self, project: str, log_stream: str) -> AsyncIterator[LiveLog]:
        """A log to read, which says when something happens; NotFound where there is none."""
        row = await self.find(project, log_stream)
        async with self._logs.open(key_of(row)) as live:
            if not row.is_sealed:
                # A seal between the first look and now was said to those who held the log then.
                row = await self.find(project, log_stream)
            await self._heed(live, row)
            yield live

    async def seal(self, project: str, log_stream: str) -> LogStream:
        """Ends a log where its durable lines end; one that is sealed is answered as it is.

        Goes on where its caller gives up: half a seal would let lines in behind the end.
        """
        row = await self.find(project, log_stream)
        if row.is_sealed:
            return row
        task = asyncio.create_task(self._seal(row), name="seal a log")
        self._sealing.add(task)
        task.add_done_callback(self._sealing.discard)
        return await asyncio.shield(task)

    async def keep_looking(self) -> None:
        """Sees for ever what other replicas do to the logs that are followed or written here."""
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                await self._look()
            except (MeshError, sa.exc.SQLAlchemyError, OSError) as error:
                log.warning("logs_not_looked_at", error=repr(error))

    async def _look(self) -> None:
        live = {each.key.uid: each for each in self._logs if each.is_loaded}
        if live:
            for row in await self._database.read(log_store.of_uids, list(live)):
                await self._heed(live[row.uid], row)

    async def _heed(self, live: LiveLog, row: LogStream) -> None:
        """Takes note of what the database says of a log."""
        if row.is_sealed:
            if not live.is_sealed:
                live.seal(row.next_offset, operations.sealed(row.name))
        elif self._database.is_shared:
            live.lose(row.fence, row.writer_epoch)
            await live.look()

    async def _confirm(self, live: LiveLog) -> None:
        """Raises MeshError where another server has taken a log over from this one."""
        if not self._database.is_shared:
            return
        try:
            row = await self._database.read(log_store.of_uid, live.key.uid)
        except (sa.exc.SQLAlchemyError, OSError) as error:
            raise refusal(LogStoreError()) from error
        if row is None or row.fence != live.fence:
            live.lose(row.fence if row else live.fence + 1, row.writer_epoch if row else 0)
            raise refusal(LogStoreError())

    async def seal_ended(self, _lease: Lease) -> None:
        """A job: seals logs whose runs ended so long ago that nobody may write any more.

        One that its store has lost keeps no other from it.
        """
        before = self._clock.now() - operations.GRACE
        due = await self._database.read(log_store.open_after_run, before, _SEALED_AT_ONCE)
        for row in due:
            try:
                await self.seal(row.project, row.id)
            except MeshError as error:
                log.warning("log_not_sealed", log=row.name, error=error.message)

    async def forget_old(self, keep: timedelta, _lease: Lease) -> None:
        """A job: deletes logs that were made so long ago and are complete; their lines first.

        What its store cannot delete now keeps its row until the next run, and keeps no other.
        """
        before, last = self._clock.now() - keep, None
        while rows := await self._database.read(
            log_store.sealed_before, before, last, _SEALED_AT_ONCE
        ):
            gone = await self._deleted([key_of(row) for row in rows])
            forgotten = [row for row in rows if row.uid in gone]
            for row in forgotten:
                await self._database.write(operations.forget, row.project, row.id)
            await self._on_removed(forgotten)
            last = (rows[-1].create_time, rows[-1].uid)

        last = None
        while old := await self._database.read(retention.old_logs, before, last, _SEALED_AT_ONCE):
            gone = await self._deleted([LogKey(each.project, each.uid) for each in old])
            await self._database.write(archives.forget_logs, gone)
            last = (old[-1].create_time, old[-1].uid)

    async def usages(self, rows: Sequence[LogStream]) -> dict[UUID, Usage]:
        """What logs hold, and where they end, by uid."""
        return dict(
            zip(
                [row.uid for row in rows],
                await asyncio.gather(*(self._usage(row) for row in rows)),
                strict=True,
            )
        )

    @asynccontextmanager
    async def archived(self, row: ArchivedLog) -> AsyncIterator[LiveLog]:
        """A log of an archived run, to read."""
        async with self._logs.open(LogKey(row.project, row.uid)) as live:
            live.seal(row.next_offset, operations.sealed(row.name))
            yield live

    async def discard(self, rows: Sequence[LogStream]) -> None:
        """Removes the lines of logs whose rows are gone; what cannot go now, a job removes."""
        await self._on_removed(rows)
        await self._remove([key_of(row) for row in rows])

    async def close(self) -> None:
        """Ends what is under way; lines that were taken become durable."""
        await asyncio.gather(*self._sealing, return_exceptions=True)
        await self._logs.close()
        await self._quotas.settle()

    async def remove_left(self, _lease: Lease) -> None:
        """A job: removes lines that a kill, or a store that was away, left of deleted logs."""
        while rows := await self._database.read(log_store.removals, _SEALED_AT_ONCE):
            if not await self._remove([LogKey(row.project, row.uid) for row in rows]):
                return

    async def _remove(self, keys: Sequence[LogKey]) -> bool:
        """Whether all of them are gone."""
        gone = await self._deleted(keys)
        if gone:
            await self._database.write(log_store.removed, gone)
        return len(gone) == len(keys)

    async def _deleted(self, keys: Sequence[LogKey]) -> list[UUID]:
        """Deletes lines, and answers of which logs they are gone by now."""
        gone, problems = [], []
        for key in keys:
            try:
                await self._logs.backend.delete(key)
                gone.append(key.uid)
            except LogStoreError as error:
                problems.append(f"{key.uid}: {error}")
        if problems:
            # A store that is away refuses all of them: one line says so.
            log.warning("logs_not_deleted", count=len(problems), first=problems[0])
        return gone

    async def _seal(self, row: LogStream) -> LogStream:
        key = key_of(row)
        async with self._logs.open(key) as live, live.lock:
            await live.hold()
            try:
                while not row.is_sealed:
                    row = await self._sealed(row, live)
            except BaseException:
                # Perhaps it is sealed, perhaps not: a writer must ask again before it goes on.
                live.expel(refusal(LogStoreError()))
                raise
            finally:
                live.go_on()
            live.seal(row.next_offset, operations.sealed(row.name))
            self._quotas.sealed(key)
            await stored(self._logs.backend.seal(key))
        return row

    async def _sealed(self, row: LogStream, live: LiveLog) -> LogStream:
        """The row, sealed unless another server took the log meanwhile."""
        project, log_stream = row.project, row.id
        row = await self._database.write(
            operations.take_over, project, log_stream, holder=self._holder
        )
        if row.is_sealed:
            return row
        await live.take_over(row.fence)
        return await self._database.write(
            log_quotas.seal,
            project,
            log_stream,
            usage=await self._quotas.sealing(live, row),
            fence=row.fence,
            default=self._quotas.default,
        )

    async def _usage(self, row: LogStream) -> Usage:
        written = self._quotas.usage(key_of(row), row.fence)
        if written and not row.is_sealed:
            return written
        return Usage(await self._end(row), row.kept_bytes, row.dropped_lines)

    async def _end(self, row: LogStream) -> int:
        if row.is_sealed:
            return row.next_offset
        end = self._logs.end_of(row)
        if end is not None:
            return end
        extent: Extent = await stored(self._logs.backend.extent(key_of(row)))
        return extent.next_offset


async def _nobody_hears(_rows: Sequence[LogStream]) -> None:
    pass
