"""Runs that wait for their turn, and runners that do not start."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import grpc
import pytest

from meshkit.spiffe import Role, SpiffeId
from tests.workspace.fakes import FakeError, FakeManager
from tests.workspace.harness import (
    FakeClock,
    Harness,
    TestMesh,
    refused,
    run_report,
    workspace,
)
from tests.workspace.test_launching import World
from weftapi.workspace.v1 import projects_pb2, run_types_pb2, runs_pb2, snapshots_pb2

Update = projects_pb2.UpdateProjectRequest
State = run_types_pb2.RunState


class Line(World):
    """A project with a limit, and runs that get in line."""

    async def limit(self, runs: int) -> projects_pb2.Project:
        project = projects_pb2.Project(name="projects/demo", max_concurrent_runs=runs)
        request = Update(project=project, update_mask={"paths": ["max_concurrent_runs"]})
        return await self.ws.projects().UpdateProject(request)

    async def start(self, *ids: str) -> list[run_types_pb2.Run]:
        """Runs of one snapshot, asked for one after another."""
        snapshot = await self.ws.create_snapshot()
        request = snapshots_pb2.RunSnapshotRequest
        stub = self.ws.snapshots()
        return [await stub.RunSnapshot(request(name=snapshot.name, run_id=id_)) for id_ in ids]

    async def until_told(self, name: str, words: str) -> None:
        """As soon as a watch shows why the run is where it is."""
        request = runs_pb2.WatchRunRequest(name=name, send_initial_state=True)
        async with asyncio.timeout(30):
            async for response in self.ws.runs().WatchRun(request):
                reasons = [e.run.state_reason for e in response.events if e.name == name]
                if any(words in reason for reason in reasons):
                    return
        raise AssertionError(f"the watch ended before {words}")

    async def end(self, run: run_types_pb2.Run) -> None:
        self.manager.end(run.workload, "FAILED", message="over")
        await self.until(run.name, "FAILED")

    async def states(self) -> list[str]:
        listed = await self.ws.runs().ListRuns(
            runs_pb2.ListRunsRequest(parent="projects/demo", order_by="create_time")
        )
        return [State.Name(run.state).removeprefix("RUN_STATE_") for run in listed.runs]


@pytest.fixture
async def line(tmp_path: Path, database_url: str) -> AsyncIterator[Line]:
    manager = FakeManager()
    async with workspace(tmp_path, database_url, managers=manager, launch_interval_s=0.2) as ws:
        await ws.create_project()
        yield Line(ws, manager)


async def test_runs_beyond_the_limit_wait_and_start_in_order_as_others_end(line: Line) -> None:
    await line.limit(2)
    a, b, c, d = await line.start("a", "b", "c", "d")
    assert "at most 2 at a time" in c.state_reason
    await line.until(a.name, "PROVISIONING")
    await line.until(b.name, "PROVISIONING")
    await line.until_told(c.name, "Number 1 in line")
    await line.until_told(d.name, "Number 2 in line")
    assert len(line.manager.submissions) == 2
    await line.end(b)
    begun = await line.until(c.name, "PROVISIONING")
    assert begun.state_reason == "Its workload was submitted."
    await line.until_told(d.name, "Number 1 in line")
    assert await line.states() == ["PROVISIONING", "FAILED", "PROVISIONING", "PENDING"]


async def test_who_is_stopped_in_line_leaves_it(line: Line) -> None:
    await line.limit(1)
    a, b, c = await line.start("a", "b", "c")
    await line.until_told(c.name, "Number 2 in line")
    stopped = await line.ws.runs().StopRun(runs_pb2.StopRunRequest(name=b.name))
    assert stopped.state == run_types_pb2.RUN_STATE_STOPPED
    await line.until_told(c.name, "Number 1 in line")
    await line.until(a.name, "PROVISIONING")
    await line.end(a)
    await line.until(c.name, "PROVISIONING")
    assert [s.workload_id for s in line.manager.submissions] == [
        run.workload.removeprefix("workloads/") for run in (a, c)
    ]


async def test_without_a_limit_all_who_wait_start(line: Line) -> None:
    await line.limit(1)
    runs = await line.start("a", "b", "c")
    await line.until(runs[0].name, "PROVISIONING")
    lifted = await line.limit(0)
    assert lifted.max_concurrent_runs == 0
    for run in runs:
        await line.until(run.name, "PROVISIONING")


async def test_a_limit_is_one_projects_own_and_cannot_be_less_than_none(line: Line) -> None:
    await line.limit(1)
    await line.start("a", "b")
    await line.ws.create_project("other")
    snapshot = await line.ws.create_snapshot(project="other")
    elsewhere = await line.ws.snapshots().RunSnapshot(
        snapshots_pb2.RunSnapshotRequest(name=snapshot.name)
    )
    await line.until(elsewhere.name, "PROVISIONING")
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await line.limit(-1)


async def test_what_their_makers_execute_waits_for_nobody(line: Line) -> None:
    await line.limit(1)
    (waiting,) = await line.start("a")
    await line.until(waiting.name, "PROVISIONING")
    own = await line.ws.create_run()
    await line.ws.report(own.name, str(uuid4()), run_report(1, "RUNNING"))
    got = await line.ws.runs().GetRun(runs_pb2.GetRunRequest(name=own.name))
    assert got.state == run_types_pb2.RUN_STATE_RUNNING


async def test_the_line_survives_a_restart(tmp_path: Path, database_url: str) -> None:
    clock = FakeClock()
    mesh = TestMesh.make(tmp_path, clock)
    identity = SpiffeId("test.mesh", Role.WORKSPACE, uuid4(), uuid4())
    shared = {"mesh": mesh, "identity": identity, "clock": clock, "launch_interval_s": 0.2}
    manager = FakeManager()
    async with workspace(tmp_path, database_url, managers=manager, **shared) as ws:
        await ws.create_project()
        line = Line(ws, manager)
        await line.limit(1)
        a, b, c = await line.start("a", "b", "c")
        await line.until_told(c.name, "Number 2 in line")
    async with workspace(tmp_path, database_url, managers=manager, **shared) as ws:
        line = Line(ws, manager)
        await line.end(a)
        await line.until(b.name, "PROVISIONING")
        await line.until_told(c.name, "Number 1 in line")
    assert len(manager.workloads) == 2


async def test_two_replicas_let_in_no_more_than_one(tmp_path: Path, postgres_url: str) -> None:
    manager = FakeManager()
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    shared = {"managers": manager, "launch_interval_s": 0.2}
    async with (
        workspace(first, postgres_url, **shared) as one,
        workspace(second, postgres_url, **shared) as two,
    ):
        await one.create_project()
        await Line(one, manager).limit(3)
        runs = await asyncio.gather(*(_start(one if n % 2 else two) for n in range(12)))
        for _ in range(9):
            async with asyncio.timeout(30):
                while len(_live(manager)) < 3:
                    await manager.submitted.wait()
                    manager.submitted.clear()
            assert len(_live(manager)) == 3
            manager.end(_live(manager)[0], "FAILED", message="over")
        async with asyncio.timeout(30):
            while len(manager.workloads) < 12:
                await manager.submitted.wait()
                manager.submitted.clear()
    assert {run.workload for run in runs} == set(manager.workloads)


def _live(manager: FakeManager) -> list[str]:
    return [name for name, workload in manager.workloads.items() if not workload.HasField("exit")]


async def _start(ws: Harness) -> run_types_pb2.Run:
    snapshot = await ws.create_snapshot()
    return await ws.snapshots().RunSnapshot(snapshots_pb2.RunSnapshotRequest(name=snapshot.name))


async def test_a_runner_that_never_starts_ends_its_run_in_the_engines_words(line: Line) -> None:
    (run,) = await line.start("a")
    await line.until(run.name, "PROVISIONING")
    words = "ImagePullBackOff: manifest for runner:1.2 not found"
    line.manager._move(run.workload, "PENDING", words)
    await line.until_told(run.name, words)
    line.ws.clock.move(minutes=16)
    ended = await line.until(run.name, "FAILED")
    assert (ended.failure.code, ended.failure.kind) == (
        "NOT_STARTED",
        run_types_pb2.FAILURE_KIND_INFRASTRUCTURE,
    )
    assert ended.failure.message == f"Its runner did not start within 15 minutes. {words}"
    async with asyncio.timeout(30):
        while not line.manager.cancellations:
            await line.manager._changed.wait()


async def test_a_workload_that_waits_for_a_place_is_waited_for(line: Line) -> None:
    (run,) = await line.start("a")
    await line.until(run.name, "PROVISIONING")
    line.ws.clock.move(minutes=60)
    line.manager._move(run.workload, "QUEUED", "3 workloads wait before it")
    await line.until_told(run.name, "3 workloads wait before it")
    line.manager._move(run.workload, "PENDING", "Pulling its image")
    await line.until_told(run.name, "Pulling its image")


async def test_a_manager_out_of_reach_is_told_of(line: Line) -> None:
    line.manager.fail_submit = FakeError(grpc.StatusCode.UNAVAILABLE, "down")
    (run,) = await line.start("a")
    await line.until_told(run.name, "does not answer")
    line.manager.fail_submit = None
    await line.until(run.name, "PROVISIONING")
