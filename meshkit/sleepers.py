"""Those who wait for news of a feed, by what they wait for.

A change wakes whom it concerns. The others sleep on, and have come as far as the feed all the
same: their position moves without a look at what was not for them. Everybody is patient for
the same time, so that the order of falling asleep is the order of waking: one timer is enough.
"""

import asyncio
from collections.abc import Callable, Hashable, Iterable, Sequence

from meshkit.feed import Feed, StoredEvent


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
        self._feed = feed
        self._keys_of = keys_of
        self._patience_s = patience_s
        self._by_key: dict[Hashable, dict[Sleeper, None]] = {}
        # In the order of the times, as everybody sleeps equally long.
        self._wake_at: dict[Sleeper, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        feed.tell(self._heard)

    def __len__(self) -> int:
        return len(self._wake_at)

    def _add(self, sleeper: "Sleeper") -> None:
        loop = asyncio.get_running_loop()
        wake_at = loop.time() + self._patience_s
        for key in sleeper.keys:
            self._by_key.setdefault(key, {})[sleeper] = None
        self._wake_at[sleeper] = wake_at
        if self._timer is None:
            self._timer = loop.call_at(wake_at, self._wake_the_patient)

    def _remove(self, sleeper: "Sleeper") -> None:
        del self._wake_at[sleeper]
        for key in sleeper.keys:
            same = self._by_key.get(key)
            if same is not None:
                same.pop(sleeper, None)
                if not same:
                    del self._by_key[key]

    def _heard(self, events: Sequence[StoredEvent]) -> None:
        """Wakes whom a revision concerns; everybody, where the history is another one."""
        if not events:
            for sleeper in self._wake_at:
                sleeper.wake(sleeper.position)
        elif self._by_key:
            position = events[0].revision - 1
            # As a dictionary and not as a set: those who slept first go first.
            for key in dict.fromkeys(key for event in events for key in self._keys_of(event)):
                for sleeper in self._by_key.pop(key, ()):
                    sleeper.wake(position)

    def _wake_the_patient(self) -> None:
        loop = asyncio.get_running_loop()
        now, self._timer = loop.time(), None
        for sleeper, wake_at in self._wake_at.items():
            if wake_at > now:
                self._timer = loop.call_at(wake_at, self._wake_the_patient)
                return
            sleeper.wake(self._feed.head)


class Sleeper:
    """One who waits, again and again, for the same things."""

    __slots__ = ("_future", "_sleepers", "keys", "position")

    def __init__(self, sleepers: Sleepers, keys: Sequence[Hashable]) -> None:
        self._sleepers = sleepers
        self._future: asyncio.Future[int] | None = None
        self.keys = keys
        self.position = 0

    @property
    def is_asleep(self) -> bool:
        return self._future is not None and not self._future.done()

    async def sleep(self, position: int) -> int:
        """Waits for news later than a position, the end of patience, or `rouse`.

        Returns how far there is nothing for this one: news, where there are any, are later.
        """
        sleepers = self._sleepers
        if sleepers._feed.head > position:  # noqa: SLF001 - parts of one thing
            return position
        self.position = position
        self._future = asyncio.get_running_loop().create_future()
        sleepers._add(self)  # noqa: SLF001
        try:
            return await self._future
        finally:
            sleepers._remove(self)  # noqa: SLF001
            self._future = None

    def rouse(self) -> None:
        """Ends the sleep under way, if there is one."""
        self.wake(self._sleepers._feed.head)  # noqa: SLF001

    def wake(self, position: int) -> None:
        """Ends the sleep under way; the sleeper has come to a position."""
        future = self._future
        if future is not None and not future.done():
            future.set_result(position)
