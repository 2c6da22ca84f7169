"""How long attempts that are executed apart may wait before anybody executes them."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import grpc
import pytest

from meshkit.spiffe import Role, SpiffeId
from tests.workspace.apart import ME, STATE, Apart
from tests.workspace.fakes import FakeError, FakeManager
from tests.workspace.harness import FakeClock, Harness, TestMesh, refused, run_report, workspace


async def begin(ws: Harness, manager: FakeManager) -> Apart:
    await ws.create_project()
    snapshot = await ws.create_snapshot()
    run = await ws.create_run(snapshot=snapshot.name)
    await ws.report(run.name, ME, run_report(1, "RUNNING"))
    return Apart(ws, manager, run)


@pytest.fixture
async def apart(tmp_path: Path, database_url: str) -> AsyncIterator[Apart]:
    manager = FakeManager()
    async with workspace(tmp_path, database_url, managers=manager, launch_interval_s=0.2) as ws:
        yield await begin(ws, manager)


async def test_a_workload_that_waits_for_too_long_is_cancelled(apart: Apart) -> None:
    await apart.launch(queue_timeout={"seconds": 60})
    name = f"workloads/{(await apart.submission()).workload_id}"
    apart.manager.wait(name, "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.")
    await apart.seen(lambda step: "nodes" in step.state_reason)
    apart.ws.clock.move(seconds=61)
    step = await apart.until("FAILED")
    assert step.failure.code == "QUEUE_TIMEOUT"
    assert step.failure.message == (
        "The time that it may wait in the queue was over. "
        "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
    )
    await apart.cancelled()
    async with refused("ABORTED", "ATTEMPT_FENCED"):
        await apart.claim()
    # Its runner decides what follows: another attempt waits anew.
    await apart.say("RETRYING", failure=step.failure)
    await apart.launch(attempt=2, queue_timeout={"seconds": 60})
    assert (await apart.submission(1)).workload.attempt == 2
    await apart.claim(attempt=2)


async def test_what_is_executed_in_time_is_left_alone(apart: Apart) -> None:
    await apart.launch(queue_timeout={"seconds": 60})
    await apart.submission()
    await apart.claim()
    apart.ws.clock.move(seconds=61)
    await apart.complete("SUCCEEDED")
    assert (await apart.until("SUCCEEDED")).state == STATE.STEP_STATE_RUNNING
    assert not apart.manager.cancellations


async def test_what_no_manager_took_ends_as_well(apart: Apart) -> None:
    apart.manager.fail_submit = FakeError(grpc.StatusCode.UNAVAILABLE)
    await apart.launch(queue_timeout={"seconds": 60})
    await apart.seen(lambda step: "does not answer" in step.state_reason)
    apart.ws.clock.move(seconds=61)
    assert (await apart.until("FAILED")).failure.code == "QUEUE_TIMEOUT"


async def test_what_waits_is_counted_through_a_restart(tmp_path: Path, database_url: str) -> None:
    clock, manager = FakeClock(), FakeManager()
    shared = {
        "mesh": TestMesh.make(tmp_path, clock),
        "identity": SpiffeId("test.mesh", Role.WORKSPACE, uuid4(), uuid4()),
        "clock": clock,
        "managers": manager,
        "launch_interval_s": 0.2,
    }
    async with workspace(tmp_path, database_url, **shared) as ws:
        before = await begin(ws, manager)
        await before.launch(queue_timeout={"seconds": 60})
        await before.submission()
    clock.move(seconds=61)
    async with workspace(tmp_path, database_url, **shared) as ws:
        before.ws = ws
        assert (await before.until("FAILED")).failure.code == "QUEUE_TIMEOUT"
        await before.cancelled()


async def test_no_time_less_than_none_is_taken(apart: Apart) -> None:
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await apart.launch(queue_timeout={"seconds": -1})
