"""When a call is tried again, and how long to wait before."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from weft.errors import ApiError

T = TypeVar("T")

HEALTHY_S = 30.0
# DEADLINE_EXCEEDED and UNAVAILABLE: the server is away, which ends some day.
_AWAY_CODES = frozenset({4, 14})
# CANCELLED, UNKNOWN and INTERNAL: a proxy, a reset, or a bug that repeating does not mend.
_DOUBTFUL_CODES = frozenset({1, 2, 13})
_BUSY_CODE = 8
# No waiting makes room there: somebody has to.
_FULL = frozenset({"QUOTA_REACHED", "QUOTA_EXCEEDED"})
_MAX_DOUBTS = 8


class Backoff:
    """Pauses between tries: doubling with full jitter, short again after health (S22)."""

    def __init__(self, first_s: float = 0.5, most_s: float = 10.0) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._since: float | None = None
        self.reset()

    def reset(self) -> None:
        """It works again."""
        self._delay_s = self._first_s
        self._doubts = 0

    def healthy(self) -> None:
        """Something was heard: enough of it makes the next pause short again."""
        now = time.monotonic()
        self._doubts = 0
        if self._since is None:
            self._since = now
        elif now - self._since >= HEALTHY_S:
            self._delay_s = self._first_s

    def forgives(self, error: ApiError) -> bool:
        """Whether trying again may help. A server that keeps failing without a word will not."""
        # RESOURCE_EXHAUSTED with a reason is a server that is busy; without, a message too large.
        is_busy = error.code == _BUSY_CODE and bool(error.reason) and error.reason not in _FULL
        if error.code in _AWAY_CODES or is_busy:
            return True
        if error.code not in _DOUBTFUL_CODES:
            return False
        self._doubts += 1
        return self._doubts <= _MAX_DOUBTS

    def wait(self, stop: threading.Event | None = None) -> None:
        """Pauses; no longer than until `stop`."""
        self._since = None
        pause_s = random.uniform(self._delay_s / 10, self._delay_s)  # noqa: S311 - spreads load
        self._delay_s = min(self._delay_s * 2, self._most_s)
        (stop or threading.Event()).wait(pause_s)


def persist(
    call: Callable[[], T], *, stop: threading.Event, first_s: float = 0.2, most_s: float = 5.0
) -> T:
    """Repeats a call that is safe to repeat until the server answers, or until `stop`.

    Raises ApiError where repeating cannot help, and the last one once stopped.
    """
    backoff = Backoff(first_s, most_s)
    while True:
        try:
            return call()
        except ApiError as error:
            if stop.is_set() or not backoff.forgives(error):
                raise
        backoff.wait(stop)
