"""Runs that are run again: what they take over, what they run anew."""

from typing import Any
from uuid import uuid4

from tests.workspace.fakes import FakeManager
from tests.workspace.harness import Harness, refused, run_report, step_report, workspace
from tests.workspace.test_launching import World
from tests.workspace.test_run_changes import new_version, steps_of
from weftapi.workspace.v1 import artifacts_pb2, reports_pb2, run_types_pb2, runs_pb2


async def failed_after_load(
    world: World, manager: Any, run_id: str, version: str
) -> run_types_pb2.Run:
    """A run that ended when its second step failed."""
    run = await world.launch(run_id=run_id)
    await world.until(run.name, "PROVISIONING")
    await world.ws.report(
        run.name,
        str(uuid4()),
        run_report(1, "RUNNING"),
        step_report(2, "load", "RUNNING"),
        step_report(3, "load", "SUCCEEDED", outputs={"rows": version}),
        step_report(4, "fit", "RUNNING"),
        step_report(5, "fit", "FAILED"),
        run_report(6, "FAILED"),
    )
    manager.end(run.workload, "SUCCEEDED")
    return run


async def delete_version(ws: Harness, version: str) -> None:
    await ws.artifacts().DeleteArtifactVersion(
        artifacts_pb2.DeleteArtifactVersionRequest(name=version)
    )


async def test_a_retry_takes_over_what_is_not_run_again(tmp_path: Any, database_url: str) -> None:
    manager = FakeManager()
    async with workspace(tmp_path, database_url, managers=manager, launch_interval_s=0.2) as ws:
        await ws.create_project()
        world = World(ws, manager)
        version = await new_version(ws, "data")
        run = await failed_after_load(world, manager, "first", version)
        stub, request = ws.runs(), runs_pb2.RetryRunRequest(name=run.name, from_failed=True)
        again = await stub.RetryRun(request)
        assert (again.origin, dict(again.step_counts)) == (run.name, {"CACHED": 1, "PENDING": 2})
        steps = await steps_of(ws, again.name)
        assert steps["load"].cached_from == f"{run.name}/steps/load"
        assert dict(steps["load"].outputs) == {"rows": version}
        assert "first" in steps["load"].state_reason
        # From its first step on, nothing is left to take over.
        whole = await stub.RetryRun(runs_pb2.RetryRunRequest(name=run.name, from_step="load"))
        assert dict(whole.step_counts) == {"PENDING": 3}
        later = await stub.RetryRun(runs_pb2.RetryRunRequest(name=run.name, from_step="test"))
        assert dict(later.step_counts) == {"CACHED": 1, "PENDING": 2}
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await stub.RetryRun(runs_pb2.RetryRunRequest(name=run.name, from_step="absent"))
        async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE"):
            await delete_version(ws, version)
        # A result that is gone is made again.
        lost = await new_version(ws, "data")
        run = await failed_after_load(world, manager, "second", lost)
        await delete_version(ws, lost)
        anew = await stub.RetryRun(runs_pb2.RetryRunRequest(name=run.name, from_failed=True))
        assert dict(anew.step_counts) == {"PENDING": 3}
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await stub.RetryRun(
                runs_pb2.RetryRunRequest(name=run.name, from_step="fit", from_failed=True)
            )


async def ended_after_late_calls(world: World, manager: Any) -> run_types_pb2.Run:
    """A run whose function called two steps, one over two items, that no graph shows."""
    run = await world.launch(run_id="late")
    await world.until(run.name, "PROVISIONING")
    late = [reports_pb2.NewStep(step_id=step) for step in ("late", "each")]
    late += [
        reports_pb2.NewStep(step_id=f"each-{n}", map_group="each", map_index=n) for n in range(2)
    ]
    request = reports_pb2.BatchCreateStepsRequest(parent=run.name, steps=late)
    await world.ws.reports().BatchCreateSteps(request)
    reports = [run_report(1, "RUNNING")]
    for step in ("load", "fit", "test", "late", "each-0", "each-1", "each"):
        reports.append(step_report(len(reports) + 1, step, "RUNNING"))
        reports.append(step_report(len(reports) + 1, step, "SUCCEEDED"))
    reports.append(run_report(len(reports) + 1, "FAILED"))
    await world.ws.report(run.name, str(uuid4()), *reports)
    manager.end(run.workload, "SUCCEEDED")
    return run


async def test_a_step_is_run_again_alone(tmp_path: Any, database_url: str) -> None:
    manager = FakeManager()
    async with workspace(tmp_path, database_url, managers=manager, launch_interval_s=0.2) as ws:
        await ws.create_project()
        world = World(ws, manager)
        version = await new_version(ws, "data")
        run = await failed_after_load(world, manager, "first", version)
        stub, request = ws.runs(), runs_pb2.RetryRunRequest(name=run.name, only_step="fit")
        again = await stub.RetryRun(request)
        # Its runner leaves out what has no result: it alone knows what a function may yet call.
        assert (again.only_step, dict(again.step_counts)) == ("fit", {"CACHED": 1, "PENDING": 2})
        first = await stub.RetryRun(runs_pb2.RetryRunRequest(name=run.name, only_step="load"))
        assert dict(first.step_counts) == {"PENDING": 3}
        refusal = refused("FAILED_PRECONDITION", "UPSTREAM_WITHOUT_RESULT")
        async with refusal:
            await stub.RetryRun(runs_pb2.RetryRunRequest(name=run.name, only_step="test"))
        assert "run again from fit on" in str(refusal.error)
        for wrong in ({"only_step": "absent"}, {"only_step": "fit", "from_failed": True}):
            async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
                await stub.RetryRun(runs_pb2.RetryRunRequest(name=run.name, **wrong))
        # What a function called late is taken over, too.
        run = await ended_after_late_calls(world, manager)
        again = await stub.RetryRun(runs_pb2.RetryRunRequest(name=run.name, only_step="late"))
        assert dict(again.step_counts) == {"CACHED": 6}
        steps = await steps_of(ws, again.name)
        assert (steps["each-1"].map_group, steps["each-1"].state) == ("each", steps["load"].state)
        assert "late" not in steps
