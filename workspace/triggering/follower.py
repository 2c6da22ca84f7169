"""Follows the feed for those who wait for what happens, and keeps what they are to do about it.

What is kept is written together with how far the feed was read, so an event counts once for
each of them, however often this dies between the two.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

import structlog

from meshkit.database import Database
from meshkit.errors import OutOfRange
from meshkit.feed import StoredEvent
from meshkit.jobs import Lease
from meshkit.session import Session
from workspace.store import feed_positions
from workspace.store.feed_positions import FeedReader

log = structlog.get_logger()

_PAGE = 512
# Where nothing is kept the position is written down this rarely: reading events again is harmless.
_LAZY_EVENTS = 5_000


class Waiting(Protocol):
    """A row that waits for events of its project."""

    project: str
    # What happened before is past.
    active_since: datetime


W = TypeVar("W", bound=Waiting)
M = TypeVar("M")
K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Subject(Generic[W, M, K]):
    """For whom a follower reads, and what it keeps for them."""

    reader: FeedReader
    # The kind of resource that waits: an event about one says that those of its project changed.
    resource_type: str
    # Kinds of resources that any of them can wait for.
    watched: frozenset[str]
    active: Callable[[Session, Iterable[str]], list[W]]
    # What an event means to all of them; None for nothing.
    meaning: Callable[[StoredEvent], M | None]
    # What one of them is to do about that; None for nothing. The same whenever it is asked.
    about: Callable[[W, M], K | None]
    # Adds what is kept; what is there already stays as it is.
    keep: Callable[[Session, Sequence[K]], None]
    # Kinds of resources whose events say that more was kept, by whoever made them.
    kept_with: frozenset[str] = frozenset()


class Follower(Generic[W, M, K]):
    """Part of a leased job; `on_kept` is called when there is something new to do."""

    def __init__(
        self, database: Database, subject: Subject[W, M, K], on_kept: Callable[[], None]
    ) -> None:
        self._database = database
        self._subject = subject
        self._on_kept = on_kept
        # How far the feed was read, and how far of that is written down.
        self._position = self._saved = 0
        # By project, as of that position: most commits concern none of them, and cost no read.
        self._active: dict[str, list[W]] = {}

    async def run(self, lease: Lease) -> None:
        """Goes on until interrupted."""
        await self.begin(lease)
        while True:
            await self.catch_up(lease)
            await self._database.feed.wait(self._position)

    async def catch_up(self, lease: Lease) -> None:
        """Reads what there is; `begin` first."""
        while True:
            try:
                events = await self._database.feed.read(self._position, _PAGE)
            except OutOfRange as error:
                await self._move(lease, error.reason)
                continue
            if not events:
                return
            await self._take(lease, events)

    async def _move(self, lease: Lease, reason: str) -> None:
        """Goes on elsewhere: history goes while nobody waits, and is another after a restore."""
        log.info("feed_position_moved", after_revision=self._position, reason=reason)
        self._active.clear()
        feed = self._database.feed
        kept = max(self._position, feed.compact_revision)
        await self._save(lease, [], min(kept, feed.head))

    async def begin(self, lease: Lease) -> None:
        """Goes on where the last holder stopped; the first one reads all that there is.

        What happened before somebody waited for it is past, and what happened since is owed.
        """
        self._active.clear()
        position = await self._database.read(feed_positions.get, self._subject.reader)
        if position is None:
            await self._save(lease, [], self._database.feed.compact_revision)
        else:
            self._position = self._saved = position

    async def _take(self, lease: Lease, events: Sequence[StoredEvent]) -> None:
        kept = await self._kept(events)
        position = events[-1].revision
        if kept or position - self._saved >= _LAZY_EVENTS:
            await self._save(lease, kept, position)
        self._position = position
        if any(event.resource_type in self._subject.kept_with for event in events):
            self._on_kept()

    async def _kept(self, events: Sequence[StoredEvent]) -> list[K]:
        """What is to be done about events, by all who wait for them."""
        for event in events:
            if event.resource_type == self._subject.resource_type:
                self._active.pop(event.project, None)
        watched = [event for event in events if event.resource_type in self._subject.watched]
        await self._know({event.project for event in watched})
        found = (kept for event in watched for kept in self._about(event))
        return [kept for kept in found if kept is not None]

    def _about(self, event: StoredEvent) -> list[K | None]:
        waiting = [one for one in self._active[event.project] if event.time >= one.active_since]
        # An event costs its decoding: once, and only where somebody waits.
        meaning = self._subject.meaning(event) if waiting else None
        return [] if meaning is None else [self._subject.about(one, meaning) for one in waiting]

    async def _know(self, projects: set[str]) -> None:
        """Reads who waits in projects where that is not known, or changed."""
        unknown = projects - self._active.keys()
        if unknown:
            rows = await self._database.read(self._subject.active, unknown)
            for project in unknown:
                self._active[project] = [row for row in rows if row.project == project]

    async def _save(self, lease: Lease, kept: list[K], position: int) -> None:
        await self._database.write(self._write, lease, kept, position)
        self._position = self._saved = position
        if kept:
            self._on_kept()

    def _write(self, session: Session, lease: Lease, kept: list[K], position: int) -> None:
        lease.check(session)
        self._subject.keep(session, kept)
        feed_positions.put(session, self._subject.reader, position)
