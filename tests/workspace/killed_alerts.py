"""A workspace in a process of its own that dies at one point of what an alerter tells."""

import asyncio
import os
import signal
from pathlib import Path
from uuid import UUID

from tests.workspace.alerting import SETTINGS, deliveries, state
from tests.workspace.harness import Harness, workspace
from tests.workspace.killed_launches import Death
from tests.workspace.triggering import end

REPORTER = str(UUID(int=1))


def die(directory: Path, url: str, run_id: str, points: int) -> None:
    """Serves the workspace, ends a run that an alerter waits for, and dies meanwhile."""
    asyncio.run(_serve(directory, url, run_id, points))


async def _serve(directory: Path, url: str, run_id: str, points: int) -> None:
    death = Death()
    async with workspace(directory, url, **SETTINGS) as ws:
        death.set_out(points)
        run = await ws.create_run(run_id=run_id)
        await end(ws, run.name, reporter=REPORTER)
        await told(ws)
        os.kill(os.getpid(), signal.SIGKILL)


async def told(ws: Harness) -> None:
    """Waits until the one delivery was made: what it tells of is in the feed, not that it did."""
    async with asyncio.timeout(30):
        while True:
            if [state(d) for d in await deliveries(ws)] == ["DELIVERED"]:
                return
            await asyncio.sleep(0.01)
