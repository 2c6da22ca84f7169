"""Pools of workload managers as people of a workspace see them, and runs that find no room."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest

from meshkit.errors import Unavailable
from meshkit.session import Session
from tests.workspace.fakes import FakeError, FakeManager
from tests.workspace.harness import EDITOR, VIEWER, Harness, refused, spec_step, workspace
from tests.workspace.stacks import new_component, new_stack
from weftapi.workloads.v1 import capacity_pb2
from weftapi.workspace.v1 import pools_pb2 as pb
from weftapi.workspace.v1 import run_types_pb2, runs_pb2, snapshots_pb2, step_settings_pb2
from workspace.operations import pools as operations

WORKLOAD = step_settings_pb2.STEP_ISOLATION_WORKLOAD


class TwoManagers(FakeManager):
    """Two clusters; new workloads go to the first."""

    def __init__(self) -> None:
        super().__init__()
        self.other = FakeManager()
        self.other.display_name = "Berlin"
        self.other.pools = {
            f"pools/{name}": capacity_pb2.Pool(name=f"pools/{name}") for name in ("a", "b")
        }

    def all(self) -> dict[str, FakeManager]:
        return {self.uid: self, self.other.uid: self.other}


class World:
    """A workspace with two clusters, and the pool that its runs go to."""

    def __init__(self, ws: Harness, managers: TwoManagers) -> None:
        self.ws = ws
        self.managers = managers
        self.pool = f"workloadManagers/{managers.uid}/pools/machine"

    async def run(self, **fields: Any) -> run_types_pb2.Run:
        snapshot = await self.ws.create_snapshot()
        request = snapshots_pb2.RunSnapshotRequest(name=snapshot.name, **fields)
        return await self.ws.snapshots().RunSnapshot(request)

    async def until(
        self, name: str, holds: Callable[[run_types_pb2.Run], bool]
    ) -> run_types_pb2.Run:
        request = runs_pb2.WatchRunRequest(name=name, send_initial_state=True)
        async with asyncio.timeout(30):
            async for response in self.ws.runs().WatchRun(request):
                for event in response.events:
                    if event.name == name and holds(event.run):
                        return event.run
        raise AssertionError("the watch ended")


@pytest.fixture
async def world(tmp_path: Path, database_url: str) -> AsyncIterator[World]:
    managers = TwoManagers()
    async with workspace(tmp_path, database_url, managers=managers, launch_interval_s=0.2) as ws:
        await ws.create_project()
        yield World(ws, managers)


def apart(cpu_millis: int, isolation: Any = WORKLOAD) -> step_settings_pb2.StepSettings:
    settings = step_settings_pb2.StepSettings(isolation=isolation)
    settings.resources.cpu_millis = cpu_millis
    return settings


async def test_pools_of_all_managers_are_listed_and_silent_managers_are_named(world: World) -> None:
    stub, managers = world.ws.pools(world.ws.token(VIEWER)), world.managers
    first = await stub.ListPools(pb.ListPoolsRequest(page_size=2))
    assert len(first.pools) == 2
    rest = await stub.ListPools(pb.ListPoolsRequest(page_size=2, page_token=first.next_page_token))
    found = [*first.pools, *rest.pools]
    other = f"workloadManagers/{managers.other.uid}/pools"
    named = {pool.name: pool.workload_manager_display_name for pool in found}
    assert named == {f"{other}/a": "Berlin", f"{other}/b": "Berlin", world.pool: ""}
    assert {pool.name for pool in found} == {world.pool, f"{other}/a", f"{other}/b"}
    assert [pool.name for pool in found if pool.takes_new_runs] == [world.pool]
    assert await stub.GetPool(pb.GetPoolRequest(name=world.pool)) in found
    managers.other.is_down = True
    answer = await stub.ListPools(pb.ListPoolsRequest())
    assert [pool.name for pool in answer.pools] == [world.pool]
    assert list(answer.unreachable) == [f"workloadManagers/{managers.other.uid}"]
    async with refused("UNAVAILABLE", "UPSTREAM_UNAVAILABLE"):
        await stub.GetPool(pb.GetPoolRequest(name=f"{other}/a"))
    async with refused("INVALID_ARGUMENT", "INVALID_PAGE_TOKEN"):
        await stub.ListPools(pb.ListPoolsRequest(page_token="x"))


async def test_what_is_not_there_cannot_be_cordoned(world: World) -> None:
    stub = world.ws.pools()
    for name in (f"{world.pool}s", f"workloadManagers/{uuid4()}/pools/machine"):
        async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
            await stub.GetPool(pb.GetPoolRequest(name=name))
        async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
            await stub.CordonPool(pb.CordonPoolRequest(name=name, reason="x"))
        async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
            await stub.UncordonPool(pb.UncordonPoolRequest(name=name))
    for reason in ("", "x" * 201):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await stub.CordonPool(pb.CordonPoolRequest(name=world.pool, reason=reason))
    editor = world.ws.pools(world.ws.token(EDITOR))
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await editor.CordonPool(pb.CordonPoolRequest(name=world.pool, reason="x"))
    assert not world.managers.pools["pools/machine"].HasField("cordon")


async def test_no_pool_is_cordoned_that_is_not_on_record(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_session: Session, _name: str) -> None:
        raise Unavailable("UPSTREAM_UNAVAILABLE", "The disk is full.")

    stub, machine = world.ws.pools(), world.managers.pools["pools/machine"]
    with monkeypatch.context() as patched:
        patched.setattr(operations, "record", fails)
        async with refused("UNAVAILABLE", "UPSTREAM_UNAVAILABLE"):
            await stub.CordonPool(pb.CordonPoolRequest(name=world.pool, reason="x"))
        assert not machine.HasField("cordon")
    await stub.CordonPool(pb.CordonPoolRequest(name=world.pool, reason="x"))
    assert machine.cordon.reason == "x"


async def test_runs_of_a_cordoned_pool_wait_with_its_reason_and_go_on(world: World) -> None:
    stub, managers = world.ws.pools(), world.managers
    for reason in ("old", "new drivers"):
        pool = await stub.CordonPool(pb.CordonPoolRequest(name=world.pool, reason=reason))
    assert (pool.cordon.reason, bool(pool.cordon.creator)) == ("new drivers", True)
    words = f"The pool machine was cordoned by {pool.cordon.creator}: new drivers."
    managers.fail_submit = FakeError(grpc.StatusCode.RESOURCE_EXHAUSTED, words)
    run = await world.run()
    waits = await world.until(run.name, lambda run: run.state_reason == words)
    assert waits.state == run_types_pb2.RUN_STATE_PENDING
    for _ in range(2):
        pool = await stub.UncordonPool(pb.UncordonPoolRequest(name=world.pool))
    assert not pool.HasField("cordon")
    managers.fail_submit = None
    provisioning = run_types_pb2.RUN_STATE_PROVISIONING
    await world.until(run.name, lambda run: run.state == provisioning)


async def test_what_could_never_start_is_refused_before_there_is_a_run(world: World) -> None:
    ws, managers = world.ws, world.managers
    config = {"cpu_millis": 9000, "step_isolation": "WORKLOAD"}
    huge = await new_component(ws, "huge", "kubernetes-orchestrator", config)
    await new_stack(ws, "cluster", huge.name)
    managers.largest_cpu_millis = 8000
    refusal = refused("FAILED_PRECONDITION", "RESOURCES_TOO_LARGE")
    async with refusal:
        await world.run(stack="stacks/cluster", request_id=str(uuid4()))
    assert refusal.error is not None
    assert refusal.error.message == "The run: It asks for 9000 of 8000."
    assert managers.submissions == []
    managers.can_grow = True
    assert (await world.run(stack="stacks/cluster")).name
    managers.is_down = True
    assert (await world.run(stack="stacks/cluster")).name


async def test_steps_of_their_own_are_checked_before_the_run_begins(world: World) -> None:
    ws, managers = world.ws, world.managers
    managers.largest_cpu_millis = 8000
    snapshot = await ws.create_snapshot(spec_step("load"), spec_step("fit", "load"))
    settings = {"fit": apart(64_000), "load": apart(64_000, isolation=0)}
    check = snapshots_pb2.ValidateSnapshotRunRequest(name=snapshot.name, step_settings=settings)
    [problem] = (await ws.snapshots().ValidateSnapshotRun(check)).problems
    assert problem.reason == "RESOURCES_TOO_LARGE"
    assert problem.message == "The step fit: It asks for 64000 of 8000."
    managers.can_grow = True
    answer = await ws.snapshots().ValidateSnapshotRun(check)
    assert (list(answer.problems), list(answer.warnings)) == ([], [problem.message])
    managers.can_grow = False
    request = snapshots_pb2.RunSnapshotRequest(name=snapshot.name, step_settings=settings)
    async with refused("FAILED_PRECONDITION", "RESOURCES_TOO_LARGE"):
        await ws.snapshots().RunSnapshot(request)


async def test_a_repeated_request_hears_of_its_run_whatever_fits_by_now(world: World) -> None:
    snapshot = await world.ws.create_snapshot()
    request = snapshots_pb2.RunSnapshotRequest(
        name=snapshot.name, request_id=str(uuid4()), step_settings={"fit": apart(4000)}
    )
    run = await world.ws.snapshots().RunSnapshot(request)
    world.managers.largest_cpu_millis = 1000
    assert (await world.ws.snapshots().RunSnapshot(request)).name == run.name
