"""Signs of life, kept in memory and written down coarsely: they are no events."""

import asyncio
from collections.abc import Mapping
from typing import TypeVar
from uuid import UUID

import structlog

from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.errors import MeshError
from workspace.operations import liveness, step_liveness
from workspace.store.runs import Key
from workspace.store.step_launches import Key as AttemptKey

log = structlog.get_logger()
T = TypeVar("T")


class Heartbeats:
    """When this process last heard of each run, and of each attempt that is executed apart."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._heard: dict[Key, float] = {}
        self._attempts: dict[AttemptKey, float] = {}

    def note(self, project: str, run: str) -> None:
        """The run's runner has spoken."""
        self._heard[project, run] = self._clock.monotonic()

    def note_attempt(self, step: UUID, attempt: int) -> None:
        """The process of an attempt (its step's uid, and its number) has spoken."""
        self._attempts[step, attempt] = self._clock.monotonic()

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
        heard, self._heard = self._heard, {}
        attempts, self._attempts = self._attempts, {}
        try:
            if heard:
                await self._database.write(liveness.note_alive, self._ago(heard))
            if attempts:
                await self._database.write(step_liveness.note_alive, self._ago(attempts))
        except BaseException:
            # Not lost: what came since is newer and stays.
            self._heard = {**heard, **self._heard}
            self._attempts = {**attempts, **self._attempts}
            raise

    def _ago(self, heard: Mapping[T, float]) -> list[tuple[T, int]]:
        """How many milliseconds ago each was heard."""
        now = self._clock.monotonic()
        return [(key, round((now - at) * 1000)) for key, at in heard.items()]
