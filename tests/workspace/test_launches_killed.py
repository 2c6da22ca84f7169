"""The workspace killed in each middle of a launch: one run, one workload, whatever happens."""

import random
import signal
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from meshkit.database import Database
from meshkit.session import Session
from tests.forks import forks
from tests.workspace import killed_launches
from tests.workspace.harness import workspace
from tests.workspace.killed_launches import KeptManager
from tests.workspace.test_launching import World
from weftapi.workspace.v1 import projects_pb2, runs_pb2, snapshots_pb2
from workspace.encoding import EventEncoder
from workspace.shown import SHOWN
from workspace.store.base import metadata
from workspace.store.schema import MESH_TABLES

pytestmark = pytest.mark.fault

_SEED = 20_264
# A launch has 20 points or so; the last one of these none has: it dies when all is done.
_POINTS = [*sorted(random.Random(_SEED).sample(range(1, 21), 9)), 1000]


def kill(target: Callable[..., None], *arguments: object) -> None:
    """Runs a function that dies, in a process of its own."""
    process = forks.Process(target=target, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


async def expire_leases(url: str) -> None:
    """What time does: nobody renews the leases of the dead."""

    def expire(session: Session) -> None:
        leases = MESH_TABLES.leases
        session.connection().execute(leases.update().values(expire_time_ms=0))

    encode = EventEncoder(SHOWN).encode
    database = await Database.open(url, metadata=metadata, encode_event=encode)
    await database.write(expire)
    await database.close()


@pytest.mark.parametrize("limit", [0, 1])
@pytest.mark.parametrize("point", _POINTS)
async def test_a_launch_that_was_killed_makes_one_run_and_one_workload(
    tmp_path: Path, database_url: str, point: int, limit: int
) -> None:
    folder = tmp_path / "workloads"
    async with workspace(tmp_path, database_url, managers=KeptManager(folder)) as ws:
        project = projects_pb2.Project(max_concurrent_runs=limit)
        await ws.projects().CreateProject(
            projects_pb2.CreateProjectRequest(project_id="demo", project=project)
        )
        snapshot = await ws.create_snapshot()
    request = snapshots_pb2.RunSnapshotRequest(name=snapshot.name, request_id=str(uuid4()))
    kill(killed_launches.die, tmp_path, database_url, folder, request, point)
    await expire_leases(database_url)
    manager = KeptManager(folder)
    async with workspace(tmp_path, database_url, managers=manager, launch_interval_s=0.2) as ws:
        # Whoever asked has no answer, and asks again.
        run = await ws.snapshots().RunSnapshot(request)
        await World(ws, manager).until(run.name, "PROVISIONING")
        listed = await ws.runs().ListRuns(runs_pb2.ListRunsRequest(parent="projects/demo"))
        assert [made.name for made in listed.runs] == [run.name]
    assert list(manager.workloads) == [run.workload]
    assert [f"workloads/{file.name}" for file in folder.iterdir()] == [run.workload]
