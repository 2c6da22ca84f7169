"""Watches under way: positions in the feed that move on as their readers take what is there.

A watch holds no queue. It reads what is later than its position, sends what concerns it, and
sleeps; what it sends are the bytes that the change was committed with, put into messages once
for all who watch the same.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Hashable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from meshkit.authentication import Context
from meshkit.clock import Clock
from meshkit.feed import Feed, StoredEvent
from meshkit.feed_metrics import Delays
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


class Page(NamedTuple):
    """What a watch sends of a part of the feed, up to and including `position`.

    `time` is that of the newest change in it. `end` is the revision with which the watch's run
    ended; 0 where it did not.
    """

    position: int
    messages: tuple[bytes, ...] = ()
    time: datetime | None = None
    end: int = 0


class Chosen(NamedTuple):
    """An event that a watch sends, of the resource with a uid."""

    revision: int
    uid: str
    event: bytes


def conflated(chosen: Iterable[Chosen], reached: int) -> list[Chosen]:
    """The newest of each resource, in their order.

    They count as one revision, the last: a reader who has only the first of several messages
    may lack what an older event that was left out had said, and must not resume from there.
    """
    newest: dict[str, Chosen] = {}
    for one in chosen:
        newest.pop(one.uid, None)
        newest[one.uid] = one._replace(revision=reached)
    return list(newest.values())


class Following:
    """What the watches of one feed share: whom to wake, and the pages that many of them send."""

    def __init__(
        self, feed: Feed, *, clock: Clock, bookmark_s: float, is_draining: Callable[[], bool]
    ) -> None:
        self.feed = feed
        self.clock = clock
        self.bookmark_s = bookmark_s
        self.now = asyncio.get_running_loop().time
        self.is_draining = is_draining
        self.sleepers = Sleepers(feed, keys_of, patience_s=bookmark_s)
        self.delays = Delays()
        self.open: set[Watch] = set()
        self._pages: dict[Hashable, Page] = {}
        self._bytes = 0
        feed.tell(self._forget_other_history)

    def __len__(self) -> int:
        return len(self.open)

    def lowest_position(self) -> int:
        """As `meshkit.feed_metrics.Followers`: whoever sleeps has nothing left to read."""
        head = self.feed.head
        # Copied at once, as those who ask are on another thread.
        awake = (watch.position for watch in tuple(self.open) if not watch.is_asleep)
        return min(awake, default=head)

    def shared(self, likeness: Hashable | None, position: int) -> Page | None:
        """The next page behind a position, where one who watches the same has read it."""
        return self._pages.get((likeness, position, self.feed.head))

    async def read(self, selector: Selector, position: int, run: str) -> Page:
        """The next page behind a position; `run` is one whose end it shall tell."""
        likeness = selector.likeness
        key = (likeness, position, self.feed.head)
        events = await self.feed.read(position, _PAGE_EVENTS)
        chosen: list[Chosen] = []
        time, end = None, 0
        for event in events:
            selected = selector.select(event)
            if selected is not None:
                chosen.append(Chosen(event.revision, event.uid, selected))
                time = event.time
                if event.name == run and decode(event.event).run.state in OVER:
                    end = event.revision
        reached = events[-1].revision if events else position
        numbered = conflated(chosen, reached) if selector.is_conflating else chosen
        sent = messages(((one.revision, one.event) for one in numbered), revision=reached)
        page = Page(reached, tuple(sent), time, end)
        if likeness is not None:
            self._share(key, page)
        return page

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
        "_epoch",
        "_following",
        "_has_ended",
        "_initial",
        "_is_live",
        "_run",
        "_selector",
        "_sleeper",
        "_spoke_at",
        "_stream",
        "position",
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
        self.position = position
        self._initial = initial
        self._run = run
        self._has_ended = bool(end) and position >= end
        # It has been at the head of the feed: what comes now has just happened.
        self._is_live = False
        self._spoke_at = following.now()
        self._epoch = following.feed.epoch
        self._stream = current_stream.get()
        self._stream.cursor = str(position)
        self._sleeper = Sleeper(following.sleepers, selector.keys)
        self._stream.ending.then(self._sleeper.rouse)

    @property
    def is_asleep(self) -> bool:
        return self._sleeper.is_asleep

    async def follow(self, context: Context) -> AsyncGenerator[Response, None]:
        """Everything that the watch says."""
        await self._greet(context)
        for message in self._begin():
            yield message
        self._following.open.add(self)
        try:
            while not (self._has_ended or self._stream.ending.is_set()):
                if self._is_at_head():
                    self.position = await self._sleeper.sleep(self.position)
                else:
                    page = self._shared_page() or await self._read_page()
                    for message in page.messages:
                        yield message
                    self._sent(page)
                if self._is_silent():
                    yield self._bookmark()
        finally:
            self._sleeper.rouse()
            self._following.open.discard(self)
        yield self._last_words() if self._has_ended else self._farewell()

    async def _greet(self, context: Context) -> None:
        metadata = [
            ("x-weft-epoch", str(self._epoch)),
            ("x-weft-revision", str(self.position)),
        ]
        if self._has_ended and self._initial is None:
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
        state = ((self.position, event) for event in initial)
        yield from messages(state, revision=self.position, is_whole=False)
        yield self._bookmark(initial_complete=True)

    def _is_at_head(self) -> bool:
        feed = self._following.feed
        if feed.head != self.position or feed.epoch is not self._epoch:
            return False
        self._is_live = True
        return True

    def _shared_page(self) -> Page | None:
        following = self._following
        if following.feed.epoch is not self._epoch:
            return None
        return following.shared(self._selector.likeness, self.position)

    async def _read_page(self) -> Page:
        following = self._following
        if following.feed.epoch is not self._epoch:
            await following.feed.check(self.position, epoch=str(self._epoch))
            self._epoch = following.feed.epoch
        page = await following.read(self._selector, self.position, self._run)
        if not page.messages:
            # A page without a word for this reader must not keep the loop from the others.
            await asyncio.sleep(0)
        return page

    def _sent(self, page: Page) -> None:
        following = self._following
        self.position = page.position
        self._has_ended = bool(page.end)
        if page.messages:
            self._spoke_at = following.now()
            self._stream.cursor = str(page.position)
            if self._is_live and page.time:
                following.delays.add((following.clock.now() - page.time).total_seconds())

    def _is_silent(self) -> bool:
        """Whether it is time to say how far it has come; it then counts as said."""
        now = self._following.now()
        if now - self._spoke_at < self._following.bookmark_s:
            return False
        self._spoke_at = now
        return True

    def _bookmark(
        self, *, initial_complete: bool = False, epoch: str = ""
    ) -> events_pb2.WatchResponse:
        return events_pb2.WatchResponse(
            revision=self.position,
            epoch=epoch,
            bookmark=events_pb2.Bookmark(initial_complete=initial_complete),
        )

    def _last_words(self) -> events_pb2.WatchResponse:
        return events_pb2.WatchResponse(revision=self.position, end_of_stream=True)

    def _farewell(self) -> events_pb2.WatchResponse:
        reason = "draining" if self._following.is_draining() else "age"
        notice = reports_pb2.Notice(reconnect=True, reason=reason)
        return events_pb2.WatchResponse(revision=self.position, notice=notice)


def _size(page: Page) -> int:
    return _PAGE_BYTES + sum(len(message) for message in page.messages)
