"""Follows what other replicas commit to the same PostgreSQL database.

The outbox is the truth; NOTIFY only hints that it grew. Losing a hint costs at most a second.
"""

import asyncio
import contextlib
import logging
from typing import Any

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from meshkit.chance import CHANCE
from meshkit.errors import MeshError
from meshkit.feed import Feed

_CHANNEL = "weft_feed"
_POLL_S = 1.0
# One hint stands for all commits of this while; within one commit's time nobody would notice.
_COALESCE_S = 0.02

_log = logging.getLogger(__name__)


class Tailer:
    """Keeps one feed's ring up to date, on a connection of its own, until closed."""

    def __init__(self, engine: AsyncEngine, feed: Feed) -> None:
        self._engine = engine
        self._feed = feed
        self._hint = asyncio.Event()
        self._announced = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name="feed-tailer")

    def announce(self) -> None:
        """Tells the other replicas, soon, that this one committed."""
        self._announced.set()

    async def close(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        while True:
            try:
                await self._follow()
            except (OSError, sa.exc.SQLAlchemyError, asyncpg.PostgresError, MeshError) as error:
                _log.warning("the feed's connection broke, connecting again: %r", error)
            except asyncpg.InterfaceError as error:
                _log.warning("the feed's connection is closed, connecting again: %r", error)
            await asyncio.sleep(_POLL_S * CHANCE.uniform(0.5, 1.0))  # jitter

    async def _follow(self) -> None:
        """Listens first and reads then, so that nothing falls between."""
        async with self._engine.connect() as connection:
            raw: Any = (await connection.get_raw_connection()).driver_connection
            raw.add_termination_listener(lambda _: self._hint.set())
            await raw.add_listener(_CHANNEL, self._heard)
            announcer = asyncio.create_task(self._announce(raw))
            try:
                # What was committed while nobody listened was never announced to us.
                was_announced = True
                while not raw.is_closed():
                    before = self._feed.head
                    await self._feed.catch_up()
                    if self._feed.head > before and not was_announced:
                        self._feed.counts.unannounced += 1
                    was_announced = await self._wait()
                raise ConnectionError("closed by the server")
            finally:
                announcer.cancel()
                await asyncio.gather(announcer, return_exceptions=True)
                if not raw.is_closed():
                    await raw.remove_listener(_CHANNEL, self._heard)

    def _heard(self, _connection: Any, _pid: int, _channel: str, payload: str) -> None:
        if not payload.isdecimal() or int(payload) > self._feed.head:
            self._hint.set()

    async def _wait(self) -> bool:
        """Waits for a hint, or until it is time to look without one; whether there was one."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_POLL_S):
                await self._hint.wait()
        was_hinted = self._hint.is_set()
        self._hint.clear()
        return was_hinted

    async def _announce(self, raw: Any) -> None:
        while True:
            await self._announced.wait()
            self._announced.clear()
            # Not in the writer's transaction: there it would serialize commits server-wide.
            await raw.execute("SELECT pg_notify($1, $2)", _CHANNEL, str(self._feed.head))
            await asyncio.sleep(_COALESCE_S)
