"""How versions of models move between stages, who asks, and who decides."""

import asyncio
from random import Random
from typing import Any
from uuid import uuid4

import grpc
import pytest
import sqlalchemy as sa

from tests.workspace.harness import ADMIN, EDITOR, VIEWER, Harness, refused
from tests.workspace.modeling import (
    ARCHIVED,
    DEMO,
    FRAUD,
    NONE,
    PRODUCTION,
    STAGING,
    ask,
    get,
    history,
    move,
    new_model,
    new_version,
)
from weftapi.workspace.v1 import model_stages_pb2, model_types_pb2, models_pb2

APPROVED = model_types_pb2.STAGE_REQUEST_STATE_APPROVED
DENIED = model_types_pb2.STAGE_REQUEST_STATE_DENIED
WITHDRAWN = model_types_pb2.STAGE_REQUEST_STATE_WITHDRAWN


async def approve(ws: Harness, name: str, *, token: str | None = None, **more: Any) -> Any:
    request = model_stages_pb2.ApproveStageRequestRequest(name=name, **more)
    return await ws.models(token).ApproveStageRequest(request)


async def deny(ws: Harness, name: str, comment: str = "") -> Any:
    request = model_stages_pb2.DenyStageRequestRequest(name=name, comment=comment)
    return await ws.models().DenyStageRequest(request)


async def withdraw(ws: Harness, name: str, token: str | None = None) -> Any:
    request = model_stages_pb2.WithdrawStageRequestRequest(name=name)
    return await ws.models(token).WithdrawStageRequest(request)


async def two_versions(ws: Harness, **fields: Any) -> None:
    await new_model(ws, **fields)
    await new_version(ws)
    await new_version(ws)


async def test_a_version_moves_and_its_history_says_who_when_and_why(ws: Harness) -> None:
    await two_versions(ws)
    await move(ws, 1, STAGING, comment="try it", token=ws.token(EDITOR))
    moved = await move(ws, "staging", PRODUCTION)
    assert moved.stage == PRODUCTION
    assert (await get(ws, "production")).number == 1
    request = model_stages_pb2.ListStageTransitionsRequest(parent=FRAUD, filter="to = STAGING")
    (line,) = (await ws.models().ListStageTransitions(request)).stage_transitions
    assert (line.creator, line.comment, line.to) == (EDITOR, "try it", STAGING)
    assert line.create_time.ToSeconds() > 0
    assert await history(ws) == [("1", "STAGING", "PRODUCTION"), ("1", "NONE", "STAGING")]
    assert await history(ws, filter="number = 2") == []


async def test_moving_where_it_is_changes_nothing(ws: Harness) -> None:
    await two_versions(ws)
    moved = await move(ws, 1, STAGING)
    assert await move(ws, 1, STAGING) == moved
    assert len(await history(ws)) == 1


async def test_a_held_stage_is_given_up_only_when_said(ws: Harness) -> None:
    await two_versions(ws)
    await move(ws, 1, PRODUCTION)
    async with refused("FAILED_PRECONDITION", "STAGE_HELD") as refusal:
        await move(ws, 2, PRODUCTION)
    assert refusal.error
    assert refusal.error.metadata["holder"] == f"{FRAUD}/versions/1"
    assert (await get(ws, "production")).number == 1
    await move(ws, 2, PRODUCTION, demote=True)
    assert (await get(ws, "production")).number == 2
    assert (await get(ws, "1")).stage == ARCHIVED
    request = model_stages_pb2.ListStageTransitionsRequest(parent=FRAUD, filter="to = ARCHIVED")
    (line,) = (await ws.models().ListStageTransitions(request)).stage_transitions
    assert line.successor == f"{FRAUD}/versions/2"
    # Nobody gives way to those who leave.
    await move(ws, 2, NONE)
    model = await ws.models().GetModel(models_pb2.GetModelRequest(name=FRAUD))
    assert model.production_version == ""


async def test_bad_moves_are_refused(ws: Harness) -> None:
    await two_versions(ws)
    first = await get(ws, "1")
    await move(ws, 1, STAGING)
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await move(ws, 1, PRODUCTION, etag=first.etag)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await move(ws, 9, STAGING)
    for stage in (0, 99):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await move(ws, 1, stage)
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await move(ws, 1, PRODUCTION, token=ws.token(VIEWER))
    request_id = str(uuid4())
    moved = await move(ws, 1, ARCHIVED, request_id=request_id)
    assert await move(ws, 1, ARCHIVED, request_id=request_id) == moved


async def test_a_guarded_stage_takes_two_people(ws: Harness) -> None:
    await two_versions(ws, approval_stages=[PRODUCTION])
    editor = ws.token(EDITOR)
    async with refused("FAILED_PRECONDITION", "APPROVAL_REQUIRED"):
        await move(ws, 1, PRODUCTION)
    request = await ask(ws, 1, token=editor, comment="auc 0.95")
    assert (request.creator, request.comment, request.stage) == (EDITOR, "auc 0.95", PRODUCTION)
    got = model_stages_pb2.GetStageRequestRequest(name=request.name)
    assert await ws.models().GetStageRequest(got) == request
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await ask(ws, 1)
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await approve(ws, request.name, token=editor)
    assert (await get(ws, "1")).stage == NONE
    decided = await approve(ws, request.name, comment="looks right")
    assert (decided.state, decided.decider) == (APPROVED, ADMIN)
    assert (await get(ws, "production")).number == 1
    transitions = model_stages_pb2.ListStageTransitionsRequest(parent=FRAUD)
    (line,) = (await ws.models().ListStageTransitions(transitions)).stage_transitions
    assert (line.creator, line.comment, line.stage_request) == (ADMIN, "looks right", request.name)
    for again in (approve(ws, request.name), deny(ws, request.name)):
        async with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
            await again


async def test_nobody_approves_what_they_ask_for(ws: Harness) -> None:
    await two_versions(ws, approval_stages=[PRODUCTION])
    request = await ask(ws, 1)
    async with refused("PERMISSION_DENIED", "OWN_REQUEST"):
        await approve(ws, request.name)
    async with refused("PERMISSION_DENIED", "NOT_OWN_REQUEST"):
        await withdraw(ws, request.name, ws.token(EDITOR))
    assert (await withdraw(ws, request.name)).state == WITHDRAWN
    async with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
        await withdraw(ws, request.name)
    # It makes room for another one.
    other = await ask(ws, 1, token=ws.token(EDITOR))
    assert (await deny(ws, other.name, "not yet")).decision_comment == "not yet"
    assert (await get(ws, "1")).stage == NONE


async def test_requests_are_listed_by_state(ws: Harness) -> None:
    await two_versions(ws)
    first, second = await ask(ws, 1), await ask(ws, 2, STAGING)
    denied = await deny(ws, first.name)
    assert denied.state == DENIED

    async def listed(parent: str, filter_: str = "") -> list[str]:
        request = model_stages_pb2.ListStageRequestsRequest(parent=parent, filter=filter_)
        return [r.name for r in (await ws.models().ListStageRequests(request)).stage_requests]

    assert await listed(FRAUD) == [second.name, first.name]
    assert await listed(f"{DEMO}/models/-", "state = PENDING") == [second.name]
    assert await listed(FRAUD, f'creator = "{EDITOR}"') == []
    async with refused("INVALID_ARGUMENT", "INVALID_FILTER"):
        await listed(FRAUD, "stage = STAGING")
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await listed("projects/absent/models/-")


async def test_bad_requests_are_refused(ws: Harness) -> None:
    await two_versions(ws)
    await move(ws, 1, PRODUCTION)
    async with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
        await ask(ws, 1)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ask(ws, 9)
    for missing in (str(uuid4()), "no-uuid"):
        name = f"{FRAUD}/stageRequests/{missing}"
        async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
            await ws.models().GetStageRequest(model_stages_pb2.GetStageRequestRequest(name=name))
        async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
            await approve(ws, name)
    # The request of one model is not found through another.
    await new_model(ws, "churn")
    request = await ask(ws, 2, token=ws.token(EDITOR))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await approve(ws, request.name.replace("fraud", "churn"))
    # A stage that was free when somebody asked may be taken when somebody decides.
    async with refused("FAILED_PRECONDITION", "STAGE_HELD"):
        await approve(ws, request.name)
    await move(ws, 1, ARCHIVED)
    await approve(ws, request.name)
    # What is reached already needs no approval any more.
    late = await ask(ws, 2, STAGING, token=ws.token(EDITOR))
    await move(ws, 2, STAGING)
    async with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
        await approve(ws, late.name)


async def test_of_many_who_decide_at_once_one_decides(ws: Harness) -> None:
    await two_versions(ws, approval_stages=[PRODUCTION])
    request = await ask(ws, 1, token=ws.token(EDITOR))
    said = await asyncio.gather(
        *(approve(ws, request.name) if n % 2 else deny(ws, request.name) for n in range(10)),
        return_exceptions=True,
    )
    refusals = [each for each in said if isinstance(each, grpc.aio.AioRpcError)]
    assert len(refusals) == 9
    (decided,) = [each for each in said if not isinstance(each, BaseException)]
    stage = (await get(ws, "1")).stage
    assert (decided.state == APPROVED) == (stage == PRODUCTION)
    assert len(await history(ws)) == (decided.state == APPROVED)


async def test_of_many_who_promote_at_once_one_holds_the_stage(ws: Harness) -> None:
    await new_model(ws)
    for _ in range(8):
        await new_version(ws)
    await asyncio.gather(*(move(ws, n, PRODUCTION, demote=True) for n in range(1, 9)))
    listed = await ws.models().ListModelVersions(models_pb2.ListModelVersionsRequest(parent=FRAUD))
    stages = [version.stage for version in listed.model_versions]
    assert (stages.count(PRODUCTION), stages.count(ARCHIVED)) == (1, 7)


async def test_the_database_itself_holds_one_version_in_a_stage(ws: Harness) -> None:
    await two_versions(ws)
    await move(ws, 1, PRODUCTION)

    def force(session: Any) -> None:
        session.connection().execute(
            sa.text("UPDATE model_versions SET stage = 'PRODUCTION' WHERE number = 2")
        )

    with pytest.raises(sa.exc.IntegrityError):
        await ws.workspace.database.write(force)


async def test_any_walk_is_what_the_history_tells(ws: Harness) -> None:
    """An oracle of a dictionary: who is where after each move, and the history replayed."""
    for seed in range(12):
        random = Random(seed)
        stages = (NONE, STAGING, PRODUCTION, ARCHIVED)
        steps = [
            (random.randint(1, 3), random.choice(stages), random.random() < 0.5) for _ in range(10)
        ]
        await _walk(ws, f"walk-{seed}", steps)


async def _walk(ws: Harness, model: str, steps: list[Any]) -> None:
    parent = f"{DEMO}/models/{model}"
    await new_model(ws, model)
    for _ in range(3):
        await new_version(ws, parent=parent)
    where = dict.fromkeys((1, 2, 3), NONE)
    for number, stage, demote in steps:
        holder = next((n for n, s in where.items() if s == stage), 0)
        blocked = stage in (STAGING, PRODUCTION) and holder not in (0, number)
        request = model_stages_pb2.TransitionModelVersionStageRequest(
            name=f"{parent}/versions/{number}", stage=stage, demote_existing=demote
        )
        if blocked and not demote:
            async with refused("FAILED_PRECONDITION", "STAGE_HELD"):
                await ws.models().TransitionModelVersionStage(request)
            continue
        await ws.models().TransitionModelVersionStage(request)
        if blocked:
            where[holder] = ARCHIVED
        where[number] = stage
    listed = await ws.models().ListModelVersions(models_pb2.ListModelVersionsRequest(parent=parent))
    assert {version.number: version.stage for version in listed.model_versions} == where
    replayed = dict.fromkeys((1, 2, 3), "NONE")
    for version, before, after in reversed(await history(ws, parent, page_size=500)):
        assert replayed[int(version)] == before
        replayed[int(version)] = after
    names = {number: model_types_pb2.ModelStage.Name(stage)[12:] for number, stage in where.items()}
    assert replayed == names
