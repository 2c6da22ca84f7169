"""EventService."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from meshkit.authentication import Context
from meshkit.database import Database
from meshkit.feed import Feed
from meshkit.paging import MAX_PAGE_BYTES, page_size
from weftapi.workspace.v1 import events_pb2, events_pb2_grpc
from workspace import names
from workspace.encoding import decode, size_of
from workspace.operations.refusals import absent
from workspace.servicers.converting import caller
from workspace.servicers.selectors import Selector
from workspace.servicers.watches import Watches
from workspace.store import projects as project_store

_READ_AHEAD = 512
# How much of other people's history one call looks through before it answers how far it came.
_MAX_LOOKED_AT = 20_000


class EventServicer(events_pb2_grpc.EventServiceServicer):
    def __init__(self, database: Database, watches: Watches) -> None:
        self._database = database
        self._feed = database.feed
        self._watches = watches

    async def WatchEvents(
        self, request: events_pb2.WatchEventsRequest, context: Context
    ) -> AsyncIterator[Any]:
        watch = await self._watches.events(request, caller())
        async with aclosing(watch.follow(context)) as responses:
            async for response in responses:
                yield response

    async def ListEvents(
        self, request: events_pb2.ListEventsRequest, _context: Context
    ) -> events_pb2.ListEventsResponse:
        project = names.project_of(request.parent)
        if project != names.WILDCARD:
            await self._require(project)
        position = request.after_revision or self._feed.compact_revision
        await self._feed.check(position, epoch=request.epoch)
        selector = self._watches.selector(caller(), request.parent, request.resource_types)
        page = _Page(self._feed, position, page_size(request.page_size), selector)
        await page.fill(request.wait.ToTimedelta().total_seconds())
        return events_pb2.ListEventsResponse(
            events=[decode(event) for event in page.events],
            revision=page.position,
            more=page.position < self._feed.head,
        )

    async def _require(self, project: str) -> None:
        if not await self._database.read(project_store.existing, {project}):
            raise absent(names.project(project))

    async def GetFeedInfo(
        self, _request: events_pb2.GetFeedInfoRequest, _context: Context
    ) -> events_pb2.FeedInfo:
        return events_pb2.FeedInfo(
            epoch=str(self._feed.epoch),
            revision=self._feed.head,
            compact_revision=self._feed.compact_revision,
        )


@dataclass(slots=True)
class _Page:
    """Whole commits, up to about as many events as asked for."""

    feed: Feed
    position: int
    size: int
    selector: Selector
    events: list[bytes] = field(default_factory=list)
    room: int = MAX_PAGE_BYTES

    async def fill(self, wait_s: float) -> None:
        """Reads what is there; while there is nothing, waits for it."""
        deadline = asyncio.get_running_loop().time() + wait_s
        await self._read()
        while not self.events:
            left_s = deadline - asyncio.get_running_loop().time()
            if left_s <= 0 or self.position < self.feed.head:
                return
            await self.feed.wait(self.position, left_s)
            await self._read()

    async def _read(self) -> None:
        looked_at = 0
        while looked_at < _MAX_LOOKED_AT:
            found = await self.feed.read(self.position, min(self.size, _READ_AHEAD))
            if not found:
                return
            looked_at += len(found)
            for revision in sorted({event.revision for event in found}):
                own = [event for event in found if event.revision == revision]
                chosen = [(e, text) for e in own if (text := self.selector.select(e)) is not None]
                if self.events and not self._fits([size_of(event) for event, _ in chosen]):
                    return
                self.events += [text for _, text in chosen]
                self.room -= sum(size_of(event) for event, _ in chosen)
                self.position = revision

    def _fits(self, sizes: list[int]) -> bool:
        return len(self.events) + len(sizes) <= self.size and sum(sizes) <= self.room
