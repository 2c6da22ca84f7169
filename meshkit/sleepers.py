"""Those who wait for news of a feed, by what they wait for.

A change wakes whom it concerns. The others sleep on, and have come as far as the feed all the
same: their position moves without a look at what was not for them. Everybody is patient for
the same time, so that the order of falling asleep is the order of waking: one timer is enough.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence

from meshkit.feed import Feed, StoredEvent

# How many are woken in one turn of the loop: a change with a thousand watches must not keep
# whoever made it, and everybody else, waiting until all of them have been sent something.
_AT_ONCE = 100


class Sleepers:
    """Everybody who sleeps until a feed has news. Belongs to the feed's event loop.

    `keys_of` says of an event what one may be waiting for, for it to wake them.
    """

    def __init__(
        self,
        feed: Feed,
        keys_of: Callable[[StoredEvent], Iterable[Hashable]],
        *,
        patience_s: float,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._feed = feed
        self._keys_of = keys_of
        self._patience_s = patience_s
        self._by_key: dict[Hashable, dict[Sleeper, None]] = {}
        # In the order of the times, as everybody sleeps equally long.
        self._wake_at: dict[Sleeper, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._due: deque[Sleeper] = deque()
        feed.tell(self._heard)

    def __len__(self) -> int:
        return len(self._wake_at)

    def _add(self, sleeper: "Sleeper") -> None:
        wake_at = self._loop.time() + self._patience_s
        for key in sleeper.keys:
            same = self._by_key.get(key)
            if same is None:
                same = self._by_key[key] = {}
            same[sleeper] = None
        self._wake_at[sleeper] = wake_at
        if self._timer is None:
            self._timer = self._loop.call_at(wake_at, self._wake_the_patient)

    def _remove(self, sleeper: "Sleeper") -> None:
        del self._wake_at[sleeper]
        for key in sleeper.keys:
            same = self._by_key.get(key)
            if same is not None and sleeper in same:
                del same[sleeper]
                if not same:
                    del self._by_key[key]

    def _heard(self, events: Sequence[StoredEvent]) -> None:
        """Takes note of whom a revision concerns; everybody, where the history is another one."""
        is_waking = bool(self._due)
        if not events:
            for sleeper in self._wake_at:
                self._has_news(sleeper, sleeper.position)
        elif self._by_key:
            position = events[0].revision - 1
            # As a dictionary and not as a set: those who slept first go first.
            for key in dict.fromkeys(key for event in events for key in self._keys_of(event)):
                for sleeper in self._by_key.pop(key, ()):
                    self._has_news(sleeper, position)
        if self._due and not is_waking:
            self._loop.call_soon(self._wake_some)

    def _has_news(self, sleeper: "Sleeper", position: int) -> None:
        if sleeper.news_after is None:
            sleeper.news_after = position
            self._due.append(sleeper)

    def _wake_some(self) -> None:
        for _ in range(min(len(self._due), _AT_ONCE)):
            self._due.popleft().rouse()
        if self._due:
            self._loop.call_soon(self._wake_some)

    def _wake_the_patient(self) -> None:
        now, self._timer = self._loop.time(), None
        while self._wake_at:
            sleeper, wake_at = next(iter(self._wake_at.items()))
            if wake_at > now:
                self._timer = self._loop.call_at(wake_at, self._wake_the_patient)
                return
            sleeper.rouse()


class Sleeper:
    """One who waits, again and again, for the same things.

    `position` is where it fell asleep; `news_after` is where what concerns it begins, once
    something has happened that does.
    """

    __slots__ = ("_future", "_sleepers", "keys", "news_after", "position")

    def __init__(self, sleepers: Sleepers, keys: Sequence[Hashable]) -> None:
        self._sleepers = sleepers
        self._future: asyncio.Future[int] | None = None
        self.keys = keys
        self.position = 0
        self.news_after: int | None = None

    @property
    def is_asleep(self) -> bool:
        """Whether there is nothing for this one to read."""
        return self._future is not None and self.news_after is None

    def sleep(self, position: int) -> asyncio.Future[int]:
        """Falls asleep until there are news later than a position, patience ends, or `rouse`.

        The future, to be awaited once, says how far there is nothing for this one: news, where
        there are any, are later. Whoever gives up waiting must call `rouse`.
        """
        sleepers = self._sleepers
        future = sleepers._loop.create_future()  # noqa: SLF001 - parts of one thing
        if sleepers._feed.head > position:  # noqa: SLF001
            future.set_result(position)
        else:
            self.position, self.news_after, self._future = position, None, future
            sleepers._add(self)  # noqa: SLF001
        return future

    def rouse(self) -> None:
        """Ends the sleep under way, if there is one."""
        future, self._future = self._future, None
        if future is not None:
            self._sleepers._remove(self)  # noqa: SLF001
            if not future.done():
                head = self._sleepers._feed.head  # noqa: SLF001
                future.set_result(head if self.news_after is None else self.news_after)
