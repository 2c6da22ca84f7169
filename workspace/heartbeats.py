"""Signs of life, kept in memory and written down coarsely: they are no events."""

from meshkit.clock import Clock
from meshkit.database import Database
from workspace.operations import liveness
from workspace.store.runs import Key


class Heartbeats:
    """When this process last heard of each run."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._heard: dict[Key, float] = {}

    def note(self, project: str, run: str) -> None:
        """The run's runner has spoken."""
        self._heard[project, run] = self._clock.monotonic()

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
