"""The workspace killed in each middle of an attempt, from its launch to its end: one workload."""

import asyncio
import os
import random
import signal
from pathlib import Path

import pytest

from tests.workspace.apart import ME, STATE, Apart
from tests.workspace.harness import run_report, step_report, workspace
from tests.workspace.killed_launches import Death, KeptManager
from tests.workspace.test_launches_killed import expire_leases, kill
from weftapi.workspace.v1 import run_types_pb2, runs_pb2

pytestmark = pytest.mark.fault

_SEED = 20_327
# An attempt has 25 points or so; the last one of these none has: it dies when all is done.
_POINTS = [*sorted(random.Random(_SEED).sample(range(1, 26), 19)), 1000]


def die(directory: Path, url: str, folder: Path, run: str, point: int) -> None:
    """Has an attempt executed, and ends by SIGKILL at this point, or when it was over."""
    asyncio.run(_die(directory, url, folder, run, point))


async def _die(directory: Path, url: str, folder: Path, run: str, point: int) -> None:
    death = Death()
    manager = KeptManager(folder, die=death)
    async with workspace(directory, url, managers=manager, launch_interval_s=0.2) as ws:
        found = await ws.runs().GetRun(runs_pb2.GetRunRequest(name=run))
        apart = Apart(ws, manager, found)
        death.set_out(point)
        await apart.ask()
        await manager.submitted.wait()
        await apart.claim()
        await apart.complete("FAILED", failure=_failure())
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("point", _POINTS)
async def test_a_launch_that_was_killed_makes_one_workload(
    tmp_path: Path, database_url: str, point: int
) -> None:
    folder = tmp_path / "workloads"
    async with workspace(tmp_path, database_url, managers=KeptManager(folder)) as ws:
        await ws.create_project()
        run = await ws.create_run(snapshot=(await ws.create_snapshot()).name)
        await ws.report(
            run.name, ME, run_report(1, "RUNNING"), step_report(2, "load", "PROVISIONING")
        )
    kill(die, tmp_path, database_url, folder, run.name, point)
    await expire_leases(database_url)
    manager = KeptManager(folder)
    async with workspace(tmp_path, database_url, managers=manager, launch_interval_s=0.2) as ws:
        # The runner has no answer, and asks again; so does the workload, unless all was said.
        found = await ws.runs().GetRun(runs_pb2.GetRunRequest(name=run.name))
        apart = Apart(ws, manager, found)
        await apart.ask()
        if not (await apart.now()).attempt_outcome:
            await apart.claim()
        step = await apart.now()
        assert step.state == STATE.STEP_STATE_RUNNING
        if step.workload not in manager.workloads:
            await asyncio.wait_for(manager.submitted.wait(), 30)
        await apart.complete("FAILED", failure=_failure())
        assert (await apart.now()).attempt_outcome == STATE.STEP_STATE_FAILED
    assert [f"workloads/{file.name}" for file in folder.iterdir()] == [step.workload]


def _failure() -> run_types_pb2.Failure:
    return run_types_pb2.Failure(
        kind=run_types_pb2.FAILURE_KIND_USER, code="EXCEPTION", message="no"
    )
