"""Schedulers of other replicas on the same database, one of which dies at a statement."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from meshkit.jobs import Lease, acquire
from tests.workspace.scheduling import SetClock
from workspace.database import open_database
from workspace.encoding import EventEncoder
from workspace.scheduler import Scheduler
from workspace.shown import SHOWN


@dataclass
class Replica:
    """Another server's scheduler, which believes that it alone holds the job."""

    scheduler: Scheduler
    lease: Lease

    async def look(self) -> int:
        return await self.scheduler.run(self.lease)


@asynccontextmanager
async def replica(url: str, clock: SetClock, name: str) -> AsyncIterator[Replica]:
    async with await open_database(url, EventEncoder(SHOWN), clock=clock) as database:
        # A lease of its own name: nothing but the schedules' rows keeps replicas apart.
        lease = await database.write(acquire, database.tables, name, name, 3600.0)
        assert lease
        scheduler = Scheduler(database, lambda *_: None, clock=clock, wake=lambda: None)
        yield Replica(scheduler, lease)


def die(url: str, now: datetime, name: str, statement: int) -> None:
    """Fires, and ends by SIGKILL before this write (from 1) or commit, or when all is done."""
    asyncio.run(_die(url, now, name, statement))


async def _die(url: str, now: datetime, name: str, statement: int) -> None:
    async with replica(url, SetClock(now), name) as own:
        _arm(statement)
        await own.look()
        os.kill(os.getpid(), signal.SIGKILL)


def _arm(statement: int) -> None:
    left = statement

    def count(*_: Any) -> None:
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    def count_writes(_connection: Any, _cursor: Any, text: str, *_: Any) -> None:
        if text.lstrip()[:6].upper() in {"INSERT", "UPDATE", "DELETE"}:
            count()

    sa.event.listen(sa.Engine, "before_cursor_execute", count_writes)
    sa.event.listen(sa.Engine, "commit", count)
