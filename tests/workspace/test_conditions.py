"""Conditions: a step asks people, and goes on when somebody has answered."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from meshkit.spiffe import Role, SpiffeId
from tests.workspace.harness import (
    DEMO_EDITOR,
    EDITOR,
    VIEWER,
    FakeClock,
    Harness,
    TestMesh,
    outcomes,
    refused,
    run_report,
    step_report,
    workspace,
)
from weftapi.workspace.v1 import events_pb2, reports_pb2, run_types_pb2, runs_pb2, steps_pb2

State = run_types_pb2.RunConditionState
APPROVE, DENY = runs_pb2.CONDITION_DECISION_APPROVE, runs_pb2.CONDITION_DECISION_DENY
SCHEMA = {
    "type": "object",
    "properties": {"stage": {"enum": ["staging", "production"]}},
    "required": ["stage"],
}


class Asking:
    """A run whose only step runs, and asks."""

    def __init__(self, ws: Harness, run: str, reporter: str) -> None:
        self.ws, self.run, self.reporter = ws, run, reporter

    @classmethod
    async def begin(cls, ws: Harness) -> "Asking":
        run, reporter = await ws.create_run(), str(uuid4())
        await ws.add_steps(run.name, "gate")
        await ws.report(
            run.name, reporter, run_report(1, "RUNNING"), step_report(2, "gate", "RUNNING")
        )
        return cls(ws, run.name, reporter)

    async def ask(self, id_: str = "go", **fields: Any) -> run_types_pb2.RunCondition:
        said = {"question": "Deploy it?", "step_id": "gate", **fields}
        return await self.ws.reports().CreateRunCondition(
            reports_pb2.CreateRunConditionRequest(
                parent=self.run, condition_id=id_, run_condition=said
            )
        )

    async def resolve(
        self, decision: Any = APPROVE, *, token: str | None = None, **fields: Any
    ) -> run_types_pb2.RunCondition:
        fields.setdefault("name", f"{self.run}/conditions/go")
        return await self.ws.runs(token).ResolveRunCondition(
            runs_pb2.ResolveRunConditionRequest(decision=decision, **fields)
        )

    async def get(self, id_: str = "go", *, wait_s: int = 0) -> run_types_pb2.RunCondition:
        return await self.ws.runs().GetRunCondition(
            runs_pb2.GetRunConditionRequest(
                name=f"{self.run}/conditions/{id_}", wait=Duration(seconds=wait_s)
            )
        )

    async def shown(self) -> tuple[int, str, str]:
        """Open conditions and reason of the run, and the state of the step."""
        run = await self.ws.runs().GetRun(runs_pb2.GetRunRequest(name=self.run))
        step = await self.ws.steps().GetStep(
            steps_pb2.GetStepRequest(name=f"{self.run}/steps/gate")
        )
        state = run_types_pb2.StepState.Name(step.state).removeprefix("STEP_STATE_")
        return run.open_condition_count, run.state_reason, state


@pytest.fixture
async def asking(ws: Harness) -> Asking:
    return await Asking.begin(ws)


def in_future(**by: float) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(datetime.now(UTC) + timedelta(**by))
    return stamp


async def test_a_step_waits_until_somebody_says_yes(asking: Asking) -> None:
    asked = await asking.ask(answer_schema=SCHEMA)
    assert asked.state == State.RUN_CONDITION_STATE_OPEN
    assert await asking.shown() == (1, "Waits for an answer: Deploy it?", "PAUSED")
    assert await asking.get() == asked
    resolved = await asking.resolve(
        answer={"struct_value": {"stage": "staging"}},
        comment="tested",
        token=asking.ws.token(EDITOR),
    )
    assert resolved.state == State.RUN_CONDITION_STATE_APPROVED
    assert (resolved.resolver, resolved.comment) == (EDITOR, "tested")
    assert resolved.answer.struct_value["stage"] == "staging"
    assert resolved.HasField("resolve_time")
    assert await asking.shown() == (0, "", "RUNNING")
    assert await asking.get(wait_s=30) == resolved
    answer = await asking.ws.report(
        asking.run, asking.reporter, step_report(3, "gate", "SUCCEEDED"), run_report(4, "SUCCEEDED")
    )
    assert outcomes(answer) == ["APPLIED", "APPLIED"]


async def test_whoever_waits_hears_the_answer_at_once(asking: Asking) -> None:
    await asking.ask()
    waiting = asyncio.create_task(asking.get(wait_s=30))
    await asyncio.sleep(0)
    await asking.resolve(DENY)
    async with asyncio.timeout(25):
        assert (await waiting).state == State.RUN_CONDITION_STATE_DENIED


async def test_asking_again_finds_the_answer(asking: Asking) -> None:
    asked = await asking.ask()
    assert await asking.ask() == asked
    resolved = await asking.resolve()
    assert await asking.ask() == resolved
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await asking.ask(question="Something else?")


async def test_an_answer_is_given_once(asking: Asking) -> None:
    await asking.ask()
    request_id = str(uuid4())
    first = await asking.resolve(request_id=request_id)
    assert await asking.resolve(request_id=request_id) == first
    async with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
        await asking.resolve(DENY)


async def test_an_answer_fits_what_was_asked(asking: Asking) -> None:
    asked = await asking.ask(answer_schema=SCHEMA)
    for value in (None, {"string_value": "x"}, {"struct_value": {"stage": "moon"}}):
        async with refused("INVALID_ARGUMENT", "INVALID_PARAMETERS"):
            await asking.resolve(answer=value)
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await asking.resolve(runs_pb2.CONDITION_DECISION_UNSPECIFIED)
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await asking.resolve(etag="x")
    # Who says no need say no more.
    assert (await asking.resolve(DENY, etag=asked.etag)).state == State.RUN_CONDITION_STATE_DENIED
    await asking.ask("plain")
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await asking.resolve(name=f"{asking.run}/conditions/plain", answer={"string_value": "more"})


async def test_only_those_who_are_named_may_answer(asking: Asking) -> None:
    ws = asking.ws
    await asking.ask(approvers=[DEMO_EDITOR])
    async with refused("PERMISSION_DENIED", "NOT_AN_APPROVER"):
        await asking.resolve(token=ws.token(EDITOR))
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await asking.resolve(token=ws.token(VIEWER))
    # The runner that asks cannot answer itself.
    async with refused("PERMISSION_DENIED", "CALLER_NOT_ALLOWED"):
        await asking.resolve(token=await ws.run_token(asking.run))
    assert (await asking.resolve(token=ws.token(DEMO_EDITOR))).resolver == DEMO_EDITOR


async def test_a_run_token_asks_and_hears_for_its_own_run_alone(asking: Asking) -> None:
    ws = asking.ws
    token, other = await ws.run_token(asking.run), await Asking.begin(ws)
    condition = run_types_pb2.RunCondition(question="Go?", step_id="gate")

    async def ask(run: str) -> run_types_pb2.RunCondition:
        return await ws.reports(token).CreateRunCondition(
            reports_pb2.CreateRunConditionRequest(
                parent=run, condition_id="c", run_condition=condition
            )
        )

    asked = await ask(asking.run)
    heard = runs_pb2.GetRunConditionRequest(name=asked.name)
    assert await ws.runs(token).GetRunCondition(heard) == asked
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await ask(other.run)


async def test_a_question_becomes_moot_with_time(tmp_path: Path, database_url: str) -> None:
    async with workspace(tmp_path, database_url, reaper_interval_s=0.2) as ws:
        await ws.create_project()
        asking = await Asking.begin(ws)
        await asking.ask(expire_time=in_future(seconds=300))
        waiting = asyncio.create_task(asking.get(wait_s=30))
        ws.clock.move(seconds=301)
        assert (await waiting).state == State.RUN_CONDITION_STATE_EXPIRED
        assert await asking.shown() == (0, "", "RUNNING")
        async with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
            await asking.resolve()


async def test_the_end_of_a_run_cancels_what_it_asked(asking: Asking) -> None:
    await asking.ask()
    await asking.ws.report(asking.run, asking.reporter, run_report(3, "FAILED"))
    assert (await asking.get()).state == State.RUN_CONDITION_STATE_CANCELLED
    count, _, step = await asking.shown()
    assert (count, step) == (0, "FAILED")
    async with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
        await asking.resolve()
    async with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
        await asking.ask("late")


async def test_a_step_that_did_not_wait_for_the_answer_ends(asking: Asking) -> None:
    await asking.ask()
    answer = await asking.ws.report(
        asking.run, asking.reporter, step_report(3, "gate", "SUCCEEDED")
    )
    assert outcomes(answer) == ["APPLIED"]
    assert (await asking.shown())[2] == "SUCCEEDED"


async def test_conditions_are_listed_and_watched(asking: Asking) -> None:
    ws = asking.ws
    for id_ in ("a", "b", "c"):
        await asking.ask(id_)
    await asking.resolve(name=f"{asking.run}/conditions/b")

    async def listed(**fields: Any) -> Any:
        request = runs_pb2.ListRunConditionsRequest(**{"parent": asking.run, **fields})
        return await ws.runs().ListRunConditions(request)

    first = await listed(page_size=2)
    rest = await listed(page_size=2, page_token=first.next_page_token)
    names = [c.name.rsplit("/", 1)[1] for page in (first, rest) for c in page.run_conditions]
    assert names == ["a", "b", "c"]
    assert len((await listed(filter="state = OPEN")).run_conditions) == 2
    seen = await ws.events().ListEvents(
        events_pb2.ListEventsRequest(
            parent="projects/demo", resource_types=["weft.dev/RunCondition"]
        )
    )
    assert [e.transition.to for e in seen.events] == ["", "", "", "APPROVED"]
    waiting = await listed(parent="projects/demo/runs/-", filter="state = OPEN")
    assert [c.name.rsplit("/", 1)[1] for c in waiting.run_conditions] == ["a", "c"]
    for absent in ("projects/demo/runs/absent", "projects/absent/runs/-"):
        async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
            await listed(parent=absent)
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await listed(parent="projects/demo/runs/-/conditions/a")


async def test_what_cannot_be_asked_is_refused(asking: Asking) -> None:
    for broken in (
        {"question": ""},
        {"question": "x" * 2049},
        {"id_": "../x"},
        {"id_": "A"},
        {"step_id": "a/b"},
    ):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await asking.ask(**broken)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await asking.ask(step_id="absent")
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await Asking(asking.ws, "projects/demo/runs/absent", "").ask()
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await asking.get("absent")
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await asking.resolve(name=f"{asking.run}/conditions/absent")


async def test_a_question_survives_a_restart(tmp_path: Path, database_url: str) -> None:
    clock = FakeClock()
    mesh = TestMesh.make(tmp_path, clock)
    identity = SpiffeId("test.mesh", Role.WORKSPACE, uuid4(), uuid4())
    shared = {"mesh": mesh, "identity": identity, "clock": clock}
    async with workspace(tmp_path, database_url, **shared) as ws:
        await ws.create_project()
        before = await Asking.begin(ws)
        await before.ask()
    async with workspace(tmp_path, database_url, **shared) as ws:
        after = Asking(ws, before.run, before.reporter)
        waiting = asyncio.create_task(after.get(wait_s=30))
        await after.resolve()
        assert (await waiting).state == State.RUN_CONDITION_STATE_APPROVED
