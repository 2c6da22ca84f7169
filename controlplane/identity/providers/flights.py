"""Those who want the same thing at the same moment wait for one who fetches it."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Flights(Generic[T]):
    """Work under way, by what it is for; each fetches within a time limit of its own."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Task[T]] = {}

    async def join(self, key: Hashable, fetch: Callable[[], Awaitable[T]]) -> T:
        """What `fetch` answers, or raises, to whoever came first."""
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.ensure_future(_run(fetch))
            self._under_way[key] = task
            task.add_done_callback(lambda done: self._land(key, done))
        # Who gives up leaves the others waiting for it.
        return await asyncio.shield(task)

    def _land(self, key: Hashable, done: asyncio.Task[T]) -> None:
        del self._under_way[key]
        if not done.cancelled():
            # Also where everybody has left: an error that nobody heard is no bug.
            done.exception()


async def _run(fetch: Callable[[], Awaitable[T]]) -> T:
    return await fetch()
