"""The reaper: shows which runs and steps are silent, and ends those that are lost.

Silence is judged by the database's clock, never by this process's memory; and a reaper that
has just started, or has seen that clock step, first watches for as long as it would judge:
whatever kept it from watching may have kept the runners from speaking.
"""

from collections.abc import Callable
from datetime import timedelta

import structlog

from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.jobs import Lease
from meshkit.session import Session
from workspace.heartbeats import Heartbeats
from workspace.operations import liveness, step_liveness
from workspace.operations.liveness import Patience
from workspace.store import runs as run_store

log = structlog.get_logger()

_STEP_S = 5.0


class Reaper:
    """A leased job; `run` looks once."""

    def __init__(
        self,
        database: Database,
        heartbeats: Heartbeats,
        *,
        clock: Clock,
        silence: timedelta,
        lease: timedelta,
        time_ms: Callable[[Session], int] = run_store.time_ms,
    ) -> None:
        self._database = database
        self._heartbeats = heartbeats
        self._clock = clock
        self._silence = silence
        self._lease = lease
        self._time_ms = time_ms
        self._fence = -1
        self._watching_since = 0.0
        # The database's clock less our own: it stays the same unless one of them steps.
        self._offset_s = 0.0

    async def run(self, lease: Lease) -> None:
        """Looks at every run that has begun and not ended."""
        await self._heartbeats.flush()
        now_ms = await self._database.read(self._time_ms)
        self._notice_steps(lease, now_ms)
        watched = timedelta(seconds=self._clock.monotonic() - self._watching_since)
        patience = Patience(
            self._silence,
            self._lease,
            may_flag=watched >= self._silence,
            may_end=watched >= self._lease,
        )
        changed = await self._database.write(_judge, lease, patience, now_ms)
        changed += await self._database.write(_judge_steps, lease, patience, now_ms)
        if changed:
            log.info("silent_runs_judged", changed=changed)

    def _notice_steps(self, lease: Lease, now_ms: int) -> None:
        now = self._clock.monotonic()
        offset_s = now_ms / 1000 - now
        if lease.fence != self._fence or abs(offset_s - self._offset_s) > _STEP_S:
            self._fence, self._watching_since = lease.fence, now
        self._offset_s = offset_s


def _judge(session: Session, lease: Lease, patience: Patience, now_ms: int) -> int:
    lease.check(session)
    return liveness.judge_silence(session, patience, now_ms=now_ms)


def _judge_steps(session: Session, lease: Lease, patience: Patience, now_ms: int) -> int:
    lease.check(session)
    return step_liveness.judge_silence(session, patience, now_ms=now_ms)
