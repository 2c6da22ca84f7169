"""RunService: creating, listing, counting, stopping."""

import re
from uuid import uuid4

from tests.workspace.harness import (
    DEMO_EDITOR,
    Harness,
    outcomes,
    refused,
    run_report,
    spec_step,
    step_report,
)
from weftapi.workspace.v1 import (
    run_types_pb2,
    runs_pb2,
    snapshot_types_pb2,
    snapshots_pb2,
    steps_pb2,
)

Get = runs_pb2.GetRunRequest
List = runs_pb2.ListRunsRequest
Stop = runs_pb2.StopRunRequest


async def test_a_run_of_a_snapshot_goes_from_pending_to_succeeded(ws: Harness) -> None:
    snapshot = await ws.create_snapshot()
    run = await ws.create_run(snapshot=snapshot.name)
    assert run.step_counts == {"PENDING": 3}
    assert run.pipeline == "projects/demo/pipelines/train"
    said = await ws.report(
        run.name,
        str(uuid4()),
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
    run = await ws.runs().GetRun(Get(name=run.name))
    assert run.state == run_types_pb2.RUN_STATE_SUCCEEDED
    assert run.start_time.ToNanoseconds() <= run.end_time.ToNanoseconds()
    assert run.step_counts == {"SUCCEEDED": 3}
    counts = await ws.runs().CountRuns(runs_pb2.CountRunsRequest(parent="projects/demo"))
    assert counts.counts == {"SUCCEEDED": 1}


async def test_what_is_not_there_is_not_found(ws: Harness) -> None:
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.runs().GetRun(Get(name="projects/demo/runs/absent"))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.runs().CountRuns(runs_pb2.CountRunsRequest(parent="projects/absent"))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.create_run(project="absent")
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.create_run(snapshot="projects/demo/snapshots/absent")
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.runs().ListRuns(List(parent="projects/absent"))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.runs().StopRun(Stop(name="projects/demo/runs/absent"))


async def test_a_run_without_an_id_gets_a_memorable_one(ws: Harness) -> None:
    run = await ws.create_run()
    assert re.fullmatch(r"projects/demo/runs/[a-z]+-[a-z]+-[a-z2-9]{4}", run.name)
    named = await ws.create_run(run_id="mine")
    assert named.name == "projects/demo/runs/mine"
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await ws.create_run(run_id="mine")


async def test_a_run_needs_a_pipeline_or_a_snapshot(ws: Harness) -> None:
    empty = runs_pb2.CreateRunRequest(
        parent="projects/demo", run=run_types_pb2.Run(labels={"a": "b"})
    )
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await ws.runs().CreateRun(empty)


async def test_creating_a_run_twice_with_one_request_id_makes_one(ws: Harness) -> None:
    run = run_types_pb2.Run(pipeline="projects/demo/pipelines/train")
    request = runs_pb2.CreateRunRequest(parent="projects/demo", run=run, request_id=str(uuid4()))
    first = await ws.runs().CreateRun(request)
    assert await ws.runs().CreateRun(request) == first
    listed = await ws.runs().ListRuns(List(parent="projects/demo"))
    assert [run.name for run in listed.runs] == [first.name]


async def test_a_snapshot_of_another_project_does_not_serve(ws: Harness) -> None:
    await ws.create_project("other")
    snapshot = await ws.create_snapshot(project="other")
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.create_run(snapshot=snapshot.name)
    hidden = snapshot.name.replace("other", "demo")
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.create_run(snapshot=hidden)


async def test_parameters_must_fit_the_snapshots_schema(ws: Harness) -> None:
    schema = {
        "type": "object",
        "properties": {"rate": {"type": "number", "maximum": 1}, "name": {"type": "string"}},
        "required": ["rate"],
        "additionalProperties": False,
    }
    snapshot = await ws.create_snapshot(parameters_schema=schema)
    run = await ws.create_run(snapshot=snapshot.name, parameters={"rate": 0.5})
    assert run.parameters["rate"] == 0.5
    async with refused("INVALID_ARGUMENT", "INVALID_PARAMETERS") as refusal:
        await ws.create_run(snapshot=snapshot.name, parameters={"rate": 2, "nam": "x"})
    assert refusal.error
    found = {violation.field for violation in refusal.error.violations}
    assert found == {"parameters.rate", "parameters.nam"}


async def test_runs_are_listed_newest_first_and_by_filter(ws: Harness) -> None:
    runs = [await ws.create_run(run_id=f"r{number}") for number in range(5)]
    await ws.report(runs[1].name, str(uuid4()), run_report(1, "RUNNING"))
    first = await ws.runs().ListRuns(List(parent="projects/demo", page_size=3))
    rest = await ws.runs().ListRuns(
        List(parent="projects/demo", page_size=3, page_token=first.next_page_token)
    )
    assert [r.name for p in (first, rest) for r in p.runs] == [r.name for r in reversed(runs)]
    for text, expected in (
        ("state = RUNNING", ["r1"]),
        ("pipeline = train state = PENDING", ["r4", "r3", "r2", "r0"]),
        ("pipeline = other", []),
        ("trigger = SDK state != PENDING", ["r1"]),
        ('create_time > now()-"1h" state = RUNNING', ["r1"]),
        (f'creator = "{runs[0].creator}" state = RUNNING', ["r1"]),
    ):
        page = await ws.runs().ListRuns(List(parent="projects/demo", filter=text))
        assert [run.name.rpartition("/")[2] for run in page.runs] == expected, text
    oldest = await ws.runs().ListRuns(List(parent="projects/demo", order_by="create_time"))
    assert oldest.runs[0].name == runs[0].name
    async with refused("INVALID_ARGUMENT", "INVALID_PAGE_TOKEN"):
        await ws.runs().ListRuns(
            List(parent="projects/-", page_size=3, page_token=first.next_page_token)
        )


async def test_a_list_across_projects_shows_what_the_caller_may_see(ws: Harness) -> None:
    await ws.create_project("other")
    mine = await ws.create_run()
    theirs = await ws.create_run(project="other")
    everything = await ws.runs().ListRuns(List(parent="projects/-"))
    assert [run.name for run in everything.runs] == [theirs.name, mine.name]
    own = await ws.runs(ws.token(DEMO_EDITOR)).ListRuns(List(parent="projects/-"))
    assert [run.name for run in own.runs] == [mine.name]


async def test_a_run_where_nothing_runs_stops_at_once(ws: Harness) -> None:
    snapshot = await ws.create_snapshot()
    run = await ws.create_run(snapshot=snapshot.name)
    stopped = await ws.runs().StopRun(Stop(name=run.name, reason="not needed"))
    assert stopped.state == run_types_pb2.RUN_STATE_STOPPED
    assert stopped.stop_request.reason == "not needed"
    assert stopped.step_counts == {"STOPPED": 3}
    async with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION") as refusal:
        await ws.runs().StopRun(Stop(name=run.name))
    assert refusal.error
    assert refusal.error.metadata["from"] == "STOPPED"


async def test_a_running_run_is_asked_to_stop_and_then_told_by_force(ws: Harness) -> None:
    run, me = await ws.create_run(), str(uuid4())
    await ws.report(run.name, me, run_report(1, "RUNNING"))
    current = await ws.runs().GetRun(Get(name=run.name))
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await ws.runs().StopRun(Stop(name=run.name, etag=run.etag))
    stopping = await ws.runs().StopRun(Stop(name=run.name, etag=current.etag))
    assert stopping.state == run_types_pb2.RUN_STATE_STOPPING
    forced = await ws.runs().StopRun(Stop(name=run.name, mode="STOP_MODE_FORCE"))
    assert forced.stop_request.mode == run_types_pb2.STOP_MODE_FORCE
    weaker = await ws.runs().StopRun(Stop(name=run.name))
    assert weaker.stop_request.mode == run_types_pb2.STOP_MODE_FORCE
    said = await ws.report(run.name, me, run_report(2, "STOPPED"))
    assert outcomes(said) == ["APPLIED"]
    assert not said.directives


async def test_counters_follow_every_move(ws: Harness) -> None:
    me = str(uuid4())
    runs = [await ws.create_run() for _ in range(3)]
    await ws.report(runs[0].name, me, run_report(1, "RUNNING"))
    await ws.report(runs[1].name, me, run_report(1, "RUNNING"), run_report(2, "FAILED"))
    counts = await ws.runs().CountRuns(runs_pb2.CountRunsRequest(parent="projects/demo"))
    assert counts.counts == {"PENDING": 1, "RUNNING": 1, "FAILED": 1}


async def test_a_run_that_ends_leaves_no_step_open(ws: Harness) -> None:
    snapshot = await ws.create_snapshot(spec_step("a"), spec_step("b"), spec_step("c", "b"))
    run, me = await ws.create_run(snapshot=snapshot.name), str(uuid4())
    await ws.report(
        run.name,
        me,
        run_report(1, "RUNNING"),
        step_report(2, "a", "RUNNING"),
        step_report(3, "b", "RUNNING"),
        step_report(
            4,
            "b",
            "FAILED",
            failure=run_types_pb2.Failure(
                kind=run_types_pb2.FAILURE_KIND_USER, code="EXCEPTION", message="no data"
            ),
        ),
        run_report(5, "FAILED"),
    )
    ended = await ws.runs().GetRun(Get(name=run.name))
    assert (ended.failure.step, ended.failure.code) == ("b", "STEP_FAILED")
    assert ended.failure.message == "Step b failed: no data"
    assert ended.step_counts == {"FAILED": 2, "SKIPPED": 1}
    steps = await ws.steps().ListSteps(steps_pb2.ListStepsRequest(parent=run.name))
    state = {step.step_id: run_types_pb2.StepState.Name(step.state) for step in steps.steps}
    # "a" ran when its runner declared the run over: nobody saw it end well.
    assert state == {"a": "STEP_STATE_FAILED", "b": "STEP_STATE_FAILED", "c": "STEP_STATE_SKIPPED"}


async def test_retrying_needs_an_ended_run_and_a_workload_manager(ws: Harness) -> None:
    run = await ws.create_run()
    async with refused("FAILED_PRECONDITION", "NO_WORKLOAD_MANAGER"):
        await ws.runs().RetryRun(runs_pb2.RetryRunRequest(name=run.name))


async def test_snapshots_are_created_got_and_listed(ws: Harness) -> None:
    stub = ws.snapshots()
    made = await ws.create_snapshot(environment={"version": "3.11.7", "requirements": ["numpy"]})
    got = await stub.GetSnapshot(snapshots_pb2.GetSnapshotRequest(name=made.name))
    assert got == made
    assert [step.id for step in got.spec.steps] == ["load", "fit", "test"]
    listed = await stub.ListSnapshots(
        snapshots_pb2.ListSnapshotsRequest(parent="projects/demo", filter="pipeline = train")
    )
    (shown,) = listed.snapshots
    assert shown.name == made.name
    assert not shown.HasField("spec")
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await stub.GetSnapshot(
            snapshots_pb2.GetSnapshotRequest(name="projects/demo/snapshots/absent")
        )


async def test_a_broken_graph_is_refused(ws: Harness) -> None:
    for graph in (
        (spec_step("a"), spec_step("a")),
        (spec_step("a", "b"), spec_step("b", "a")),
        (spec_step("a", "absent"),),
    ):
        async with refused("INVALID_ARGUMENT", "INVALID_PIPELINE_SPEC"):
            await ws.create_snapshot(*graph)


async def test_a_snapshot_of_another_projects_pipeline_is_refused(ws: Harness) -> None:
    await ws.create_project("other")
    snapshot = snapshot_types_pb2.Snapshot(
        pipeline="projects/other/pipelines/train",
        spec=snapshot_types_pb2.PipelineSpec(steps=[spec_step("a")]),
    )
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await ws.snapshots().CreateSnapshot(
            snapshots_pb2.CreateSnapshotRequest(parent="projects/demo", snapshot=snapshot)
        )
