"""A workspace in a process of its own that dies at one point of what a webhook is told."""

import asyncio
import os
import signal
from pathlib import Path

from tests.workspace.fakes import FakeManager
from tests.workspace.harness import workspace
from tests.workspace.killed_launches import Death
from tests.workspace.triggering import settled
from tests.workspace.webhooking import Sender


def die(directory: Path, url: str, secret: str, points: int) -> None:
    """Serves the workspace, sends it what a trigger waits for, and dies meanwhile."""
    asyncio.run(_serve(directory, url, secret, points))


async def _serve(directory: Path, url: str, secret: str, points: int) -> None:
    death = Death()
    async with workspace(directory, url, managers=FakeManager(), launch_interval_s=0.2) as ws:
        death.set_out(points)
        await Sender(ws, secret).github(id_="once")
        await settled(ws)
        os.kill(os.getpid(), signal.SIGKILL)
