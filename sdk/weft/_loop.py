"""A queue of events and timers for one thread that owns all state."""

from __future__ import annotations

import heapq
import queue
from collections.abc import Callable

from weft._surroundings import Clock

Event = Callable[[], None]


class Loop:
    """Events in the order they were put, timers when they are due."""

    def __init__(self, clock: Clock, is_idle: Callable[[], bool]) -> None:
        self._clock = clock
        # Whether nothing is under way that could put an event.
        self._is_idle = is_idle
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._timers: list[tuple[float, int, Event]] = []
        self._count = 0

    def now(self) -> float:
        """Give the seconds that timers count in."""
        return self._clock.monotonic()

    def put(self, event: Event) -> None:
        """Add an event, from any thread or signal handler."""
        self._events.put(event)

    def after(self, seconds: float, event: Event) -> None:
        """Add a timer, from the owning thread."""
        self._count += 1  # keeps equal times in order, and events out of comparisons
        heapq.heappush(self._timers, (self._clock.monotonic() + seconds, self._count, event))

    def take(self) -> Event:
        """Wait for what comes next."""
        while self._timers:
            wait = self._timers[0][0] - self._clock.monotonic()
            if wait <= 0:
                return heapq.heappop(self._timers)[2]
            if self._is_idle() and self._events.empty() and self._clock.skip(wait):
                continue
            try:
                return self._events.get(timeout=wait)
            except queue.Empty:
                continue
        return self._events.get()
