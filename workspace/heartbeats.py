"""Signs of life, kept in memory and written down coarsely: they are no events."""

import asyncio

import structlog

from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.errors import MeshError
from workspace.operations import liveness
from workspace.store.runs import Key

log = structlog.get_logger()


class Heartbeats:
    """When this process last heard of each run."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._heard: dict[Key, float] = {}

    def note(self, project: str, run: str) -> None:
        """The run's runner has spoken."""
        self._heard[project, run] = self._clock.monotonic()

    async def keep_flushing(self, interval_s: float) -> None:
        """Writes down what this replica hears, whichever of them holds the reaper's lease."""
        while True:
            await asyncio.sleep(interval_s)
            try:
                await self.flush()
            except MeshError as error:
                log.warning("heartbeats_not_written", error=error.message)

    async def flush(self) -> None:
        """Writes down what was heard since the last time."""
        if not self._heard:
            return
        heard, self._heard = self._heard, {}
        now = self._clock.monotonic()
        alive = [(key, round((now - at) * 1000)) for key, at in heard.items()]
        try:
            await self._database.write(liveness.note_alive, alive)
        except BaseException:
            # Not lost: what came since is newer and stays.
            self._heard = {**heard, **self._heard}
            raise
