"""Watches under way: positions in the feed that move on as their readers take what is there.

A watch holds no queue. It reads what is later than its position, sends what concerns it, and
sleeps; what it sends are the bytes that the change was committed with, put into messages once
for all who watch the same.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

from meshkit.authentication import Context
from meshkit.feed import Feed, StoredEvent
from meshkit.sleepers import Sleeper, Sleepers
from meshkit.streams import current_stream
from weftapi.workspace.v1 import events_pb2, reports_pb2
from workspace.encoding import decode, messages
from workspace.servicers.selectors import OVER, Selector, keys_of

_PAGE_EVENTS = 512
_SHARED_BYTES = 4 * 1024 * 1024
# About what a page weighs beside its messages.
_PAGE_BYTES = 512

Response = events_pb2.WatchResponse | bytes


@dataclass(frozen=True, slots=True)
class Page:
    """What a watch sends of a part of the feed, up to and including `position`.

    `end` is the revision with which the watch's run ended; 0 where it did not.
    """

    position: int
    messages: tuple[bytes, ...]
    end: int = 0


class Following:
    """What the watches of one feed share: whom to wake, and the pages that many of them send."""

    def __init__(self, feed: Feed, *, bookmark_s: float, is_draining: Callable[[], bool]) -> None:
        self.feed = feed
        self.is_draining = is_draining
        self.sleepers = Sleepers(feed, keys_of, patience_s=bookmark_s)
        self._pages: dict[Hashable, Page] = {}
        self._bytes = 0
        feed.tell(self._forget_other_history)

    async def page(self, selector: Selector, position: int, run: str) -> Page:
        """The next page behind a position; `run` is one whose end it shall tell."""
        likeness = selector.likeness
        if likeness is None:
            return await self._read(selector, position, run)
        key = (likeness, position, self.feed.head)
        page = self._pages.get(key)
        if page is None:
            page = await self._read(selector, position, run)
            self._share(key, page)
        return page

    async def _read(self, selector: Selector, position: int, run: str) -> Page:
        events = await self.feed.read(position, _PAGE_EVENTS)
        chosen, end = [], 0
        for event in events:
            selected = selector.select(event)
            if selected is not None:
                chosen.append((event.revision, selected))
                if event.name == run and decode(event.event).run.state in OVER:
                    end = event.revision
        reached = events[-1].revision if events else position
        return Page(reached, tuple(messages(chosen, revision=reached)), end)

    def _share(self, key: Hashable, page: Page) -> None:
        """Keeps a page for the others; the oldest pages give way."""
        self._drop(key)
        self._pages[key] = page
        self._bytes += _size(page)
        while self._bytes > _SHARED_BYTES:
            self._drop(next(iter(self._pages)))

    def _drop(self, key: Hashable) -> None:
        page = self._pages.pop(key, None)
        if page:
            self._bytes -= _size(page)

    def _forget_other_history(self, events: Sequence[StoredEvent]) -> None:
        if not events:
            self._pages.clear()
            self._bytes = 0


class Watch:
    """One watch under way."""

    __slots__ = (
        "_end",
        "_epoch",
        "_following",
        "_initial",
        "_position",
        "_run",
        "_selector",
        "_sleeper",
        "_stream",
    )

    def __init__(
        self,
        following: Following,
        selector: Selector,
        position: int,
        *,
        initial: list[bytes] | None = None,
        run: str = "",
        end: int = 0,
    ) -> None:
        """Begins at a position, with `initial` state; `run` is the one it ends with.

        `end` is the revision with which that one has ended already, or 0.
        """
        self._following = following
        self._selector = selector
        self._position = position
        self._initial = initial
        self._run = run
        self._end = end
        self._epoch = following.feed.epoch
        self._stream = current_stream.get()
        self._sleeper = Sleeper(following.sleepers, selector.keys)

    async def follow(self, context: Context) -> AsyncGenerator[Response, None]:
        """Everything that the watch says."""
        has_ended = bool(self._end) and self._position >= self._end
        await self._greet(context, is_over=has_ended and self._initial is None)
        for message in self._begin():
            yield message
        ending = self._stream.ending
        ending.then(self._sleeper.rouse)
        while not (has_ended or ending.is_set()):
            if self._is_at_head():
                self._position = await self._sleeper.sleep(self._position)
                if self._is_at_head() and not ending.is_set():
                    yield self._bookmark()
                continue
            page = await self._next()
            for message in page.messages:
                yield message
            self._position = page.position
            has_ended = bool(self._end) and self._position >= self._end
            if not page.messages:
                # A page without a word for this reader must not keep the loop from the others.
                await asyncio.sleep(0)
        yield self._last_words() if has_ended else self._farewell()

    async def _greet(self, context: Context, *, is_over: bool) -> None:
        metadata = [
            ("x-weft-epoch", str(self._epoch)),
            ("x-weft-revision", str(self._position)),
        ]
        if is_over:
            metadata.append(("x-weft-ended", "true"))
        await context.send_initial_metadata(metadata)

    def _begin(self) -> Iterator[Response]:
        epoch = str(self._epoch)
        # Taken away, so that it is not kept for as long as the watch lives.
        initial, self._initial = self._initial, None
        if initial is None:
            yield self._bookmark(epoch=epoch)
            return
        # Half an initial state is no place to resume from.
        yield events_pb2.WatchResponse(epoch=epoch, more_in_revision=True)
        state = ((self._position, event) for event in initial)
        yield from messages(state, revision=self._position, is_whole=False)
        yield self._bookmark(initial_complete=True)

    def _is_at_head(self) -> bool:
        feed = self._following.feed
        return feed.head == self._position and feed.epoch is self._epoch

    async def _next(self) -> Page:
        following = self._following
        if self._epoch is not following.feed.epoch:
            await following.feed.check(self._position, epoch=str(self._epoch))
            self._epoch = following.feed.epoch
        self._stream.cursor = str(self._position)
        page = await following.page(self._selector, self._position, self._run)
        if page.end:
            self._end = page.end
        return page

    def _bookmark(
        self, *, initial_complete: bool = False, epoch: str = ""
    ) -> events_pb2.WatchResponse:
        return events_pb2.WatchResponse(
            revision=self._position,
            epoch=epoch,
            bookmark=events_pb2.Bookmark(initial_complete=initial_complete),
        )

    def _last_words(self) -> events_pb2.WatchResponse:
        return events_pb2.WatchResponse(revision=self._position, end_of_stream=True)

    def _farewell(self) -> events_pb2.WatchResponse:
        reason = "draining" if self._following.is_draining() else "age"
        notice = reports_pb2.Notice(reconnect=True, reason=reason)
        return events_pb2.WatchResponse(revision=self._position, notice=notice)


def _size(page: Page) -> int:
    return _PAGE_BYTES + sum(len(message) for message in page.messages)
