"""Several workload managers: which one has a run, whose word counts, and what if it goes away."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from tests.workspace.apart import ME, Apart
from tests.workspace.fakes import FakeManager
from tests.workspace.harness import Harness, refused, run_report, workspace
from tests.workspace.stacks import new_component, new_stack
from tests.workspace.test_launching import World as One
from weftapi.common.v1 import pods_pb2
from weftapi.workspace.v1 import (
    pools_pb2,
    run_types_pb2,
    runs_pb2,
    snapshots_pb2,
    stacks_pb2,
)
from workspace.launching.placing import gone
from workspace.launching.ports import no_manager
from workspace.launching.reconciler import Reconciler
from workspace.store.schema import Launch

Run = run_types_pb2.Run
NOT_SERVED = "which does not serve this workspace."


class Managers:
    """Workload managers that come and go, as the control plane's directory has them."""

    is_known = True

    def __init__(self, *managers: FakeManager) -> None:
        self.here = {manager.uid: manager for manager in managers}

    @property
    def is_present(self) -> bool:
        return bool(self.here)

    def all(self) -> dict[str, FakeManager]:
        return self.here

    def choose(self, wanted: str) -> FakeManager | None:
        return self.here.get(wanted) if wanted else next(iter(self.here.values()), None)

    def require(self) -> None:
        if not self.here:
            raise no_manager()


class World(One):
    """A workspace whose stack `cluster` sends runs to the second of two managers."""

    def __init__(self, ws: Harness, managers: Managers) -> None:
        self.ws = ws
        self.managers = managers
        self.manager, self.second = managers.here.values()

    async def told(self, name: str, words: str) -> Run:
        return await self.seen(name, lambda run: words in run.state_reason)

    async def seen(self, name: str, holds: Callable[[Run], bool]) -> Run:
        request = runs_pb2.WatchRunRequest(name=name, send_initial_state=True)
        async for response in self.ws.runs().WatchRun(request, timeout=30):
            for event in response.events:
                if event.name == name and holds(event.run):
                    return event.run
        raise AssertionError("the watch ended")

    async def provisioned(self, stack: str = "stacks/cluster") -> Run:
        run = await self.launch(stack=stack)
        return await self.until(run.name, "PROVISIONING")

    def leaves(self, manager: FakeManager) -> None:
        """It no longer serves the workspace, and nobody reaches it."""
        del self.managers.here[manager.uid]
        manager.is_down = True
        manager.restart()


@pytest.fixture
async def world(tmp_path: Path, database_url: str) -> AsyncIterator[World]:
    managers = Managers(FakeManager(), FakeManager())
    async with workspace(
        tmp_path, database_url, managers=managers, launch_interval_s=0.2, stop_grace_s=0.5
    ) as ws:
        await ws.create_project()
        world = World(ws, managers)
        config = {"workload_manager": name_of(world.second)}
        pods = await new_component(ws, "pods", "local-orchestrator", config)
        await new_stack(ws, "cluster", pods.name)
        await new_component(ws, "here", "local-orchestrator", {})
        await new_stack(ws, "plain", "components/here")
        yield world


def name_of(manager: FakeManager) -> str:
    return f"workloadManagers/{manager.uid}"


async def test_the_orchestrator_of_a_stack_says_which_manager_has_its_runs(world: World) -> None:
    there, here = await world.provisioned(), await world.provisioned("stacks/plain")
    assert [there.workload_manager, here.workload_manager] == [
        name_of(world.second),
        name_of(world.manager),
    ]
    assert list(world.second.workloads) == [there.workload]
    assert list(world.manager.workloads) == [here.workload]
    await world.ws.runs().StopRun(runs_pb2.StopRunRequest(name=there.name))
    await world.until(there.name, "STOPPED")
    assert not world.manager.cancellations
    assert len(world.second.cancellations) == 1


async def test_steps_executed_apart_go_where_their_runner_is(world: World) -> None:
    run = await world.provisioned()
    await world.ws.report(run.name, ME, run_report(1, "RUNNING"))
    apart = Apart(world.ws, world.second, run)
    await apart.launch()
    submission = await apart.submission(1)
    assert submission.workload.step == "load"
    world.second.said[f"workloads/{submission.workload_id}"] = b"last words"
    world.second.end(f"workloads/{submission.workload_id}", "FAILED", message="no")
    assert (await apart.until("FAILED")).failure.traceback == "last words"
    assert not world.manager.submissions


async def test_the_pod_is_as_the_stack_says_and_the_step_over_it(world: World) -> None:
    ws = world.ws
    plain = {"priority_class": "low", "node_selector": {"pool": "ml", "gpu": "any"}}
    config = {"pod": {**plain, "tolerations": [{"key": "spot"}]}}
    pods = await new_component(ws, "kube", "kubernetes-orchestrator", config)
    await new_stack(ws, "kube", pods.name)
    snapshot = await ws.create_snapshot()
    run = await ws.create_run(snapshot=snapshot.name, stack="stacks/kube")
    await ws.report(run.name, ME, run_report(1, "RUNNING"))
    mine = Apart(ws, world.manager, run)
    own = pods_pb2.PodSettings(
        priority_class="high",
        node_selector={"gpu": "a100"},
        tolerations=[pods_pb2.PodToleration(key="gpu")],
    )
    await mine.launch(pod=own)
    assert (await mine.ask(pod=own)).name
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await mine.ask(pod=pods_pb2.PodSettings(priority_class="other"))
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await mine.ask(pod=pods_pb2.PodSettings(priority_class="No such name"))
    pod = (await mine.submission()).workload.pod
    assert (pod.priority_class, dict(pod.node_selector)) == ("high", {"pool": "ml", "gpu": "a100"})
    assert [each.key for each in pod.tolerations] == ["spot", "gpu"]


async def test_only_the_manager_of_a_run_is_heard_about_it(world: World) -> None:
    """Two that share a namespace see the same workloads; one that has it not says nothing."""
    run = await world.provisioned()
    world.manager.workloads[run.workload] = world.second.workloads[run.workload].__class__()
    world.manager.workloads[run.workload].CopyFrom(world.second.workloads[run.workload])
    world.manager.end(run.workload, "FAILED", message="not mine")
    del world.manager.workloads[run.workload]
    world.manager.restart()
    # What it lists after that was looked through before this one is seen there.
    other = await world.provisioned("stacks/plain")
    world.manager.end(other.workload, "FAILED", message="no")
    await world.until(other.name, "FAILED")
    world.second.end(run.workload, "FAILED", message="mine")
    assert (await world.until(run.name, "FAILED")).failure.message == "mine"


async def test_a_manager_out_of_reach_holds_up_only_its_own_runs(world: World) -> None:
    began = await world.provisioned()
    world.second.is_down = True
    world.second.restart()
    waits = await world.launch(stack="stacks/cluster")
    await world.told(waits.name, "does not answer")
    goes_on = await world.provisioned("stacks/plain")
    world.manager.end(goes_on.workload, "FAILED", message="no")
    await world.until(goes_on.name, "FAILED")
    world.second.end(began.workload, "FAILED", message="meanwhile")
    world.second.is_down = False
    assert (await world.until(began.name, "FAILED")).failure.message == "meanwhile"
    await world.until(waits.name, "PROVISIONING")


async def test_a_stack_that_names_an_unknown_manager_is_refused_in_words(world: World) -> None:
    stub, absent = world.ws.snapshots(), f"workloadManagers/{uuid4()}"
    config = {"workload_manager": absent}
    await new_component(world.ws, "lost", "kubernetes-orchestrator", config)
    await new_stack(world.ws, "nowhere", "components/lost")
    refusal = refused("FAILED_PRECONDITION", "WORKLOAD_MANAGER_ABSENT")
    async with refusal:
        await world.launch(stack="stacks/nowhere")
    assert refusal.error is not None
    assert f"{absent}, {NOT_SERVED}" in refusal.error.message
    snapshot = await world.ws.create_snapshot()
    check = snapshots_pb2.ValidateSnapshotRunRequest(name=snapshot.name, stack="stacks/nowhere")
    [problem] = (await stub.ValidateSnapshotRun(check)).problems
    assert problem.reason == "WORKLOAD_MANAGER_ABSENT"
    request = stacks_pb2.ValidateStackRequest(name="stacks/nowhere")
    checks = (await world.ws.stacks().ValidateStack(request)).checks
    [failed] = [check for check in checks if not check.ok]
    assert NOT_SERVED in failed.reason
    assert name_of(world.second) in failed.remedy
    for config in ({"workload_manager": "second"}, {"workload_manager": "workloadManagers/x"}):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await new_component(world.ws, "bad", "local-orchestrator", config)


async def test_validation_and_pools_say_where_runs_go(world: World) -> None:
    request = stacks_pb2.ValidateStackRequest(name="stacks/cluster")
    checks = (await world.ws.stacks().ValidateStack(request)).checks
    assert any(f"{name_of(world.second)} would take" in check.reason for check in checks)
    assert len(world.second.validations) == 1
    assert not world.manager.validations
    found = (await world.ws.pools().ListPools(pools_pb2.ListPoolsRequest())).pools
    sent = {pool.name.rpartition("/pools/")[0]: list(pool.orchestrators) for pool in found}
    assert sent == {name_of(world.second): ["components/pods"], name_of(world.manager): []}
    first = [pool.name for pool in found if pool.takes_new_runs]
    assert first == [f"{name_of(world.manager)}/pools/machine"]


async def test_a_run_whose_manager_left_before_it_had_it_waits_and_says_so(world: World) -> None:
    world.second.is_down = True
    run = await world.launch(stack="stacks/cluster")
    await world.told(run.name, "does not answer")
    world.leaves(world.second)
    await world.told(run.name, f"{name_of(world.second)}, {NOT_SERVED}")
    world.managers.here[world.second.uid] = world.second
    world.second.is_down = False
    await world.until(run.name, "PROVISIONING")
    assert not world.manager.submissions


async def test_a_run_whose_manager_is_gone_for_good_is_told_and_ends(world: World) -> None:
    silent, stopped = await world.provisioned(), await world.provisioned()
    speaks = await world.provisioned()
    await world.ws.report(speaks.name, ME, run_report(1, "RUNNING"))
    world.leaves(world.second)
    words = f"{name_of(world.second)}, no longer serves this workspace"
    await world.told(silent.name, words)
    await world.ws.runs().StopRun(runs_pb2.StopRunRequest(name=stopped.name))
    assert words in (await world.until(stopped.name, "STOPPED")).state_reason
    world.ws.clock.move(minutes=16)
    ended = await world.until(silent.name, "FAILED")
    assert ended.failure.code == "NOT_STARTED"
    assert words in ended.failure.message
    # Who reports needs no manager for it.
    await world.ws.report(speaks.name, ME, run_report(2, "FAILED"))
    await world.until(speaks.name, "FAILED")


async def test_who_is_enrolled_anew_has_the_runs_of_before(world: World) -> None:
    run = await world.provisioned()
    again = FakeManager()
    again.workloads = world.second.workloads
    world.leaves(world.second)
    world.managers.here[again.uid] = again
    named = await world.seen(run.name, lambda run: run.workload_manager == name_of(again))
    assert named.state == run_types_pb2.RUN_STATE_PROVISIONING
    again.end(run.workload, "FAILED", message="seen again")
    assert (await world.until(run.name, "FAILED")).failure.message == "seen again"


@pytest.mark.parametrize("stack", ["stacks/plain", "stacks/cluster"])
async def test_runs_of_before_there_was_a_choice_are_whose_they_are(
    world: World, stack: str
) -> None:
    """A server of the version before writes no manager down, and its first may have been any."""
    run = await world.provisioned(stack)
    has_it = world.second if stack == "stacks/cluster" else world.manager
    # What it says while nobody knows whose the run is was not heard.
    await world.ws.workspace.database.write(_forget)
    has_it.end(run.workload, "FAILED", message="still known")
    assert (await world.until(run.name, "FAILED")).failure.message == "still known"


def test_nobody_is_named_where_nobody_was_written_down() -> None:
    launch = Launch(run_uid=uuid4(), project="demo", run="r", workload="w", state="SUBMITTED")
    assert "workloadManagers/" not in gone(launch)
    launch.manager = str(uuid4())
    assert f"workloadManagers/{launch.manager}, no longer serves" in gone(launch)


async def test_a_manager_that_left_and_came_back_between_two_looks_is_watched(
    world: World,
) -> None:
    """Its watch saw that it had left, and ended; whoever looks after watches did not."""
    workspace = world.ws.workspace
    flickers = Flickering(world.manager)
    settings: Any = SimpleNamespace(interval_s=0)
    # Nothing is launched, built or logged.
    parts: Any = (flickers, None, settings, None)
    reconciler = Watching(workspace.database, *parts, clock=world.ws.clock)
    lease: Any = None
    watching = asyncio.create_task(reconciler._keep_watching(lease))
    try:
        async with asyncio.timeout(30):
            await reconciler.has_watched_twice.wait()
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


class Flickering(Managers):
    """Its manager is away for a single look: the second of its watch."""

    looks = 0

    def all(self) -> dict[str, FakeManager]:
        self.looks += 1
        return {} if self.looks == 4 else self.here


class Watching(Reconciler):
    """Watches end at once."""

    def __init__(self, *parts: Any, clock: Any) -> None:
        nobody: Any = None
        super().__init__(*parts, last_lines=nobody, clock=clock)
        self.watched = 0
        self.has_watched_twice = asyncio.Event()

    async def watch(self, lease: Any, manager: Any) -> None:
        self.watched += 1
        if self.watched == 2:
            self.has_watched_twice.set()


def _forget(session: Any) -> None:
    session.connection().exec_driver_sql("UPDATE launches SET manager = ''")
