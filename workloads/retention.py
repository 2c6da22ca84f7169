"""Ended workloads are kept for a while, then forgotten with their logs."""

import asyncio
from datetime import datetime, timedelta

import structlog

from meshkit.clock import Clock
from meshkit.errors import MeshError
from workloads.feed import Feed
from workloads.launchers import Launcher
from workloads.model import Workload

log = structlog.get_logger()

# What ends, or is submitted, while we wait is found this late; nobody is in a hurry for it.
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
            await self.sweep()
            await asyncio.sleep(self._wait_s())

    async def sweep(self) -> None:
        """Deletes what is over now, while this manager leads.

        One that cannot be deleted does not hold up the others.
        """
        now = self._clock.now()
        for workload in [w for w in self._feed.all() if self._is_over(w, now)]:
            if not self._launcher.leads():
                return
            try:
                await self._launcher.delete(workload.key)
            except (MeshError, OSError):
                log.exception("workload_not_deleted", workload=str(workload.key))

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
