"""Service accounts at a workspace, and tokens that are limited to a scope: decided here alone."""

import uuid
from datetime import timedelta

import pytest

from meshkit.caller import CallerKind
from tests.workspace.harness import ADMIN, EDITOR, Harness, policy, refused
from weftapi.workspace.v1 import projects_pb2, run_types_pb2, runs_pb2, server_pb2

PROGRAM = f"serviceAccounts/{uuid.UUID(int=7)}"
GetProject = projects_pb2.GetProjectRequest(name="projects/demo")


def program_token(ws: Harness, **claims: str) -> str:
    return ws.mesh.signer.sign(
        CallerKind.SERVICE_ACCOUNT,
        PROGRAM,
        audience=ws.uid,
        lifetime=timedelta(hours=1),
        claims=claims,
    )


async def test_a_program_works_as_far_as_its_grants(ws: Harness) -> None:
    token = program_token(ws)
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await ws.projects(token).GetProject(GetProject)
    pushed = policy(revision=2)
    pushed.grants.add(subject=PROGRAM, role="editor", resource="projects/demo")
    ws.apply_policy(pushed)
    wanted = run_types_pb2.Run(pipeline="projects/demo/pipelines/train")
    run = await ws.runs(token).CreateRun(
        runs_pb2.CreateRunRequest(parent="projects/demo", run=wanted)
    )
    assert run.creator == PROGRAM
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await ws.projects(token).CreateProject(projects_pb2.CreateProjectRequest(project_id="x"))


@pytest.mark.parametrize("revoked", [PROGRAM, "sessions/the-key"])
async def test_a_program_that_is_shut_out_is_out(ws: Harness, revoked: str) -> None:
    pushed = policy(revision=2)
    pushed.grants.add(subject=PROGRAM, role="viewer")
    ws.apply_policy(pushed)
    token = program_token(ws, sid="the-key")
    await ws.projects(token).GetProject(GetProject)
    ws.clock.move(seconds=5)
    pushed.revision = 3
    pushed.revocations.add(subject=revoked).not_before.FromDatetime(ws.clock.now())
    ws.apply_policy(pushed)
    async with refused("UNAUTHENTICATED", "INVALID_CREDENTIAL"):
        await ws.projects(token).GetProject(GetProject)


async def test_a_scope_limits_what_a_role_allows(ws: Harness) -> None:
    run = (await ws.create_run()).name
    token = ws.token(ADMIN, scope="projects.get runs.get")
    await ws.projects(token).GetProject(GetProject)
    await ws.runs(token).GetRun(runs_pb2.GetRunRequest(name=run))
    for watch in (
        ws.runs(token).StopRun(runs_pb2.StopRunRequest(name=run)),
        ws.runs(token).ListRuns(runs_pb2.ListRunsRequest(parent="projects/demo")),
        ws.runs(token).WatchRuns(runs_pb2.WatchRunsRequest(parent="projects/demo")).read(),
    ):
        async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
            await watch
    # What nobody needs a permission for is open to it as well.
    await ws.server(token).GetServerInfo(server_pb2.GetServerInfoRequest())


async def test_a_scope_adds_nothing(ws: Harness) -> None:
    token = ws.token(EDITOR, scope="projects.get projects.delete")
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await ws.projects(token).DeleteProject(
            projects_pb2.DeleteProjectRequest(name="projects/demo")
        )


async def test_an_empty_scope_is_a_limit(ws: Harness) -> None:
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await ws.projects(ws.token(ADMIN, scope="")).GetProject(GetProject)
