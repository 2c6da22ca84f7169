"""Forwards logs to a collector: at least once, from what is durable, behind everything else.

A cursor for each log says how far the collector has taken it, and moves after it has. So a
crash sends some lines twice and loses none, appends never wait, and a collector that is away
finds everything when it is back, unless retention has taken it: then it is said how much.
"""

import asyncio
import gzip
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import httpx2
import structlog

from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.egress import Egress, EgressPolicy
from meshkit.errors import MeshError
from meshkit.jobs import Lease
from meshkit.telemetry import Metrics
from workspace.config import WorkspaceSettings
from workspace.connectors.failures import unavailable
from workspace.connectors.wire import Wire
from workspace.forwarding import otlp
from workspace.forwarding.parcels import Move, Parcel
from workspace.logs.backend import LogStoreError, LogTrimmedError
from workspace.logs.live import LiveLogs
from workspace.logs.refusals import key_of
from workspace.operations import log_forwarding as operations
from workspace.secrets.keeper import SecretKeeper
from workspace.servicers import log_lines
from workspace.store import log_forwarding as store
from workspace.store.schema_logs import LogStream

log = structlog.get_logger()

_COLLECTOR = "the collector of logs"
_PATH = "/v1/logs"
_LOGS_AT_ONCE = 200
_READ_BYTES = 256 << 10
# Of one log in one round, so that a long one keeps no other waiting.
_MOST_READS = 16
_PAUSES_S = (1.0, 300.0)
_HEADERS_FOR_S = 60.0
# What a collector says of a request that will never be taken as it is.
_UNACCEPTABLE = (400, 413)
_REFERENCE = re.compile(r"\{\{\s*secrets\.([a-z0-9-]+)\.([A-Za-z0-9_-]{1,128})\s*\}\}")


@dataclass(slots=True)
class Counts:
    """What became of lines since this server started."""

    forwarded: int = 0
    rejected: int = 0
    lost: int = 0
    failures: int = 0


@dataclass(slots=True)
class _Pause:
    """When to try again, later with every failure."""

    until: float = 0.0
    seconds: float = field(default=_PAUSES_S[0])

    def extend(self, now: float) -> None:
        self.until = now + self.seconds
        self.seconds = min(self.seconds * 2, _PAUSES_S[1])

    def end(self) -> None:
        self.until, self.seconds = 0.0, _PAUSES_S[0]


class Forwarder:
    """A leased job, `run`; close it when it is done with."""

    def __init__(
        self,
        database: Database,
        logs: LiveLogs,
        keeper: SecretKeeper,
        settings: WorkspaceSettings,
        clock: Clock,
    ) -> None:
        self.counts = Counts()
        self._database = database
        self._logs = logs
        self._keeper = keeper
        self._clock = clock
        self._url = _endpoint(settings.log_forwarding_url)
        self._raw_headers = settings.log_forwarding_headers
        self._headers: tuple[float, Mapping[str, str]] = (0.0, {})
        self._egress = Egress(EgressPolicy(settings.egress_networks, settings.egress_ca_file))
        self._wire = Wire(self._egress, timeout_s=settings.connector_timeout_s)
        self._pause = _Pause()
        self._unreadable: set[UUID] = set()

    async def begin(self) -> None:
        """Logs that are made from now on are forwarded, unless older ones are already."""
        await self._database.write(store.begin, self._url)

    async def run(self, lease: Lease) -> None:
        """Sends what there is, log by log; stops where the collector does not take it."""
        if self._clock.monotonic() < self._pause.until:
            return
        try:
            await self._forward_all(lease)
        except MeshError as error:
            self.counts.failures += 1
            self._pause.extend(self._clock.monotonic())
            log.warning("logs_not_forwarded", error=error.message, pause_s=self._pause.seconds)
        else:
            self._pause.end()

    async def removed(self, rows: Sequence[LogStream]) -> None:
        """Logs were deleted: says how much of them the collector never got."""
        since = await self._database.write(store.begin, self._url)
        lost = store.lost(row for row in rows if row.create_time >= since)
        if lost:
            self.counts.lost += lost
            log.warning("log_lines_never_forwarded", lines=lost, logs=len(rows))

    def close(self) -> None:
        self._egress.close()

    async def _forward_all(self, lease: Lease) -> None:
        since = await self._database.write(store.begin, self._url)
        parcel, after = Parcel(), UUID(int=0)
        while rows := await self._database.read(store.due, since, after, _LOGS_AT_ONCE):
            for row in rows:
                parcel = await self._pack(row, parcel, lease)
            after = rows[-1].uid
        await self._send(parcel, lease)

    async def _pack(self, row: LogStream, parcel: Parcel, lease: Lease) -> Parcel:
        """Packs what is new of a log, sending what is full; answers what is to be filled next."""
        offset = row.forwarded_offset
        async for batch in self._unread(row):
            parcel.add(_source(row), Move(row.uid, offset, batch.next_offset), batch)
            offset = batch.next_offset
            if parcel.is_full:
                await self._send(parcel, lease)
                parcel = Parcel()
        if row.is_sealed and offset >= row.next_offset:
            parcel.finish(Move(row.uid, offset, offset))
        return parcel

    async def _unread(self, row: LogStream) -> AsyncIterator[log_lines.Batch]:
        """What is new of a log; one that cannot be read keeps no other from the collector."""
        offset = row.forwarded_offset
        try:
            end = await self._end(row)
            for _ in range(_MOST_READS):
                if offset >= end:
                    break
                for batch in await self._read(row, offset, end):
                    yield batch
                    offset = batch.next_offset
        except LogStoreError as error:
            # Said once, not with every look.
            if row.uid not in self._unreadable:
                self._unreadable.add(row.uid)
                log.warning("log_not_forwarded", log=row.name, error=str(error))
        else:
            self._unreadable.discard(row.uid)

    async def _read(self, row: LogStream, offset: int, end: int) -> list[log_lines.Batch]:
        key, backend = key_of(row), self._logs.backend
        try:
            frames = await backend.read(key, offset, _READ_BYTES)
        except LogTrimmedError as error:
            self.counts.lost += error.first_offset - offset
            log.warning("log_lines_never_forwarded", lines=error.first_offset - offset, logs=1)
            offset = error.first_offset
            frames = await backend.read(key, offset, _READ_BYTES)
        return list(log_lines.batches(frames, offset, end))

    async def _end(self, row: LogStream) -> int:
        """How far a log can be read here; nothing of one whose files another server has."""
        live = self._logs.end_of(row)
        if live is not None:
            return live
        return (await self._logs.backend.extent(key_of(row))).next_offset

    async def _send(self, parcel: Parcel, lease: Lease) -> None:
        """Has the collector take a parcel, then moves the cursors."""
        if parcel.pieces:
            await self._deliver(parcel.pieces, await self._resolved())
        if parcel.moves:
            await self._database.write(operations.move, lease, list(parcel.moves))

    async def _deliver(self, pieces: Sequence[otlp.Piece], headers: Mapping[str, str]) -> None:
        body = await asyncio.to_thread(_packed, pieces)
        answer = await self._wire.send(_COLLECTOR, "POST", self._url, headers=headers, content=body)
        count = sum(len(piece.lines) for piece in pieces)
        if answer.is_ok:
            self._count(count, answer.said())
        elif answer.status not in _UNACCEPTABLE:
            raise unavailable(_COLLECTOR, f"answers {answer.status}")
        elif count > 1:
            for half in _halves(pieces):
                await self._deliver(half, headers)
        else:
            self._count(1, {"partialSuccess": {"rejectedLogRecords": "1"}})

    def _count(self, count: int, said: Mapping[str, object]) -> None:
        """Counts what was taken. What a collector rejects it must not be sent again."""
        partial = said.get("partialSuccess")
        told = partial.get("rejectedLogRecords", 0) if isinstance(partial, dict) else 0
        rejected = min(int(told), count) if str(told).isdigit() else 0
        self.counts.forwarded += count - rejected
        self.counts.rejected += rejected
        if rejected:
            log.warning("log_lines_rejected", lines=rejected)

    async def _resolved(self) -> Mapping[str, str]:
        """The headers, with the values of the secrets that they name."""
        until, headers = self._headers
        if self._clock.monotonic() >= until:
            headers = {
                "content-type": "application/json",
                "content-encoding": "gzip",
                **{name: await self._filled(text) for name, text in self._raw_headers.items()},
            }
            self._headers = (self._clock.monotonic() + _HEADERS_FOR_S, headers)
        return headers

    async def _filled(self, text: str) -> str:
        for whole, secret, key in {(m[0], m[1], m[2]) for m in _REFERENCE.finditer(text)}:
            # The server reads for itself: nobody's private secrets.
            values = await self._keeper.values(secret, reader="")
            if key not in values:
                raise unavailable(_COLLECTOR, f"cannot be asked: secrets/{secret} has no {key}")
            text = text.replace(whole, values[key])
        return text


def expose_forwarding(metrics: Metrics, counts: Counts) -> None:
    """Shows what became of lines."""
    for name, text, read in (
        ("weft_log_lines_forwarded", "Lines that the collector took.", lambda: counts.forwarded),
        ("weft_log_lines_rejected", "Lines that it did not want.", lambda: counts.rejected),
        ("weft_log_lines_lost", "Lines deleted before it took them.", lambda: counts.lost),
        ("weft_log_forwarding_failures", "Rounds in which it failed.", lambda: counts.failures),
    ):
        metrics.counter(name, text, read)


def _endpoint(url: str) -> str:
    """Where requests go."""
    return url if httpx2.URL(url).path.strip("/") else url.rstrip("/") + _PATH


def _source(row: LogStream) -> otlp.Source:
    return otlp.Source(row.id, row.project, row.run, row.step_id, row.attempt)


def _packed(pieces: Sequence[otlp.Piece]) -> bytes:
    return gzip.compress(otlp.encode(pieces), compresslevel=1)


def _halves(pieces: Sequence[otlp.Piece]) -> tuple[Sequence[otlp.Piece], Sequence[otlp.Piece]]:
    if len(pieces) > 1:
        middle = len(pieces) // 2
        return pieces[:middle], pieces[middle:]
    (piece,) = pieces
    middle = len(piece.lines) // 2
    first, second = piece.lines[:middle], piece.lines[middle:]
    return [otlp.Piece(piece.source, first)], [otlp.Piece(piece.source, second)]
