"""The reaper: shows which runs and steps are silent, and ends those that are lost.

Silence is judged by the database's clock, never by this process's memory; and a reaper that
has just started, or has seen that clock step, first watches for as long as it would judge:
whatever kept it from watching may have kept the runners from speaking.
"""

from collections.abc import Callable, Sequence
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
from workspace.store.schema_step_launches import StepLaunch

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
        runs = await self._database.read(liveness.silent, patience, now_ms)
        steps = await self._database.read(step_liveness.silent, patience, now_ms)
        if not (runs or steps):
            return
        if changed := await self._database.write(_judge, lease, (runs, steps), patience, now_ms):
            log.info("silent_runs_judged", changed=changed)

    def _notice_steps(self, lease: Lease, now_ms: int) -> None:
        now = self._clock.monotonic()
        offset_s = now_ms / 1000 - now
        if lease.fence != self._fence or abs(offset_s - self._offset_s) > _STEP_S:
            self._fence, self._watching_since = lease.fence, now
        self._offset_s = offset_s


def _judge(
    session: Session,
    lease: Lease,
    silent: tuple[Sequence[run_store.Key], Sequence[StepLaunch]],
    patience: Patience,
    now_ms: int,
) -> int:
    lease.check(session)
    runs, steps = silent
    changed = liveness.judge(session, runs, patience, now_ms)
    # Of a run that ended just now, none is under way any more.
    return changed + step_liveness.judge(session, steps, patience, now_ms)
