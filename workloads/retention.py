"""Ended workloads are kept for a while, then forgotten with their logs."""

import asyncio
import logging
from datetime import datetime, timedelta

from meshkit.clock import Clock
from meshkit.errors import MeshError
from workloads.feed import Feed
from workloads.launchers import Launcher
from workloads.model import Workload

_log = logging.getLogger(__name__)

# The wall clock may be set while we wait, so it is read again at least this often.
_LONGEST_WAIT_S = 60.0


class Retention:
    """Deletes workloads whose time after their end is over; run it in a task of its own."""

    def __init__(
        self, feed: Feed, launcher: Launcher, *, default_ttl_s: float, clock: Clock
    ) -> None:
        self._feed = feed
        self._launcher = launcher
        self._default_ttl_s = default_ttl_s
        self._clock = clock

    async def run(self) -> None:
        """Deletes until cancelled."""
        while True:
            revision = self._feed.revision
            await self.sweep()
            try:
                async with asyncio.timeout(self._wait_s()):
                    await self._feed.wait(max(revision, self._feed.revision))
            except TimeoutError:
                continue

    async def sweep(self) -> None:
        """Deletes what is over now; one that cannot be deleted does not hold up the others."""
        now = self._clock.now()
        for workload in [w for w in self._feed.all() if self._is_over(w, now)]:
            try:
                await self._launcher.delete(workload.key)
            except (MeshError, OSError):
                _log.exception("cannot delete %s of %s", workload.key.name, workload.key.owner)

    def _is_over(self, workload: Workload, now: datetime) -> bool:
        end = self._end(workload)
        return end is not None and end <= now

    def _wait_s(self) -> float:
        now = self._clock.now()
        ends = [end for w in self._feed.all() if (end := self._end(w)) is not None]
        wait = min(((end - now).total_seconds() for end in ends), default=_LONGEST_WAIT_S)
        # Not zero: what could not be deleted a moment ago is not tried in a circle.
        return min(max(wait, 1.0), _LONGEST_WAIT_S)

    def _end(self, workload: Workload) -> datetime | None:
        if workload.end_time is None:
            return None
        ttl_s = self._default_ttl_s if workload.spec.ttl_s is None else workload.spec.ttl_s
        return workload.end_time + timedelta(seconds=ttl_s)
