"""RunService."""

from uuid import uuid4

from tests.workspace.harness import Harness, outcomes, refused, run_report, step_report
from weftapi.workspace.v1 import run_types_pb2, runs_pb2


async def test_a_run_of_a_snapshot_goes_from_pending_to_succeeded(ws: Harness) -> None:
    snapshot = await ws.create_snapshot()
    run = await ws.create_run(snapshot=snapshot.name)
    assert run.step_counts == {"PENDING": 3}
    me = str(uuid4())
    said = await ws.report(
        run.name,
        me,
        run_report(1, "RUNNING"),
        step_report(2, "load", "RUNNING"),
        step_report(3, "load", "SUCCEEDED"),
        step_report(4, "fit", "RUNNING"),
        step_report(5, "fit", "SUCCEEDED"),
        step_report(6, "test", "RUNNING"),
        step_report(7, "test", "SUCCEEDED"),
        run_report(8, "SUCCEEDED"),
    )
    assert outcomes(said) == ["APPLIED"] * 8
    run = await ws.runs().GetRun(runs_pb2.GetRunRequest(name=run.name))
    assert run.state == run_types_pb2.RUN_STATE_SUCCEEDED
    assert run.step_counts == {"SUCCEEDED": 3}
    counts = await ws.runs().CountRuns(runs_pb2.CountRunsRequest(parent="projects/demo"))
    assert counts.counts == {"SUCCEEDED": 1}


async def test_a_run_that_is_not_there(ws: Harness) -> None:
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.runs().GetRun(runs_pb2.GetRunRequest(name="projects/demo/runs/absent"))
