"""A workspace in a process of its own that dies at one point of what a trigger does."""

import asyncio
import os
import signal
from pathlib import Path
from uuid import UUID

from tests.workspace.fakes import FakeManager
from tests.workspace.harness import workspace
from tests.workspace.killed_launches import Death
from tests.workspace.triggering import end, settled

REPORTER = str(UUID(int=1))


def die(directory: Path, url: str, run_id: str, points: int) -> None:
    """Serves the workspace, ends a run that a trigger waits for, and dies meanwhile."""
    asyncio.run(_serve(directory, url, run_id, points))


async def _serve(directory: Path, url: str, run_id: str, points: int) -> None:
    death = Death()
    async with workspace(directory, url, managers=FakeManager(), launch_interval_s=0.2) as ws:
        death.set_out(points)
        run = await ws.create_run(run_id=run_id)
        await end(ws, run.name, reporter=REPORTER)
        await settled(ws)
        os.kill(os.getpid(), signal.SIGKILL)
