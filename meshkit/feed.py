"""The feed: every visible change of a database, numbered in the order of its commits.

A subscriber is a position (a revision), never a queue: it reads what is later than its
position, sends it, and waits for more. Recent events come from a ring in memory that all
subscribers share; older ones from the outbox in the database.
"""

import asyncio
import contextlib
import enum
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, Protocol, TypeVar
from uuid import UUID

import sqlalchemy as sa

from meshkit.errors import OutOfRange
from meshkit.ids import new_uid
from meshkit.schema import MeshTables

T = TypeVar("T")


class Reader(Protocol):
    """Runs a function in one read-only snapshot."""

    def __call__(self, work: Callable[[sa.Connection], T]) -> Awaitable[T]: ...


RING_EVENTS = 10_000
RING_BYTES = 16 * 1024 * 1024
PAGE_EVENTS = 1_000


class ChangeKind(enum.StrEnum):
    """What happened to a resource; the values stand in the outbox."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of state; `before` and `after` are names of the resource's state enum."""

    before: str
    after: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What an operation emitted, as the encoder of events gets it at commit."""

    kind: ChangeKind
    row: Any
    fields: tuple[str, ...]
    transition: Transition | None
    time: datetime
    actor: str
    trace_id: str


EncodeEvent = Callable[[Change, int, int], bytes]
# Gets the events of each new revision; none where another history took this one's place.
Listener = Callable[[Sequence["StoredEvent"]], None]


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event of the feed; `event` is its encoded message, shared by all who send it."""

    revision: int
    index: int
    time: datetime
    project: str
    resource_type: str
    name: str
    uid: str
    type: str
    event: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """The feed's row: newest revision, oldest resume point, and which history this is."""

    revision: int
    compact_revision: int
    epoch: UUID


class Ring:
    """The newest revisions, whole and without holes, bounded in events and bytes."""

    def __init__(self, head: int, *, max_events: int, max_bytes: int) -> None:
        self._revisions: dict[int, tuple[StoredEvent, ...]] = {}
        self._max_events = max_events
        self._max_bytes = max_bytes
        self.events = 0
        self.bytes = 0
        self.evicted = 0
        # The ring holds the revisions after `tail`, up to and including `head`.
        self.tail = head
        self.head = head

    def append(self, events: tuple[StoredEvent, ...]) -> None:
        """Adds the next revision; the oldest give way."""
        self.head += 1
        self._revisions[self.head] = events
        self.events += len(events)
        self.bytes += sum(len(event.event) for event in events)
        while self.events > self._max_events or self.bytes > self._max_bytes:
            self.evicted += len(self._revisions[self.tail + 1])
            self.drop(self.tail + 1)

    def drop(self, revision: int) -> None:
        """Forgets everything up to and including a revision."""
        while self.tail < min(revision, self.head):
            self.tail += 1
            events = self._revisions.pop(self.tail)
            self.events -= len(events)
            self.bytes -= sum(len(event.event) for event in events)

    def time_after(self, revision: int) -> datetime | None:
        """When the oldest event later than a revision was made, as far as the ring knows."""
        events = self._revisions.get(max(revision, self.tail) + 1)
        return events[0].time if events else None

    def after(self, revision: int, limit: int) -> list[StoredEvent]:
        """Whole revisions later than one within the ring: about `limit` events, at least one."""
        found: list[StoredEvent] = []
        for number in range(revision + 1, self.head + 1):
            events = self._revisions[number]
            if found and len(found) + len(events) > limit:
                break
            found.extend(events)
        return found


@dataclass(slots=True)
class FeedCounts:
    """What a feed went through since its process began; see `feed_metrics`."""

    outbox_reads: int = 0
    compacted: int = 0
    unannounced: int = 0
    holes: int = 0


class Feed:
    """Reads and follows the feed of one database. Belongs to one event loop."""

    def __init__(
        self,
        tables: MeshTables,
        read: Reader,
        head: Head,
        *,
        ring_events: int = RING_EVENTS,
        ring_bytes: int = RING_BYTES,
    ) -> None:
        self._tables = tables
        self._read = read
        self.ring = Ring(head.revision, max_events=ring_events, max_bytes=ring_bytes)
        self._changed = asyncio.Event()
        self._listeners: list[Listener] = []
        self._catching_up = asyncio.Lock()
        self.counts = FeedCounts()
        self.epoch: UUID = head.epoch
        self.compact_revision: int = head.compact_revision

    @property
    def head(self) -> int:
        """The newest revision known here; other replicas may be ahead for a moment."""
        return self.ring.head

    async def check(self, after_revision: int, *, epoch: str = "") -> None:
        """Raises OutOfRange unless a subscriber may resume after this revision."""
        if epoch and epoch != str(self.epoch):
            raise OutOfRange(
                "EPOCH_CHANGED",
                "The database was restored since; start again from a snapshot.",
                metadata={"epoch": str(self.epoch)},
            )
        if after_revision > self.head:
            await self.catch_up()
        if after_revision > self.head:
            raise OutOfRange(
                "REVISION_IN_FUTURE",
                "No such revision exists yet; start again from a snapshot.",
                metadata={"currentRevision": str(self.head)},
            )
        self._check_kept(after_revision, self.compact_revision)

    async def read(self, after_revision: int, limit: int = 512) -> list[StoredEvent]:
        """Events later than a revision, in order; empty where there are none.

        Only whole revisions: more than `limit` events come only where the first revision alone
        has more. The last event's revision is the next position. Raises OutOfRange
        `REVISION_COMPACTED` or `REVISION_IN_FUTURE`, metadata `currentRevision` and
        `compactRevision`.
        """
        await self.check(after_revision)
        if after_revision >= self.ring.tail:
            return self.ring.after(after_revision, limit)
        return await self._read_outbox(after_revision, limit)

    async def wait(self, after_revision: int, timeout_s: float | None = None) -> int:
        """Waits for a revision later than this one, or the timeout; returns the head."""
        if timeout_s is None:
            while self.head <= after_revision:
                await self._changed.wait()
            return self.head
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                return await self.wait(after_revision)
        return self.head

    def tell(self, listener: Listener) -> None:
        """Calls a listener, which must not raise, with every revision from now on."""
        self._listeners.append(listener)

    def publish(self, events: Sequence[StoredEvent]) -> bool:
        """Adds one committed revision; False, and nothing added, where it is not the next."""
        if not events or events[0].revision != self.head + 1:
            return False
        self.ring.append(tuple(events))
        self._wake(events)
        return True

    async def catch_up(self) -> None:
        """Fills the ring with what others committed, and with what a hole kept out."""
        async with self._catching_up:
            more = True
            while more:
                more = await self._fetch()

    def compacted(self, revision: int) -> None:
        """Takes note that history up to this revision is gone."""
        if revision > self.compact_revision:
            self.compact_revision = revision
            self.ring.drop(revision)

    def _check_kept(self, after_revision: int, compact_revision: int) -> None:
        if after_revision < compact_revision:
            raise OutOfRange(
                "REVISION_COMPACTED",
                "That part of history is no longer kept; start again from a snapshot.",
                metadata={
                    "compactRevision": str(compact_revision),
                    "currentRevision": str(self.head),
                },
            )

    async def _read_outbox(self, after_revision: int, limit: int) -> list[StoredEvent]:
        self.counts.outbox_reads += 1
        head, events = await self._read(lambda c: self._page(c, after_revision, limit))
        self.compacted(head.compact_revision)
        self._check_kept(after_revision, head.compact_revision)
        return events

    async def _fetch(self) -> bool:
        """One page into the ring; whether there may be more."""
        position = self.head
        head, events = await self._read(lambda c: self._page(c, position, PAGE_EVENTS))
        self.compacted(head.compact_revision)
        if self.head < head.compact_revision or head.epoch != self.epoch:
            self._restart(head)
            return False
        before = self.head
        for revision, group in groupby(events, attrgetter("revision")):
            # A hole would violate the order of commits: stop there, and never skip it.
            if revision > self.head and not self.publish(tuple(group)):
                self.counts.holes += 1
                return False
        return self.head > before and self.head < head.revision

    def _restart(self, head: Head) -> None:
        """History was compacted past our position, or replaced: begin at its end."""
        self.epoch, self.compact_revision = head.epoch, head.compact_revision
        self.ring.drop(self.ring.head)
        self.ring.head = self.ring.tail = head.revision
        self._wake(())

    def _page(
        self, connection: sa.Connection, after_revision: int, limit: int
    ) -> tuple[Head, list[StoredEvent]]:
        """Head and one page of whole revisions, of one moment."""
        events = self._select(connection, after_revision, limit + 1)
        if len(events) > limit:
            last = events[-1].revision
            if last == events[0].revision:
                events = self._select(connection, after_revision, None, before=last + 1)
            else:
                events = [event for event in events if event.revision < last]
        return read_head(connection, self._tables), events

    def _select(
        self,
        connection: sa.Connection,
        after_revision: int,
        limit: int | None,
        *,
        before: int | None = None,
    ) -> list[StoredEvent]:
        columns = self._tables.feed_events.c
        query = (
            sa.select(self._tables.feed_events)
            .where(columns.revision > after_revision)
            .order_by(columns.revision, columns.index)
            .limit(limit)
        )
        if before is not None:
            query = query.where(columns.revision < before)
        return [StoredEvent(*row) for row in connection.execute(query)]

    def _wake(self, events: Sequence[StoredEvent]) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        for listener in self._listeners:
            listener(events)


def read_head(connection: sa.Connection, tables: MeshTables) -> Head:
    """The feed's row."""
    columns = tables.feed_head.c
    row = connection.execute(
        sa.select(columns.revision, columns.compact_revision, columns.epoch)
    ).one()
    return Head(*row)


def events_of(changes: Iterable[Change], revision: int, encode: EncodeEvent) -> list[StoredEvent]:
    """The events of one transaction: same revision, numbered from 0."""
    return [
        StoredEvent(
            revision,
            index,
            change.time,
            getattr(change.row, "project", None) or "",
            getattr(change.row, "resource_type", type(change.row).__name__),
            change.row.name,
            str(change.row.uid),
            change.kind.value,
            encode(change, revision, index),
        )
        for index, change in enumerate(changes)
    ]


def renew_epoch(connection: sa.Connection, tables: MeshTables) -> UUID:
    """For a database restored from a backup, before it is opened: a history of its own.

    Subscribers that saw what the backup does not hold then start again from a snapshot.
    """
    epoch = new_uid()
    connection.execute(tables.feed_head.update().values(epoch=epoch))
    return epoch
