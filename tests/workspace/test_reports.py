"""ReportService: claims, reports and what becomes of them, heartbeats, streams."""

import asyncio
from typing import Any
from uuid import uuid4

import grpc

from tests.workspace.harness import Harness, outcomes, refused, run_report, step_report
from weftapi.workspace.v1 import reports_pb2, run_types_pb2, runs_pb2, steps_pb2

Claim = reports_pb2.ClaimRunRequest


async def state_of(ws: Harness, run: str, step: str) -> run_types_pb2.Step:
    return await ws.steps().GetStep(steps_pb2.GetStepRequest(name=f"{run}/steps/{step}"))


async def prepared(ws: Harness, *steps: str) -> tuple[str, str]:
    """A running run with steps, and its reporter."""
    run, me = await ws.create_run(), str(uuid4())
    if steps:
        await ws.add_steps(run.name, *steps)
    await ws.report(run.name, me, run_report(1, "RUNNING"))
    return run.name, me


async def test_the_first_runner_holds_the_run(ws: Harness) -> None:
    snapshot = await ws.create_snapshot()
    run, me = await ws.create_run(snapshot=snapshot.name), str(uuid4())
    told = await ws.reports().ClaimRun(Claim(name=run.name, reporter=me))
    assert [step.step_id for step in told.steps] == ["load", "fit", "test"]
    assert told.artifact_store_uri.startswith("file://")
    await ws.report(run.name, me, run_report(1, "RUNNING"))
    again = await ws.reports().ClaimRun(Claim(name=run.name, reporter=me))
    assert again.acked_sequence == 1
    other = str(uuid4())
    async with refused("ABORTED", "ATTEMPT_FENCED"):
        await ws.reports().ClaimRun(Claim(name=run.name, reporter=other))
    async with refused("ABORTED", "ATTEMPT_FENCED"):
        await ws.report(run.name, other, run_report(1, "RUNNING"))
    async with refused("ABORTED", "ATTEMPT_FENCED"):
        beat = reports_pb2.HeartbeatRequest(run=run.name, reporter=other)
        await ws.reports().Heartbeat(beat)


async def test_a_run_that_has_ended_cannot_be_claimed(ws: Harness) -> None:
    run, me = await prepared(ws)
    await ws.report(run, me, run_report(2, "SUCCEEDED"))
    async with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
        await ws.reports().ClaimRun(Claim(name=run, reporter=me))


async def test_equal_lower_late_and_illegal_reports(ws: Harness) -> None:
    run, me = await prepared(ws, "fit")
    said = await ws.report(
        run,
        me,
        step_report(3, "fit", "RUNNING"),
        step_report(3, "fit", "RUNNING"),
        step_report(2, "fit", "PROVISIONING"),
        step_report(4, "fit", "CACHED"),
        step_report(5, "fit", "SUCCEEDED"),
        step_report(6, "fit", "FAILED"),
        step_report(6, "fit", "FAILED"),
        step_report(7, "absent", "RUNNING"),
    )
    assert outcomes(said) == [
        "APPLIED",
        "DUPLICATE",
        "STALE",
        "REJECTED",
        "APPLIED",
        "RECORDED",
        "DUPLICATE",
        "REJECTED",
    ]
    assert said.results[3].error.code == 9
    assert b"ILLEGAL_TRANSITION" in said.results[3].error.SerializeToString()
    assert said.results[7].error.code == 5
    step = await state_of(ws, run, "fit")
    assert step.state == run_types_pb2.STEP_STATE_SUCCEEDED


async def test_a_new_attempt_ends_the_one_before(ws: Harness) -> None:
    run, me = await prepared(ws, "fit")
    failure = run_types_pb2.Failure(
        kind=run_types_pb2.FAILURE_KIND_USER, code="EXCEPTION", message="first try"
    )
    said = await ws.report(
        run,
        me,
        step_report(2, "fit", "RUNNING", host="one"),
        step_report(3, "fit", "RETRYING", failure=failure),
        step_report(4, "fit", "RUNNING", attempt=2, host="two"),
        step_report(5, "fit", "RUNNING", attempt=3),
        step_report(6, "fit", "RUNNING", attempt=2),
        step_report(7, "fit", "SUCCEEDED", attempt=3),
    )
    assert outcomes(said) == ["APPLIED"] * 4 + ["STALE", "APPLIED"]
    attempts = await ws.steps().ListStepAttempts(
        steps_pb2.ListStepAttemptsRequest(parent=f"{run}/steps/fit")
    )
    shown = [
        (a.number, run_types_pb2.StepState.Name(a.state), a.host, a.HasField("end_time"))
        for a in attempts.step_attempts
    ]
    assert shown == [
        (1, "STEP_STATE_RETRYING", "one", True),
        (2, "STEP_STATE_RETRYING", "two", True),
        (3, "STEP_STATE_SUCCEEDED", "", True),
    ]
    assert attempts.step_attempts[0].failure.message == "first try"
    step = await state_of(ws, run, "fit")
    assert step.attempt_count == 3
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.steps().ListStepAttempts(
            steps_pb2.ListStepAttemptsRequest(parent=f"{run}/steps/absent")
        )


async def test_metadata_is_merged_and_logs_are_noted(ws: Harness) -> None:
    run, me = await prepared(ws, "fit")
    log = "projects/demo/logStreams/fit-1"
    await ws.report(
        run,
        me,
        step_report(2, "fit", "RUNNING", metadata={"loss": 3, "lr": 0.1}, log_stream=log),
        step_report(3, "fit", "RUNNING", metadata={"loss": 1}),
    )
    step = await state_of(ws, run, "fit")
    assert dict(step.metadata) == {"loss": 1, "lr": 0.1}
    assert step.log_stream == log


async def test_a_stop_is_told_until_the_run_has_ended(ws: Harness) -> None:
    run, me = await prepared(ws, "fit")
    await ws.runs().StopRun(runs_pb2.StopRunRequest(name=run, reason="enough"))
    beat = reports_pb2.HeartbeatRequest(run=run, reporter=me)
    for _ in range(2):
        told = await ws.reports().Heartbeat(beat)
        assert [d.stop.reason for d in told.directives] == ["enough"]
    said = await ws.report(run, me, step_report(2, "fit", "RUNNING"))
    assert said.directives
    said = await ws.report(run, me, run_report(3, "STOPPED"))
    assert not said.directives
    assert (await state_of(ws, run, "fit")).state == run_types_pb2.STEP_STATE_STOPPED
    assert not (await ws.reports().Heartbeat(beat)).directives


async def test_steps_are_added_while_the_run_executes(ws: Harness) -> None:
    run, me = await prepared(ws, "split")
    member = reports_pb2.NewStep(step_id="fit-0", upstream=["split"], map_group="fit", map_index=0)
    request = reports_pb2.BatchCreateStepsRequest(parent=run, steps=[member])
    first = await ws.reports().BatchCreateSteps(request)
    again = await ws.reports().BatchCreateSteps(request)
    assert again == first
    member.map_index = 1
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await ws.reports().BatchCreateSteps(
            reports_pb2.BatchCreateStepsRequest(parent=run, steps=[member])
        )
    unknown = reports_pb2.NewStep(step_id="lost", upstream=["absent"])
    async with refused("INVALID_ARGUMENT", "INVALID_PIPELINE_SPEC"):
        await ws.reports().BatchCreateSteps(
            reports_pb2.BatchCreateStepsRequest(parent=run, steps=[unknown])
        )
    listed = await ws.steps().ListSteps(
        steps_pb2.ListStepsRequest(parent=run, filter="map_group = fit")
    )
    assert [step.step_id for step in listed.steps] == ["fit-0"]
    await ws.report(run, me, run_report(2, "SUCCEEDED"))
    async with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
        await ws.add_steps(run, "late")


async def test_steps_that_are_added_at_once_are_told_apart(ws: Harness) -> None:
    """They meet in one transaction: each has an answer of its own, and each step is made once."""
    one, other = [(await prepared(ws, "split"))[0] for _ in range(2)]

    def adding(run: str, step: str, upstream: str) -> Any:
        new = reports_pb2.NewStep(step_id=step, upstream=[upstream])
        return reports_pb2.BatchCreateStepsRequest(parent=run, steps=[new])

    requests = [
        adding(one, "fit", "split"),
        adding(one, "fit", "split"),
        adding(one, "lost", "absent"),
        adding("projects/demo/runs/absent", "fit", "split"),
        adding(other, "fit", "split"),
        adding(one, "test", "split"),
    ]
    calls = [ws.reports().BatchCreateSteps(request) for request in requests]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    first, again, lost, absent, elsewhere, test = answers
    assert isinstance(first, reports_pb2.BatchCreateStepsResponse)
    assert again == first
    assert isinstance(lost, grpc.aio.AioRpcError)
    assert lost.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert isinstance(absent, grpc.aio.AioRpcError)
    assert absent.code() is grpc.StatusCode.NOT_FOUND
    assert isinstance(elsewhere, reports_pb2.BatchCreateStepsResponse)
    assert isinstance(test, reports_pb2.BatchCreateStepsResponse)
    listed = await ws.steps().ListSteps(steps_pb2.ListStepsRequest(parent=one))
    assert sorted(step.step_id for step in listed.steps) == ["fit", "split", "test"]
    run = await ws.runs().GetRun(runs_pb2.GetRunRequest(name=one))
    assert dict(run.step_counts) == {"PENDING": 3}


async def test_steps_are_listed_in_the_order_of_the_graph(ws: Harness) -> None:
    run, _ = await prepared(ws, "z", "a", "m")
    first = await ws.steps().ListSteps(steps_pb2.ListStepsRequest(parent=run, page_size=2))
    rest = await ws.steps().ListSteps(
        steps_pb2.ListStepsRequest(parent=run, page_size=2, page_token=first.next_page_token)
    )
    assert [s.step_id for p in (first, rest) for s in p.steps] == ["z", "a", "m"]
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.steps().ListSteps(steps_pb2.ListStepsRequest(parent="projects/demo/runs/absent"))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await state_of(ws, run, "absent")


class Reporter:
    """A report stream under way."""

    def __init__(self, ws: Harness, run: str, me: str) -> None:
        self.call = ws.reports().StreamReports()
        self.open = reports_pb2.OpenReports(run=run, reporter=me)

    async def start(self) -> Any:
        await self.call.write(reports_pb2.StreamReportsRequest(open=self.open))
        return await self.call.read()

    async def send(self, *reports: reports_pb2.Report) -> None:
        batch = reports_pb2.ReportBatch(reports=reports)
        await self.call.write(reports_pb2.StreamReportsRequest(batch=batch))

    async def until_acked(self, sequence: int) -> list[Any]:
        responses = [await self.call.read()]
        while responses[-1].acked_sequence < sequence:
            responses.append(await self.call.read())
        return responses


async def test_a_stream_acknowledges_what_is_durable_and_resumes(ws: Harness) -> None:
    run, me = str((await ws.create_run()).name), str(uuid4())
    await ws.add_steps(run, "a", "b")
    first = Reporter(ws, run, me)
    assert (await first.start()).acked_sequence == 0
    await first.send(run_report(1, "RUNNING"), step_report(2, "a", "RUNNING"))
    await first.send(step_report(3, "a", "SUCCEEDED"), step_report(5, "b", "RUNNING"))
    responses = await first.until_acked(3)
    assert all(not response.results for response in responses)
    first.call.cancel()

    second = Reporter(ws, run, me)
    # Report 4 is missing: 5 is durable, and yet not acknowledged.
    assert (await second.start()).acked_sequence == 3
    await second.send(
        step_report(4, "b", "PROVISIONING"),
        step_report(5, "b", "RUNNING"),
        step_report(6, "b", "CACHED"),
    )
    responses = await second.until_acked(6)
    results = [result for response in responses for result in response.results]
    assert outcomes(reports_pb2.BatchReportResponse(results=results)) == [
        "STALE",
        "DUPLICATE",
        "REJECTED",
    ]
    await ws.runs().StopRun(runs_pb2.StopRunRequest(name=run))
    # It is told at once, and with every answer until the run has ended.
    assert (await second.call.read()).directives
    beat = reports_pb2.StreamReportsRequest(heartbeat=reports_pb2.ReportHeartbeat())
    await second.call.write(beat)
    assert (await second.call.read()).directives
    await second.call.done_writing()
    assert await second.call.read() is grpc.aio.EOF


async def test_a_stream_begins_with_open_and_with_nothing_else(ws: Harness) -> None:
    run, me = await prepared(ws)
    stranger = Reporter(ws, run, str(uuid4()))
    async with refused("ABORTED", "ATTEMPT_FENCED"):
        await stranger.start()
    twice = Reporter(ws, run, me)
    await twice.start()
    await twice.call.write(reports_pb2.StreamReportsRequest(open=twice.open))
    async with refused("INVALID_ARGUMENT", "MALFORMED_MESSAGE"):
        await twice.call.read()


async def test_many_reporters_at_once_are_told_apart(ws: Harness) -> None:
    runs = [await ws.create_run() for _ in range(20)]
    await asyncio.gather(*(ws.add_steps(run.name, "a") for run in runs))

    async def one(run: Any) -> Any:
        said = await ws.report(
            run.name,
            str(uuid4()),
            run_report(1, "RUNNING"),
            step_report(2, "a", "RUNNING"),
            step_report(3, "a", "SUCCEEDED"),
            run_report(4, "SUCCEEDED"),
        )
        return outcomes(said)

    assert await asyncio.gather(*map(one, runs)) == [["APPLIED"] * 4] * 20
    counts = await ws.runs().CountRuns(runs_pb2.CountRunsRequest(parent="projects/demo"))
    assert counts.counts == {"SUCCEEDED": 20}
