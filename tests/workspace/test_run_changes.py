"""What people do to runs beside stopping them: name, pause, resume, retry, delete, look at."""

import asyncio
from typing import Any
from uuid import uuid4

from google.protobuf.field_mask_pb2 import FieldMask

from tests.workspace.harness import (
    EDITOR,
    VIEWER,
    Harness,
    refused,
    run_report,
    spec_step,
    step_report,
)
from tests.workspace.test_artifacts import make
from tests.workspace.test_artifacts import new as a_version
from weftapi.workspace.v1 import (
    artifacts_pb2,
    events_pb2,
    logs_pb2,
    reports_pb2,
    run_types_pb2,
    runs_pb2,
    steps_pb2,
)

ABSENT = "projects/demo/runs/absent"
RUNNING, PAUSED = run_types_pb2.RUN_STATE_RUNNING, run_types_pb2.RUN_STATE_PAUSED


def update(name: str, *paths: str, **fields: Any) -> runs_pb2.UpdateRunRequest:
    run = run_types_pb2.Run(name=name, **fields)
    return runs_pb2.UpdateRunRequest(run=run, update_mask=FieldMask(paths=paths))


async def new_version(ws: Harness, artifact: str) -> str:
    (made,) = await make(ws, a_version(artifact))
    return made.name


async def get(ws: Harness, name: str) -> run_types_pb2.Run:
    return await ws.runs().GetRun(runs_pb2.GetRunRequest(name=name))


async def steps_of(ws: Harness, run: str) -> dict[str, run_types_pb2.Step]:
    listed = await ws.steps().ListSteps(steps_pb2.ListStepsRequest(parent=run, page_size=500))
    return {step.step_id: step for step in listed.steps}


async def running(ws: Harness, **fields: Any) -> tuple[run_types_pb2.Run, str]:
    run, reporter = await ws.create_run(**fields), str(uuid4())
    await ws.report(run.name, reporter, run_report(1, "RUNNING"))
    return run, reporter


async def ended(ws: Harness, **fields: Any) -> run_types_pb2.Run:
    run, reporter = await running(ws, **fields)
    await ws.report(run.name, reporter, run_report(2, "SUCCEEDED"))
    return run


async def test_people_note_what_a_run_was_about(ws: Harness) -> None:
    made = await ws.create_run(labels={"team": "a"})
    request = update(made.name, display_name="Try 1", description="lower rate", etag=made.etag)
    request.request_id = str(uuid4())
    changed = await ws.runs().UpdateRun(request)
    assert (changed.display_name, changed.description) == ("Try 1", "lower rate")
    assert dict(changed.labels) == {"team": "a"}
    assert await ws.runs().UpdateRun(request) == changed
    bare = await ws.runs().UpdateRun(update(made.name, "labels"))
    assert not bare.labels
    assert await get(ws, made.name) == bare
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await ws.runs().UpdateRun(update(made.name, description="x", etag=made.etag))
    for broken in (
        update(made.name, "state"),
        update(made.name, "pipeline", pipeline="projects/demo/pipelines/other"),
        update(made.name, "colour"),
        update(made.name, display_name="x" * 129),
        update(made.name, labels={"k": "x" * 257}),
    ):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await ws.runs().UpdateRun(broken)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.runs().UpdateRun(update(ABSENT, description="x"))
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await ws.runs(ws.token(VIEWER)).UpdateRun(update(made.name, description="x"))


async def test_runs_are_found_by_their_labels_also_when_these_change(ws: Harness) -> None:
    async def found(text: str) -> list[str]:
        listed = await ws.runs().ListRuns(
            runs_pb2.ListRunsRequest(parent="projects/demo", filter=text)
        )
        return [run.name for run in listed.runs]

    mine = await ws.create_run(labels={"team": "vision"})
    other = await ws.create_run(labels={"team": "speech"})
    await ws.create_run()
    assert await found("labels.team = vision") == [mine.name]
    assert await found("labels.team:* state = PENDING") == [other.name, mine.name]
    await ws.runs().UpdateRun(update(other.name, labels={"team": "vision"}))
    assert await found("labels.team = vision") == [other.name, mine.name]
    async with refused("INVALID_ARGUMENT", "INVALID_FILTER"):
        await found("labels = vision")


async def test_a_paused_run_says_so_to_its_runner_until_it_is_resumed(ws: Harness) -> None:
    run, reporter = await running(ws)
    heartbeat = reports_pb2.HeartbeatRequest(run=run.name, reporter=reporter)
    pause = runs_pb2.PauseRunRequest(name=run.name, reason="lunch", request_id=str(uuid4()))
    paused = await ws.runs().PauseRun(pause)
    assert (paused.state, paused.state_reason) == (PAUSED, "lunch")
    assert paused.pause_request.requester
    assert await ws.runs().PauseRun(pause) == paused
    told = await ws.reports().Heartbeat(heartbeat)
    assert [d.WhichOneof("action") for d in told.directives] == ["pause"]
    resumed = await ws.runs().ResumeRun(runs_pb2.ResumeRunRequest(name=run.name))
    assert resumed.state == RUNNING
    assert not resumed.HasField("pause_request")
    assert not (await ws.reports().Heartbeat(heartbeat)).directives
    again = await ws.runs().ResumeRun(runs_pb2.ResumeRunRequest(name=run.name))
    assert again == resumed


async def test_a_report_stream_hears_of_a_pause_and_of_its_end_at_once(ws: Harness) -> None:
    run, reporter = await running(ws)
    queue: asyncio.Queue[Any] = asyncio.Queue()

    async def say() -> Any:
        opening = reports_pb2.OpenReports(run=run.name, reporter=reporter)
        yield reports_pb2.StreamReportsRequest(open=opening)
        await queue.get()

    answers = ws.reports().StreamReports(say())
    async with asyncio.timeout(30):
        first = await answers.read()
        assert not first.directives
        await ws.runs().PauseRun(runs_pb2.PauseRunRequest(name=run.name))
        assert (await answers.read()).directives[0].HasField("pause")
        await ws.runs().ResumeRun(runs_pb2.ResumeRunRequest(name=run.name))
        assert not (await answers.read()).directives
    queue.put_nowait(None)


async def test_only_what_runs_is_paused(ws: Harness) -> None:
    pending = await ws.create_run()
    over = await ended(ws)
    for name in (pending.name, over.name):
        async with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
            await ws.runs().PauseRun(runs_pb2.PauseRunRequest(name=name))
        async with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
            await ws.runs().ResumeRun(runs_pb2.ResumeRunRequest(name=name))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.runs().PauseRun(runs_pb2.PauseRunRequest(name=ABSENT))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.runs().ResumeRun(runs_pb2.ResumeRunRequest(name=ABSENT))
    run, _ = await running(ws)
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await ws.runs().PauseRun(runs_pb2.PauseRunRequest(name=run.name, etag="x"))
    await ws.runs().PauseRun(runs_pb2.PauseRunRequest(name=run.name))
    stopping = await ws.runs().StopRun(runs_pb2.StopRunRequest(name=run.name))
    assert stopping.state == run_types_pb2.RUN_STATE_STOPPING


async def test_a_run_whose_last_step_ends_while_it_is_paused_ends(ws: Harness) -> None:
    run, reporter = await running(ws)
    await ws.add_steps(run.name, "only")
    await ws.report(run.name, reporter, step_report(2, "only", "RUNNING"))
    await ws.runs().PauseRun(runs_pb2.PauseRunRequest(name=run.name))
    answer = await ws.report(
        run.name, reporter, step_report(3, "only", "SUCCEEDED"), run_report(4, "SUCCEEDED")
    )
    assert [r.outcome for r in answer.results] == [reports_pb2.REPORT_OUTCOME_APPLIED] * 2
    assert (await get(ws, run.name)).state == run_types_pb2.RUN_STATE_SUCCEEDED


async def test_a_run_is_deleted_with_what_is_its_own(ws: Harness) -> None:
    run, reporter = await running(ws, run_id="old")
    await ws.add_steps(run.name, "only")
    stream = await ws.logs().CreateLogStream(
        logs_pb2.CreateLogStreamRequest(
            parent="projects/demo", log_stream_id="l1", log_stream={"run": run.name}
        )
    )
    version = await new_version(ws, "data")
    await ws.report(
        run.name,
        reporter,
        step_report(2, "only", "RUNNING"),
        step_report(3, "only", "SUCCEEDED", outputs={"out": version}),
    )
    async with refused("FAILED_PRECONDITION", "RUN_NOT_ENDED"):
        await ws.runs().DeleteRun(runs_pb2.DeleteRunRequest(name=run.name))
    await ws.report(run.name, reporter, run_report(4, "SUCCEEDED"))
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await ws.runs().DeleteRun(runs_pb2.DeleteRunRequest(name=run.name, etag=run.etag))
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await ws.runs(ws.token(EDITOR)).DeleteRun(runs_pb2.DeleteRunRequest(name=run.name))
    await ws.runs().DeleteRun(runs_pb2.DeleteRunRequest(name=run.name))
    for gone in (
        ws.runs().GetRun(runs_pb2.GetRunRequest(name=run.name)),
        ws.runs().DeleteRun(runs_pb2.DeleteRunRequest(name=run.name)),
        ws.steps().GetStep(steps_pb2.GetStepRequest(name=f"{run.name}/steps/only")),
        ws.logs().GetLogStream(logs_pb2.GetLogStreamRequest(name=stream.name)),
    ):
        async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
            await gone
    # What it made stays, and nobody counts it any more.
    await ws.artifacts().GetArtifactVersion(artifacts_pb2.GetArtifactVersionRequest(name=version))
    counts = await ws.runs().CountRuns(runs_pb2.CountRunsRequest(parent="projects/demo"))
    assert not counts.counts
    listed = await ws.events().ListEvents(
        events_pb2.ListEventsRequest(parent="projects/demo", resource_types=["weft.dev/Run"])
    )
    assert listed.events[-1].type == events_pb2.EVENT_TYPE_DELETED


async def test_a_run_whose_results_others_took_stays(ws: Harness) -> None:
    version = await new_version(ws, "data")
    maker, reporter = await running(ws)
    await ws.add_steps(maker.name, "make")
    await ws.report(
        maker.name,
        reporter,
        step_report(2, "make", "RUNNING"),
        step_report(3, "make", "SUCCEEDED", outputs={"out": version}),
        run_report(4, "SUCCEEDED"),
    )
    taker, reporter = await running(ws)
    await ws.add_steps(taker.name, "take")
    await ws.report(taker.name, reporter, step_report(2, "take", "RUNNING", inputs={"x": version}))
    async with (used := refused("FAILED_PRECONDITION", "RESOURCE_IN_USE")):
        await ws.runs().DeleteRun(runs_pb2.DeleteRunRequest(name=maker.name))
    assert used.error
    assert used.error.metadata["dependents"] == taker.name


async def test_the_graph_of_a_run_shows_steps_and_what_they_made(ws: Harness) -> None:
    snapshot = await ws.create_snapshot()
    version = await new_version(ws, "data")
    run, reporter = await running(ws, snapshot=snapshot.name)
    await ws.report(
        run.name,
        reporter,
        step_report(2, "load", "RUNNING"),
        step_report(3, "load", "SUCCEEDED", outputs={"rows": version}),
        step_report(4, "fit", "RUNNING", inputs={"data": version}),
    )
    graph = await ws.runs().GetRunGraph(runs_pb2.GetRunGraphRequest(name=run.name))
    assert [step.step_id for step in graph.steps] == ["load", "fit", "test"]
    assert list(graph.artifact_versions) == [version]
    assert sorted((e.source, e.target, e.slot) for e in graph.edges) == sorted(
        [
            ("load", "fit", ""),
            ("fit", "test", ""),
            ("load", version, "rows"),
            (version, "fit", "data"),
        ]
    )
    assert graph.revision > 0
    assert not graph.truncated
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.runs().GetRunGraph(runs_pb2.GetRunGraphRequest(name=ABSENT))


async def test_items_of_a_fan_out_are_counted_or_shown(ws: Harness) -> None:
    snapshot = await ws.create_snapshot(spec_step("each"), spec_step("all", "each"))
    run, reporter = await running(ws, snapshot=snapshot.name)
    items = [
        reports_pb2.NewStep(step_id=f"each-{n}", map_group="each", map_index=n) for n in range(20)
    ]
    await ws.reports().BatchCreateSteps(
        reports_pb2.BatchCreateStepsRequest(parent=run.name, steps=items)
    )
    await ws.report(run.name, reporter, step_report(2, "each-3", "RUNNING"))
    stub, request = ws.runs(), runs_pb2.GetRunGraphRequest(name=run.name)
    folded = await stub.GetRunGraph(request)
    assert [step.step_id for step in folded.steps] == ["each", "all"]
    assert dict(folded.steps[0].item_counts) == {"PENDING": 19, "RUNNING": 1}
    request.show_items = True
    whole = await stub.GetRunGraph(request)
    assert len(whole.steps) == 22
    assert {step.map_group for step in whole.steps[2:]} == {"each"}


async def test_a_graph_of_5000_steps_is_whole(ws: Harness) -> None:
    chain = [spec_step("s0"), *(spec_step(f"s{n}", f"s{n - 1}") for n in range(1, 5000))]
    snapshot = await ws.create_snapshot(*chain)
    run = await ws.create_run(snapshot=snapshot.name)
    graph = await ws.runs().GetRunGraph(runs_pb2.GetRunGraphRequest(name=run.name))
    assert (len(graph.steps), len(graph.edges), graph.truncated) == (5000, 4999, False)
