"""The job that fires schedules: one replica looks, any number of them would make each run once."""

from collections.abc import Callable
from uuid import UUID

import structlog

from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.errors import MeshError
from meshkit.jobs import Lease
from workspace.operations.schedule_firing import Rights, fire
from workspace.store import schedules as store

log = structlog.get_logger()

_AT_ONCE = 100


class Scheduler:
    """Looks for schedules whose time has come, and fires each in a transaction of its own."""

    def __init__(
        self, database: Database, rights: Rights, *, clock: Clock, wake: Callable[[], None]
    ) -> None:
        self._database = database
        self._rights = rights
        self._clock = clock
        self._wake = wake

    async def run(self, lease: Lease) -> int:
        """One look; how many schedules fired."""
        fired = 0
        while True:
            due = await self._database.read(store.due, self._clock.now(), _AT_ONCE)
            done = [await self._fire(lease, uid) for uid in due]
            fired += sum(done)
            if len(due) < _AT_ONCE or not any(done):
                break
        for uid in await self._database.read(store.buffering, _AT_ONCE):
            fired += await self._fire(lease, uid)
        if fired:
            self._wake()
        return fired

    async def _fire(self, lease: Lease, uid: UUID) -> bool:
        try:
            return await self._database.write(fire, lease, uid, self._rights)
        except MeshError as error:
            if error.reason == "LEASE_LOST":
                raise
            # One schedule that cannot be fired now keeps none of the others; it is tried again.
            log.warning("schedule_not_fired", schedule=str(uid), error=str(error))
            return False
