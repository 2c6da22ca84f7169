"""RunSnapshot and RetryRun: from the intent in the database to the end of the workload."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest

from meshkit.spiffe import Role, SpiffeId
from tests.workspace.apart import ME, Apart
from tests.workspace.fakes import FakeError, FakeManager
from tests.workspace.harness import (
    FakeClock,
    Harness,
    TestMesh,
    refused,
    run_report,
    step_report,
    workspace,
)
from tests.workspace.stacks import new_component, new_stack
from weftapi.workspace.v1 import (
    reports_pb2,
    run_types_pb2,
    runs_pb2,
    server_pb2,
    snapshots_pb2,
    step_settings_pb2,
)

Run = snapshots_pb2.RunSnapshotRequest


class World:
    """A workspace, its manager, and what happens to a run."""

    def __init__(self, ws: Harness, manager: FakeManager) -> None:
        self.ws = ws
        self.manager = manager

    async def launch(self, **fields: Any) -> run_types_pb2.Run:
        snapshot = await self.ws.create_snapshot()
        return await self.ws.snapshots().RunSnapshot(Run(name=snapshot.name, **fields))

    async def until(self, name: str, state: str) -> run_types_pb2.Run:
        """The run, as soon as a watch shows it in this state."""
        wanted = run_types_pb2.RunState.Value(f"RUN_STATE_{state}")
        request = runs_pb2.WatchRunRequest(name=name, send_initial_state=True)
        async with asyncio.timeout(30):
            async for response in self.ws.runs().WatchRun(request):
                for event in response.events:
                    if event.name == name and event.run.state == wanted:
                        return event.run
        raise AssertionError(f"the watch ended before {state}")

    async def told(self, name: str, words: str) -> None:
        """Returns when the run says so of itself."""
        request = runs_pb2.WatchRunRequest(name=name, send_initial_state=True)
        async with asyncio.timeout(30):
            async for response in self.ws.runs().WatchRun(request):
                if any(event.run.state_reason == words for event in response.events):
                    return


@pytest.fixture
async def world(tmp_path: Path, database_url: str) -> AsyncIterator[World]:
    manager = FakeManager()
    async with workspace(
        tmp_path, database_url, managers=manager, launch_interval_s=0.2, stop_grace_s=0.5
    ) as ws:
        await ws.create_project()
        yield World(ws, manager)


async def test_a_snapshot_runs_on_the_workload_manager(world: World) -> None:
    ws = world.ws
    run = await world.launch(parameters={"rate": 1}, labels={"by": "hand"})
    assert run.trigger == run_types_pb2.RUN_TRIGGER_SNAPSHOT
    assert run.workload.startswith("workloads/run-")
    await world.until(run.name, "PROVISIONING")
    (submission,) = world.manager.submissions
    workload = submission.workload
    assert list(workload.args) == ["-m", "weft.runner"]
    assert workload.env["WEFT_RUN"] == run.name
    assert workload.env["WEFT_ENDPOINT"] == f"127.0.0.1:{ws.ports.edge}"
    assert b"BEGIN CERTIFICATE" in workload.secret_files["WEFT_CA_FILE"].encode()
    # The token that the workload got opens its run.
    token, me = workload.secret_files["WEFT_RUN_TOKEN_FILE"], str(uuid4())
    world.manager.run(f"workloads/{submission.workload_id}")
    await ws.report(run.name, me, run_report(1, "RUNNING"), token=token)
    for number, step in enumerate(("load", "fit", "test")):
        await ws.report(
            run.name,
            me,
            step_report(2 * number + 2, step, "RUNNING"),
            step_report(2 * number + 3, step, "SUCCEEDED"),
            token=token,
        )
    await ws.report(run.name, me, run_report(9, "SUCCEEDED"), token=token)
    world.manager.end(f"workloads/{submission.workload_id}", "SUCCEEDED")
    ended = await world.until(run.name, "SUCCEEDED")
    assert ended.step_counts == {"SUCCEEDED": 3}
    info = await ws.server().GetServerInfo(server_pb2.GetServerInfoRequest())
    assert info.can_run_snapshots


async def test_a_workload_that_ends_alone_fails_its_run_in_the_engines_words(world: World) -> None:
    run = await world.launch()
    await world.until(run.name, "PROVISIONING")
    name = run.workload
    world.manager.said[name] = (
        b"x" * 10_000 + "\n2026-11-21T23:49:04.818Z stderr F last wörds".encode()
    )
    world.manager.end(name, "FAILED", code=137, out_of_memory=True, message="Killed at 2 GiB.")
    ended = await world.until(run.name, "FAILED")
    assert (ended.failure.code, ended.failure.message) == ("OUT_OF_MEMORY", "Killed at 2 GiB.")
    assert ended.failure.kind == run_types_pb2.FAILURE_KIND_INFRASTRUCTURE
    assert ended.failure.traceback.endswith("x\nlast wörds")
    assert len(ended.failure.traceback) <= 4096
    assert ended.step_counts == {"SKIPPED": 3}


async def test_a_runner_begins_however_long_it_waited_in_the_queue_of_its_engine(
    world: World,
) -> None:
    run, me = await world.launch(), str(uuid4())
    await world.until(run.name, "PROVISIONING")
    world.manager.wait(run.workload, "It waits in the queue gpus.")
    world.ws.clock.move(hours=30)
    token = world.manager.submissions[0].workload.secret_files["WEFT_RUN_TOKEN_FILE"]
    await world.ws.report(run.name, me, run_report(1, "RUNNING"), token=token)
    beat = reports_pb2.HeartbeatRequest(run=run.name, reporter=me)
    fresh = (await world.ws.reports(token).Heartbeat(beat)).run_token
    # What it goes on with lives an hour, as ever.
    assert not (await world.ws.reports(fresh).Heartbeat(beat)).run_token
    world.ws.clock.move(minutes=61)
    async with refused("UNAUTHENTICATED", "INVALID_CREDENTIAL"):
        await world.ws.reports(fresh).Heartbeat(beat)


async def test_a_workload_that_vanished_is_asked_for_and_then_lost(world: World) -> None:
    run = await world.launch()
    await world.until(run.name, "PROVISIONING")
    del world.manager.workloads[run.workload]
    world.manager.restart()
    ended = await world.until(run.name, "FAILED")
    assert ended.failure.code == "WORKLOAD_LOST"


async def test_a_manager_out_of_reach_fails_nothing(world: World) -> None:
    world.manager.is_down = True
    run = await world.launch()
    current = await world.ws.runs().GetRun(runs_pb2.GetRunRequest(name=run.name))
    assert current.state == run_types_pb2.RUN_STATE_PENDING
    world.manager.is_down = False
    await world.until(run.name, "PROVISIONING")
    assert len(world.manager.workloads) == 1


async def test_a_lost_answer_is_asked_for_again_and_makes_no_second_workload(world: World) -> None:
    world.manager.lose_answer = True
    run = await world.launch()
    await world.manager.submitted.wait()
    world.manager.lose_answer = False
    await world.until(run.name, "PROVISIONING")
    assert list(world.manager.workloads) == [run.workload]


async def test_a_manager_that_refuses_fails_the_run(world: World) -> None:
    words = "This engine runs no such thing."
    world.manager.fail_submit = FakeError(grpc.StatusCode.INVALID_ARGUMENT, words)
    run = await world.launch()
    ended = await world.until(run.name, "FAILED")
    assert (ended.failure.code, ended.failure.message) == ("WORKLOAD_REFUSED", words)


@pytest.mark.parametrize("code", ["PERMISSION_DENIED", "UNAUTHENTICATED"])
async def test_a_manager_that_turns_the_workspace_away_is_asked_for_a_while(
    world: World, code: str
) -> None:
    """It may not have heard of the workspace yet; who is never heard waits no longer than that."""
    world.manager.fail_submit = FakeError(grpc.StatusCode[code], "No.")
    words = f"The workload manager refuses this workspace ({code}): No."
    healed = await world.launch()
    await world.told(healed.name, words)
    world.manager.fail_submit = None
    await world.until(healed.name, "PROVISIONING")
    world.manager.fail_submit = FakeError(grpc.StatusCode[code], "No.")
    run = await world.launch()
    await world.told(run.name, words)
    world.ws.clock.move(minutes=16)
    ended = await world.until(run.name, "FAILED")
    assert (ended.failure.code, ended.failure.message) == ("WORKLOAD_REFUSED", words)


async def test_a_manager_that_fails_is_not_called_silent(world: World) -> None:
    world.manager.fail_submit = FakeError(grpc.StatusCode.INTERNAL, "a bug")
    run = await world.launch()
    await world.told(run.name, "The workload manager fails (INTERNAL): a bug")
    world.ws.clock.move(minutes=16)
    world.manager.fail_submit = None
    await world.until(run.name, "PROVISIONING")


async def test_an_attempt_says_that_its_manager_turns_the_workspace_away(world: World) -> None:
    """And it ends when that does not heal: its run would wait for it for ever."""
    snapshot = await world.ws.create_snapshot()
    run = await world.ws.create_run(snapshot=snapshot.name)
    apart = Apart(world.ws, world.manager, run)
    await world.ws.report(run.name, ME, run_report(1, "RUNNING"))
    apart.manager.fail_submit = FakeError(grpc.StatusCode.PERMISSION_DENIED, "No.")
    await apart.launch()
    words = "The workload manager refuses this workspace (PERMISSION_DENIED): No."
    await apart.seen(lambda step: step.state_reason == words)
    apart.ws.clock.move(minutes=16)
    ended = await apart.until("FAILED")
    assert (ended.failure.code, ended.failure.message) == ("WORKLOAD_REFUSED", words)


async def test_a_stop_before_a_runner_spoke_cancels_the_workload(world: World) -> None:
    run = await world.launch()
    await world.until(run.name, "PROVISIONING")
    await world.ws.runs().StopRun(runs_pb2.StopRunRequest(name=run.name, reason="mistake"))
    ended = await world.until(run.name, "STOPPED")
    assert ended.step_counts == {"STOPPED": 3}
    (cancellation,) = world.manager.cancellations
    assert cancellation.reason == "mistake"


async def test_a_runner_that_will_not_stop_loses_its_workload_after_a_grace(world: World) -> None:
    run = await world.launch()
    await world.until(run.name, "PROVISIONING")
    await world.ws.report(run.name, str(uuid4()), run_report(1, "RUNNING"))
    await world.ws.runs().StopRun(runs_pb2.StopRunRequest(name=run.name))
    assert not world.manager.cancellations
    world.ws.clock.move(seconds=5)
    await world.until(run.name, "STOPPED")
    assert len(world.manager.cancellations) == 1


async def test_repeating_the_request_makes_one_run_and_one_workload(world: World) -> None:
    snapshot = await world.ws.create_snapshot()
    request = Run(name=snapshot.name, request_id=str(uuid4()))
    runs = await asyncio.gather(*(world.ws.snapshots().RunSnapshot(request) for _ in range(5)))
    assert len({run.name for run in runs}) == 1
    await world.until(runs[0].name, "PROVISIONING")
    assert len(world.manager.submissions) == 1


async def test_what_cannot_be_run_is_refused(world: World) -> None:
    stub = world.ws.snapshots()
    bare = await world.ws.create_snapshot(code=False)
    async with refused("FAILED_PRECONDITION", "SNAPSHOT_WITHOUT_CODE"):
        await stub.RunSnapshot(Run(name=bare.name))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await stub.RunSnapshot(Run(name="projects/demo/snapshots/absent"))
    schema = {"type": "object", "properties": {"rate": {"type": "number"}}}
    typed = await world.ws.create_snapshot(parameters_schema=schema)
    async with refused("INVALID_ARGUMENT", "INVALID_PARAMETERS"):
        await stub.RunSnapshot(Run(name=typed.name, parameters={"rate": "fast"}))


async def test_without_a_manager_nothing_is_launched(ws: Harness) -> None:
    snapshot = await ws.create_snapshot()
    async with refused("FAILED_PRECONDITION", "NO_WORKLOAD_MANAGER"):
        await ws.snapshots().RunSnapshot(Run(name=snapshot.name))
    info = await ws.server().GetServerInfo(server_pb2.GetServerInfoRequest())
    assert not info.can_run_snapshots


async def test_a_retry_is_a_new_run_of_the_same_snapshot(world: World) -> None:
    ws = world.ws
    run = await world.launch(parameters={"rate": 1})
    async with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
        await ws.runs().RetryRun(runs_pb2.RetryRunRequest(name=run.name))
    await world.until(run.name, "PROVISIONING")
    world.manager.end(run.workload, "FAILED", message="no")
    await world.until(run.name, "FAILED")
    again = await ws.runs().RetryRun(runs_pb2.RetryRunRequest(name=run.name, run_id="again"))
    assert (again.origin, again.trigger) == (run.name, run_types_pb2.RUN_TRIGGER_RETRY)
    assert again.parameters["rate"] == 1
    await world.until(again.name, "PROVISIONING")
    own = await ws.create_run()
    await ws.runs().StopRun(runs_pb2.StopRunRequest(name=own.name))
    async with refused("FAILED_PRECONDITION", "SNAPSHOT_WITHOUT_CODE"):
        await ws.runs().RetryRun(runs_pb2.RetryRunRequest(name=own.name))


async def test_defaults_stand_in_for_parameters_that_are_not_given(world: World) -> None:
    snapshot = await world.ws.create_snapshot(spec={"parameters": {"rate": 1, "depth": 2}})
    run = await world.ws.snapshots().RunSnapshot(Run(name=snapshot.name, parameters={"rate": 3}))
    assert dict(run.parameters) == {"rate": 3, "depth": 2}


async def test_a_crash_between_intent_and_submission_ends_in_one_workload(
    tmp_path: Path, database_url: str
) -> None:
    clock = FakeClock()
    mesh = TestMesh.make(tmp_path, clock)
    identity = SpiffeId("test.mesh", Role.WORKSPACE, uuid4(), uuid4())
    down = FakeManager()
    down.is_down = True
    shared = {"mesh": mesh, "identity": identity, "clock": clock, "launch_interval_s": 0.2}
    async with workspace(tmp_path, database_url, managers=down, **shared) as ws:
        await ws.create_project()
        snapshot = await ws.create_snapshot()
        run = await ws.snapshots().RunSnapshot(Run(name=snapshot.name))
    assert not down.submissions
    manager = FakeManager()
    async with workspace(tmp_path, database_url, managers=manager, **shared) as ws:
        await World(ws, manager).until(run.name, "PROVISIONING")
    assert [submission.workload_id for submission in manager.submissions] == [
        run.workload.removeprefix("workloads/")
    ]


async def test_steps_run_with_settings_of_this_run_alone(world: World) -> None:
    ws = world.ws
    snapshot = await ws.create_snapshot()
    settings = step_settings_pb2.StepSettings(
        resources=step_settings_pb2.ResourceSpec(cpu_millis=500),
        retry=step_settings_pb2.RetrySpec(max_retry_count=2),
        environment={"SEED": "1"},
    )
    run = await ws.snapshots().RunSnapshot(
        Run(name=snapshot.name, step_settings={"fit": settings}, display_name="With care")
    )
    assert run.step_settings == {"fit": settings}
    assert run.display_name == "With care"
    await world.until(run.name, "PROVISIONING")
    world.manager.end(run.workload, "FAILED", message="no")
    await world.until(run.name, "FAILED")
    again = await ws.runs().RetryRun(runs_pb2.RetryRunRequest(name=run.name))
    assert again.step_settings == {"fit": settings}
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await ws.snapshots().RunSnapshot(Run(name=snapshot.name, step_settings={"x": settings}))


async def test_the_pod_is_as_the_orchestrator_of_its_stack_says(world: World) -> None:
    config = {"image": "registry.example/a:1", "pod": {"priority_class": "high"}}
    pods = await new_component(world.ws, "pods", "kubernetes-orchestrator", config)
    await new_stack(world.ws, "cluster", pods.name)
    run = await world.launch(stack="stacks/cluster")
    await world.until(run.name, "PROVISIONING")
    (submission,) = world.manager.submissions
    workload = submission.workload
    assert (workload.image, workload.run) == ("registry.example/a:1", run.name)
    assert workload.pod.priority_class == "high"
