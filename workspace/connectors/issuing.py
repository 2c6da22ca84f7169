"""Issued credentials, kept until a quarter of their life is left, and asked for once at a time."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from datetime import datetime

from meshkit.clock import Clock
from workspace.connectors.model import MAX_TTL, Issued

_KEPT_SHARE = 0.75
# What is kept at most; then what has had its time goes first.
_MOST = 4096


@dataclass(frozen=True, slots=True)
class _Kept:
    issued: Issued
    renew_time: datetime


class Issuer:
    """Hands out credentials by key; in memory only, so that they end with the process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[Hashable, _Kept] = {}
        self._asking: dict[Hashable, asyncio.Task[Issued]] = {}

    async def get(self, key: Hashable, ask: Callable[[], Awaitable[Issued]]) -> Issued:
        """What is kept of the key, or is asked for now; raises what `ask` raises.

        However many want the same, it is asked for once; whoever gives up leaves the others
        waiting.
        """
        kept = self._kept.get(key)
        if kept and self._clock.now() < kept.renew_time:
            return kept.issued
        task = self._asking.get(key)
        if task is None:
            # It serves several calls, so it belongs to none of them.
            context = contextvars.Context()
            task = asyncio.create_task(self._ask(key, ask), name="credentials", context=context)
            self._asking[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Stops asking."""
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._kept.clear()

    async def _ask(self, key: Hashable, ask: Callable[[], Awaitable[Issued]]) -> Issued:
        issued = await ask()
        now = self._clock.now()
        if len(self._kept) >= _MOST:
            self._kept = {k: kept for k, kept in self._kept.items() if now < kept.renew_time}
        if len(self._kept) < _MOST:
            life = min(issued.expire_time - now, MAX_TTL)
            self._kept[key] = _Kept(issued, now + life * _KEPT_SHARE)
        return issued

    def _forget(self, key: Hashable, task: asyncio.Task[Issued]) -> None:
        del self._asking[key]
        if not task.cancelled():
            # Whoever waited may be gone; then nobody else looks at what went wrong.
            task.exception()
