"""A workspace in a process of its own that dies at one point of one launch."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tests.workspace.fakes import FakeManager
from tests.workspace.harness import workspace
from weftapi.workloads.v1 import workloads_pb2
from weftapi.workspace.v1 import run_types_pb2, runs_pb2, snapshots_pb2


class KeptManager(FakeManager):
    """Keeps its workloads in a folder: it lives on where the workspace dies."""

    def __init__(self, folder: Path, *, die: "Death | None" = None) -> None:
        super().__init__()
        self.folder = folder
        self._die = die
        folder.mkdir(exist_ok=True)
        for file in sorted(folder.iterdir()):
            self._keep(workloads_pb2.Workload.FromString(file.read_bytes()))

    async def SubmitWorkload(self, request: Any, **_: float) -> Any:
        if self._die:
            self._die.come_closer()
        workload = await super().SubmitWorkload(request)
        (self.folder / request.workload_id).write_bytes(workload.SerializeToString())
        if self._die:
            self._die.come_closer()
        return workload

    def _keep(self, workload: workloads_pb2.Workload) -> None:
        self.workloads[workload.name] = workload
        self.revision = max(self.revision, workload.revision)


class Death:
    """Comes at the n-th point: each write, each commit, before and after each submission."""

    def __init__(self) -> None:
        self._left = 0

    def set_out(self, points: int) -> None:
        self._left = points
        sa.event.listen(sa.Engine, "before_cursor_execute", self._at_a_statement)
        sa.event.listen(sa.Engine, "commit", lambda *_: self.come_closer())

    def come_closer(self) -> None:
        self._left -= 1
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)

    def _at_a_statement(self, _connection: Any, _cursor: Any, text: str, *_: Any) -> None:
        is_lease = "leases" in text
        if text.lstrip()[:6].upper() in {"INSERT", "UPDATE", "DELETE"} and not is_lease:
            self.come_closer()


def die(
    directory: Path, url: str, folder: Path, request: snapshots_pb2.RunSnapshotRequest, point: int
) -> None:
    """Runs a snapshot, and ends by SIGKILL at this point, or when the workload was submitted."""
    asyncio.run(_die(directory, url, folder, request, point))


async def _die(
    directory: Path, url: str, folder: Path, request: snapshots_pb2.RunSnapshotRequest, point: int
) -> None:
    death = Death()
    manager = KeptManager(folder, die=death)
    async with workspace(directory, url, managers=manager, launch_interval_s=0.2) as ws:
        death.set_out(point)
        run = await ws.snapshots().RunSnapshot(request)
        watch = ws.runs().WatchRun(runs_pb2.WatchRunRequest(name=run.name, send_initial_state=True))
        async for response in watch:
            states = [event.run.state for event in response.events]
            if run_types_pb2.RUN_STATE_PROVISIONING in states:
                os.kill(os.getpid(), signal.SIGKILL)
