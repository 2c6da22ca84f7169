"""A circuit breaker: what did not answer the last few times is not waited for again and again.

After some failures in a row callers are refused at once, for a while; then one of them tries,
and the others hear at once how that went.
"""

import asyncio
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from meshkit.clock import Clock
from meshkit.errors import MeshError

FAILURES = 3
PAUSE_S = 30.0


@dataclass(slots=True)
class _Trouble:
    since: datetime
    # What was said when it failed the last time.
    words: str = ""
    failures: int = 0
    retry_at: float = 0.0
    is_probed: bool = False


class Breaker:
    """Knows, by key, who is in trouble. `reason` is that of the errors that count as such."""

    def __init__(self, clock: Clock, reason: str) -> None:
        self._clock = clock
        self._reason = reason
        self._troubles: dict[Hashable, _Trouble] = {}

    @contextmanager
    def passing(self, key: Hashable, refuse: Callable[[str], MeshError]) -> Iterator[None]:
        """Runs the block, or raises `refuse(since when and until when)` where that is in vain."""
        trouble = self._troubles.get(key)
        is_open = trouble is not None and trouble.failures >= FAILURES
        if trouble and is_open:
            left_s = trouble.retry_at - self._clock.monotonic()
            if trouble.is_probed or left_s > 0:
                raise refuse(_told(trouble, left_s))
            trouble.is_probed = True
        try:
            yield
        except asyncio.CancelledError:
            # The caller went away: that says nothing of the other side.
            if trouble and is_open:
                trouble.is_probed = False
            raise
        except MeshError as error:
            if error.reason == self._reason:
                self._failed(key, error.message)
            else:
                self._troubles.pop(key, None)
            raise
        except BaseException:
            self._troubles.pop(key, None)
            raise
        self._troubles.pop(key, None)

    def _failed(self, key: Hashable, words: str) -> None:
        trouble = self._troubles.setdefault(key, _Trouble(self._clock.now()))
        trouble.words = words
        trouble.failures += 1
        trouble.is_probed = False
        trouble.retry_at = self._clock.monotonic() + PAUSE_S


def _told(trouble: _Trouble, left_s: float) -> str:
    when = f"at {trouble.since:%H:%M:%S} UTC on {trouble.since:%Y-%m-%d}"
    next_ = f"in {max(round(left_s), 1)} s" if left_s > 0 else "just now"
    return (
        f"has not answered since {when}, and is asked again {next_}; the last time: {trouble.words}"
    )
