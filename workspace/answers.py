"""Wakes whoever waits for the answer to a condition, on whichever replica it was given."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterator, Sequence

from meshkit.database import Database
from meshkit.feed import StoredEvent
from workspace import names
from workspace.store import conditions as store
from workspace.store.schema_conditions import ConditionState, RunCondition


class Answers:
    """Everybody who waits; belongs to the feed's event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        database.feed.tell(self._hear)

    async def first(self, name: str, wait_s: float) -> RunCondition | None:
        """The condition as soon as it is not open any more, or after so long as it is."""
        # Hung before the look: what is answered meanwhile is heard of in either.
        with self._hung(name) as changed:
            row = await self._look(name)
            if row is None or row.state != ConditionState.OPEN or not wait_s:
                return row
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await changed.wait()
        return await self._look(name)

    async def _look(self, name: str) -> RunCondition | None:
        return await self._database.read(store.get, *names.ids(name))

    @contextlib.contextmanager
    def _hung(self, name: str) -> Iterator[asyncio.Event]:
        event = asyncio.Event()
        self._waiting[name].add(event)
        try:
            yield event
        finally:
            self._waiting[name].discard(event)
            if not self._waiting[name]:
                del self._waiting[name]

    def _hear(self, events: Sequence[StoredEvent]) -> None:
        if not self._waiting:
            return
        for event in events:
            if event.resource_type == RunCondition.resource_type:
                for waiting in self._waiting.get(event.name, ()):
                    waiting.set()
