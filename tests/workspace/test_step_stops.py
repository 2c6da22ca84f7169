"""A person stops one step of a run: the wish stands, the runner hears it, the step ends."""

from typing import Any
from uuid import uuid4

from google.protobuf.duration_pb2 import Duration

from tests.workspace.harness import (
    ADMIN,
    VIEWER,
    Harness,
    outcomes,
    refused,
    run_report,
    step_report,
)
from tests.workspace.test_run_changes import get, running, steps_of
from weftapi.workspace.v1 import events_pb2, reports_pb2, run_types_pb2, runs_pb2, steps_pb2

GRACEFUL, FORCE = run_types_pb2.STOP_MODE_GRACEFUL, run_types_pb2.STOP_MODE_FORCE


def state(name: str) -> run_types_pb2.StepState.ValueType:
    return run_types_pb2.StepState.Value(f"STEP_STATE_{name}")


async def stop(ws: Harness, run: str, step: str, **fields: Any) -> run_types_pb2.Step:
    request = steps_pb2.StopStepRequest(name=f"{run}/steps/{step}", **fields)
    return await ws.steps().StopStep(request)


async def told(ws: Harness, run: str, reporter: str) -> list[reports_pb2.StepStop]:
    heartbeat = reports_pb2.HeartbeatRequest(run=run, reporter=reporter)
    directives = (await ws.reports().Heartbeat(heartbeat)).directives
    return [d.step_stop for d in directives if d.HasField("step_stop")]


async def going(ws: Harness, *steps: str) -> tuple[str, str]:
    """A run whose first step runs."""
    run, reporter = await running(ws)
    await ws.add_steps(run.name, *steps)
    await ws.report(run.name, reporter, step_report(2, steps[0], "RUNNING"))
    return run.name, reporter


async def test_a_step_stops_with_a_reason_and_the_one_who_asked(ws: Harness) -> None:
    run, reporter = await going(ws, "fit", "test")
    request_id = str(uuid4())
    asked = await stop(
        ws, run, "fit", reason="diverges", grace=Duration(seconds=5), request_id=request_id
    )
    assert (asked.state, asked.state_reason) == (state("STOPPING"), "diverges")
    wish = asked.stop_request
    assert (wish.requester, wish.mode, wish.reason) == (ADMIN, GRACEFUL, "diverges")
    assert wish.grace.seconds == 5
    again = await stop(
        ws, run, "fit", reason="diverges", grace=Duration(seconds=5), request_id=request_id
    )
    assert again == asked
    assert [(w.step_id, w.request) for w in await told(ws, run, reporter)] == [("fit", wish)]
    said = await ws.report(run, reporter, step_report(3, "fit", "STOPPING"))
    assert outcomes(said) == ["APPLIED"]
    said = await ws.report(run, reporter, step_report(4, "fit", "STOPPED", reason="told"))
    assert outcomes(said) == ["APPLIED"]
    assert not said.directives
    assert not await told(ws, run, reporter)
    ended = (await steps_of(ws, run))["fit"]
    assert (ended.state, ended.stop_request) == (state("STOPPED"), wish)
    attempts = await ws.steps().ListStepAttempts(
        steps_pb2.ListStepAttemptsRequest(parent=f"{run}/steps/fit")
    )
    assert [a.state for a in attempts.step_attempts] == [state("STOPPED")]
    listed = await ws.events().ListEvents(
        events_pb2.ListEventsRequest(parent="projects/demo", resource_types=["weft.dev/Step"])
    )
    moved = [e.transition for e in listed.events if e.name == ended.name and e.transition.to]
    assert [m.to for m in moved] == ["RUNNING", "STOPPING", "STOPPED"]


async def test_force_follows_grace_and_not_the_other_way_round(ws: Harness) -> None:
    run, reporter = await going(ws, "fit")
    assert (await stop(ws, run, "fit")).stop_request.grace.seconds == 60
    forced = await stop(ws, run, "fit", mode=FORCE)
    assert (forced.stop_request.mode, forced.stop_request.grace.seconds) == (FORCE, 0)
    assert await stop(ws, run, "fit") == forced
    (wish,) = await told(ws, run, reporter)
    assert wish.request.mode == FORCE


async def test_a_runner_that_has_not_heard_does_not_bring_the_step_back(ws: Harness) -> None:
    run, reporter = await going(ws, "fit")
    await stop(ws, run, "fit", reason="diverges")
    said = await ws.report(
        run,
        reporter,
        step_report(3, "fit", "RETRYING"),
        step_report(4, "fit", "RUNNING", attempt=2),
    )
    assert outcomes(said) == ["APPLIED", "APPLIED"]
    step = (await steps_of(ws, run))["fit"]
    assert (step.state, step.state_reason, step.attempt_count) == (
        state("STOPPING"),
        "diverges",
        2,
    )
    await ws.report(run, reporter, step_report(5, "fit", "STOPPED", attempt=2))
    assert (await steps_of(ws, run))["fit"].state == state("STOPPED")


async def test_a_step_that_has_not_started_waits_for_its_runner_to_hear(ws: Harness) -> None:
    run, reporter = await going(ws, "fit", "test")
    assert (await stop(ws, run, "test")).state == state("PENDING")
    assert [w.step_id for w in await told(ws, run, reporter)] == ["test"]
    await ws.report(run, reporter, step_report(3, "test", "STOPPED", attempt=0))
    assert not await told(ws, run, reporter)
    assert (await get(ws, run)).step_counts["STOPPED"] == 1


async def test_what_a_stopped_step_asked_is_moot(ws: Harness) -> None:
    run, reporter = await going(ws, "ask")
    made = await ws.reports().CreateRunCondition(
        reports_pb2.CreateRunConditionRequest(
            parent=run,
            condition_id="go",
            run_condition=run_types_pb2.RunCondition(question="Go on?", step_id="ask"),
        )
    )
    assert (await steps_of(ws, run))["ask"].state == state("PAUSED")
    await stop(ws, run, "ask")
    found = await ws.runs().GetRunCondition(runs_pb2.GetRunConditionRequest(name=made.name))
    assert found.state == run_types_pb2.RUN_CONDITION_STATE_CANCELLED
    assert (await get(ws, run)).open_condition_count == 0
    assert (await steps_of(ws, run))["ask"].state == state("STOPPING")
    await ws.report(run, reporter, step_report(3, "ask", "STOPPED"))


async def test_the_end_of_a_run_ends_the_wish(ws: Harness) -> None:
    run, reporter = await going(ws, "fit")
    await stop(ws, run, "fit")
    await ws.report(run, reporter, run_report(9, "FAILED"))
    assert (await steps_of(ws, run))["fit"].state == state("FAILED")
    assert not await told(ws, run, reporter)
    async with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
        await stop(ws, run, "fit")


async def test_what_cannot_be_stopped_says_why(ws: Harness) -> None:
    run, reporter = await going(ws, "fit", *(f"fit-{number}" for number in range(257)))
    for name in (f"{run}/steps/absent", "projects/demo/runs/absent/steps/fit"):
        async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
            await ws.steps().StopStep(steps_pb2.StopStepRequest(name=name))
    for broken in ({"reason": "x" * 513}, {"grace": Duration(seconds=86401)}):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await stop(ws, run, "fit", **broken)
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        request = steps_pb2.StopStepRequest(name=f"{run}/steps/fit")
        await ws.steps(ws.token(VIEWER)).StopStep(request)
    for number in range(256):
        await stop(ws, run, f"fit-{number}")
    async with refused("RESOURCE_EXHAUSTED", "TOO_MANY_STOPPING_STEPS"):
        await stop(ws, run, "fit")
    await stop(ws, run, "fit-0", mode=FORCE)
    await ws.report(run, reporter, step_report(3, "fit-0", "STOPPED", attempt=0))
    await stop(ws, run, "fit")
    await ws.report(run, reporter, step_report(4, "fit", "SUCCEEDED"))
    async with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
        await stop(ws, run, "fit")
