"""Who may do what: the policy, revocations, run tokens, and how refusals look."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc

from meshkit.spiffe import Role, SpiffeId
from tests.workspace.harness import (
    ADMIN,
    DEMO_EDITOR,
    EDITOR,
    STRANGER,
    VIEWER,
    FakeClock,
    Harness,
    TestMesh,
    policy,
    refused,
    run_report,
    step_report,
    workspace,
)
from tests.workspace.test_artifacts import make, new
from weftapi.workspace.v1 import (
    artifacts_pb2,
    events_pb2,
    pipelines_pb2,
    projects_pb2,
    reports_pb2,
    runs_pb2,
    server_pb2,
    snapshots_pb2,
    steps_pb2,
)

GetRun = runs_pb2.GetRunRequest
_HASH = "c" * 64


async def status(call: Any) -> tuple[Any, ...]:
    """What a refused caller sees, to the byte; except for the id of the request."""
    try:
        if hasattr(call, "read"):
            await call.read()
        else:
            await call
    except grpc.aio.AioRpcError as error:
        details = dict(error.trailing_metadata())
        details.pop("x-request-id", None)
        return error.code(), error.details(), tuple(sorted(details.items()))
    raise AssertionError("not refused")


def every_call(ws: Harness, token: str, run: str) -> dict[str, Any]:
    """One call of every method, about a run and its project."""
    project = run.rpartition("/runs/")[0]
    version = f"{project}/artifacts/a/versions/1"
    reporter = str(uuid4())

    async def opening() -> AsyncIterator[Any]:
        yield reports_pb2.StreamReportsRequest(
            open=reports_pb2.OpenReports(run=run, reporter=reporter)
        )

    async def stream() -> None:
        async for _ in ws.reports(token).StreamReports(opening()):
            pass

    projects, runs, steps = ws.projects(token), ws.runs(token), ws.steps(token)
    snapshots, reports, artifacts = ws.snapshots(token), ws.reports(token), ws.artifacts(token)
    pipelines, events = ws.pipelines(token), ws.events(token)
    return {
        "GetProject": projects.GetProject(projects_pb2.GetProjectRequest(name=project)),
        "ListProjects": projects.ListProjects(projects_pb2.ListProjectsRequest()),
        "CreateProject": projects.CreateProject(projects_pb2.CreateProjectRequest(project_id="x")),
        "UpdateProject": projects.UpdateProject(
            projects_pb2.UpdateProjectRequest(project=projects_pb2.Project(name=project))
        ),
        "DeleteProject": projects.DeleteProject(projects_pb2.DeleteProjectRequest(name=project)),
        "GetPipeline": pipelines.GetPipeline(
            pipelines_pb2.GetPipelineRequest(name=f"{project}/pipelines/train")
        ),
        "ListPipelines": pipelines.ListPipelines(
            pipelines_pb2.ListPipelinesRequest(parent=project)
        ),
        "GetLatestRuns": pipelines.GetLatestRuns(
            pipelines_pb2.GetLatestRunsRequest(parent=project, pipelines=["train"])
        ),
        "GetSnapshot": snapshots.GetSnapshot(
            snapshots_pb2.GetSnapshotRequest(name=f"{project}/snapshots/s")
        ),
        "ListSnapshots": snapshots.ListSnapshots(
            snapshots_pb2.ListSnapshotsRequest(parent=project)
        ),
        "CreateSnapshot": snapshots.CreateSnapshot(
            snapshots_pb2.CreateSnapshotRequest(parent=project)
        ),
        "RunSnapshot": snapshots.RunSnapshot(
            snapshots_pb2.RunSnapshotRequest(name=f"{project}/snapshots/s")
        ),
        "GetRun": runs.GetRun(GetRun(name=run)),
        "ListRuns": runs.ListRuns(runs_pb2.ListRunsRequest(parent=project)),
        "CountRuns": runs.CountRuns(runs_pb2.CountRunsRequest(parent=project)),
        "CreateRun": runs.CreateRun(runs_pb2.CreateRunRequest(parent=project)),
        "StopRun": runs.StopRun(runs_pb2.StopRunRequest(name=run)),
        "RetryRun": runs.RetryRun(runs_pb2.RetryRunRequest(name=run)),
        "WatchRun": runs.WatchRun(runs_pb2.WatchRunRequest(name=run)),
        "WatchRuns": runs.WatchRuns(runs_pb2.WatchRunsRequest(parent=project)),
        "GetStep": steps.GetStep(steps_pb2.GetStepRequest(name=f"{run}/steps/a")),
        "ListSteps": steps.ListSteps(steps_pb2.ListStepsRequest(parent=run)),
        "ListStepAttempts": steps.ListStepAttempts(
            steps_pb2.ListStepAttemptsRequest(parent=f"{run}/steps/a")
        ),
        "LookupStepCache": steps.LookupStepCache(
            steps_pb2.LookupStepCacheRequest(parent=project, cache_key=_HASH)
        ),
        "ClaimRun": reports.ClaimRun(reports_pb2.ClaimRunRequest(name=run, reporter=reporter)),
        "BatchCreateSteps": reports.BatchCreateSteps(
            reports_pb2.BatchCreateStepsRequest(
                parent=run, steps=[reports_pb2.NewStep(step_id="x")]
            )
        ),
        "StreamReports": stream(),
        "BatchReport": reports.BatchReport(
            reports_pb2.BatchReportRequest(
                run=run, reporter=reporter, reports=[run_report(1, "RUNNING")]
            )
        ),
        "Heartbeat": reports.Heartbeat(reports_pb2.HeartbeatRequest(run=run, reporter=reporter)),
        "GetArtifact": artifacts.GetArtifact(
            artifacts_pb2.GetArtifactRequest(name=f"{project}/artifacts/a")
        ),
        "ListArtifacts": artifacts.ListArtifacts(
            artifacts_pb2.ListArtifactsRequest(parent=project)
        ),
        "GetArtifactVersion": artifacts.GetArtifactVersion(
            artifacts_pb2.GetArtifactVersionRequest(name=version)
        ),
        "ListArtifactVersions": artifacts.ListArtifactVersions(
            artifacts_pb2.ListArtifactVersionsRequest(parent=f"{project}/artifacts/-")
        ),
        "BatchCreateArtifactVersions": artifacts.BatchCreateArtifactVersions(
            artifacts_pb2.BatchCreateArtifactVersionsRequest(parent=project)
        ),
        "GetLineage": artifacts.GetLineage(artifacts_pb2.GetLineageRequest(name=version)),
        "WatchEvents": events.WatchEvents(events_pb2.WatchEventsRequest(parent=project)),
        "ListEvents": events.ListEvents(events_pb2.ListEventsRequest(parent=project)),
    }


UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED


async def refusals(ws: Harness, token: str, run: str) -> dict[str, tuple[Any, ...]]:
    calls = every_call(ws, token, run)
    return {name: await status(call) for name, call in calls.items()}


async def test_a_stranger_cannot_tell_what_exists(ws: Harness) -> None:
    run = (await ws.create_run()).name
    await ws.add_steps(run, "a")
    token = ws.token(STRANGER)
    existing = await refusals(ws, token, run)
    absent = await refusals(ws, token, "projects/absent/runs/absent")
    assert existing == absent
    assert {found[0] for found in existing.values()} == {grpc.StatusCode.PERMISSION_DENIED}


async def test_nobody_gets_in_without_a_credential(ws: Harness) -> None:
    for token in ("", "nonsense", ws.token(ADMIN, lifetime=timedelta(seconds=-60))):
        found = await refusals(ws, token, "projects/demo/runs/r")
        others = {name: why for name, why in found.items() if why[0] is not UNAUTHENTICATED}
        assert not others
    foreign = ws.mesh.token(ADMIN, str(uuid4()), lifetime=timedelta(hours=1))
    async with refused("UNAUTHENTICATED", "INVALID_CREDENTIAL"):
        await ws.runs(foreign).GetRun(GetRun(name="projects/demo/runs/r"))


async def test_garbage_is_refused_before_it_is_looked_at(ws: Harness) -> None:
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await ws.runs(ws.token(DEMO_EDITOR)).GetRun(GetRun(name="nonsense"))
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await ws.runs().GetRun(GetRun(name="nonsense"))


async def test_roles_reach_as_far_as_their_grants(ws: Harness) -> None:
    await ws.create_project("other")
    run = await ws.create_run()
    other = await ws.create_run(project="other")
    viewer, demo = ws.token(VIEWER), ws.token(DEMO_EDITOR)
    await ws.runs(viewer).GetRun(GetRun(name=run.name))
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await ws.runs(viewer).StopRun(runs_pb2.StopRunRequest(name=run.name))
    await ws.runs(demo).GetRun(GetRun(name=run.name))
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await ws.runs(demo).GetRun(GetRun(name=other.name))
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await ws.projects(ws.token(EDITOR)).DeleteProject(
            projects_pb2.DeleteProjectRequest(name="projects/demo")
        )


async def test_a_revoked_token_is_dead_and_a_newer_one_is_not(ws: Harness) -> None:
    old, session = ws.token(EDITOR), str(uuid4())
    of_session = ws.token(VIEWER, sid=session)
    request = projects_pb2.GetProjectRequest(name="projects/demo")
    await ws.projects(old).GetProject(request)
    ws.clock.move(seconds=5)
    pushed = policy(revision=2)
    for subject in (EDITOR, f"sessions/{session}"):
        pushed.revocations.add(subject=subject).not_before.FromDatetime(ws.clock.now())
    ws.apply_policy(pushed)
    for token in (old, of_session):
        async with refused("UNAUTHENTICATED", "INVALID_CREDENTIAL"):
            await ws.projects(token).GetProject(request)
    ws.clock.move(seconds=2)
    await ws.projects(ws.token(EDITOR)).GetProject(request)


async def test_people_wait_when_the_policy_is_too_old_and_runs_go_on(ws: Harness) -> None:
    run = await ws.create_run()
    run_token = await ws.run_token(run.name)
    person = ws.token(ADMIN, lifetime=timedelta(days=3))
    info = server_pb2.GetServerInfoRequest()
    await ws.server(person).GetServerInfo(info)
    short_lived = policy(revision=2)
    short_lived.max_age.FromTimedelta(timedelta(minutes=1))
    ws.apply_policy(short_lived)
    ws.clock.move(minutes=2)
    async with refused("UNAVAILABLE", "POLICY_EXPIRED"):
        await ws.server(person).GetServerInfo(info)
    await ws.runs(run_token).GetRun(GetRun(name=run.name))
    ws.apply_policy(policy(revision=3))
    await ws.server(person).GetServerInfo(info)


async def test_a_restart_away_from_the_control_plane_changes_nothing(
    tmp_path: Path, database_url: str
) -> None:
    clock = FakeClock()
    mesh = TestMesh.make(tmp_path, clock)
    identity = SpiffeId("test.mesh", Role.WORKSPACE, uuid4(), uuid4())
    shared = {"mesh": mesh, "identity": identity, "clock": clock}
    async with workspace(tmp_path, database_url, **shared) as ws:
        await ws.create_project()
    kept = tmp_path / "data" / "policy.binpb"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "data" / "run-token-key.pem").stat().st_mode & 0o777 == 0o600
    async with workspace(tmp_path, database_url, **shared) as ws:
        assert ws.workspace.policies.revision == 1
        await ws.projects().GetProject(projects_pb2.GetProjectRequest(name="projects/demo"))


async def test_a_run_token_opens_its_own_run_and_nothing_else(ws: Harness) -> None:
    snapshot = await ws.create_snapshot()
    run = (await ws.create_run(snapshot=snapshot.name)).name
    other = (await ws.create_run(snapshot=snapshot.name)).name
    token, me = await ws.run_token(run), str(uuid4())
    reports, steps = ws.reports(token), ws.steps(token)
    await reports.ClaimRun(reports_pb2.ClaimRunRequest(name=run, reporter=me))
    await ws.report(run, me, step_report(1, "load", "RUNNING"), token=token)
    await steps.GetStep(steps_pb2.GetStepRequest(name=f"{run}/steps/load"))
    await steps.LookupStepCache(
        steps_pb2.LookupStepCacheRequest(parent="projects/demo", cache_key=_HASH)
    )
    await ws.snapshots(token).GetSnapshot(snapshots_pb2.GetSnapshotRequest(name=snapshot.name))
    (version,) = await make(ws, new("a", step=f"{run}/steps/load", output="o"), token=token)
    await ws.artifacts(token).GetArtifactVersion(
        artifacts_pb2.GetArtifactVersionRequest(name=version.name)
    )
    denied = [
        ws.runs(token).GetRun(GetRun(name=other)),
        steps.ListSteps(steps_pb2.ListStepsRequest(parent=other)),
        reports.ClaimRun(reports_pb2.ClaimRunRequest(name=other, reporter=me)),
        reports.Heartbeat(reports_pb2.HeartbeatRequest(run=other, reporter=me)),
        ws.runs(token).GetRun(GetRun(name=run + "x")),
        ws.runs(token).WatchRun(runs_pb2.WatchRunRequest(name=other)).read(),
        steps.LookupStepCache(
            steps_pb2.LookupStepCacheRequest(parent="projects/other", cache_key=_HASH)
        ),
        ws.snapshots(token).GetSnapshot(
            snapshots_pb2.GetSnapshotRequest(name="projects/demo/snapshots/other")
        ),
        make(ws, new("a", step=f"{other}/steps/load", output="o"), token=token),
        make(ws, new("a"), token=token),
    ]
    for call in denied:
        async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
            await call
    for call in (
        ws.runs(token).StopRun(runs_pb2.StopRunRequest(name=run)),
        ws.runs(token).ListRuns(runs_pb2.ListRunsRequest(parent="projects/demo")),
        ws.events(token).ListEvents(events_pb2.ListEventsRequest(parent="projects/demo")),
        ws.projects(token).GetProject(projects_pb2.GetProjectRequest(name="projects/demo")),
    ):
        async with refused("PERMISSION_DENIED", "CALLER_NOT_ALLOWED"):
            await call


async def test_a_run_token_dies_ten_minutes_after_its_run(ws: Harness) -> None:
    run, me = (await ws.create_run()).name, str(uuid4())
    token = await ws.run_token(run)
    await ws.report(run, me, run_report(1, "RUNNING"), token=token)
    await ws.report(run, me, run_report(2, "SUCCEEDED"), token=token)
    ws.clock.move(minutes=9)
    await ws.runs(token).GetRun(GetRun(name=run))
    ws.clock.move(minutes=2)
    async with refused("UNAUTHENTICATED", "INVALID_CREDENTIAL"):
        await ws.runs(token).GetRun(GetRun(name=run))


async def test_a_heartbeat_renews_a_token_past_half_its_life(ws: Harness) -> None:
    run, me = (await ws.create_run()).name, str(uuid4())
    token = await ws.run_token(run)
    beat = reports_pb2.HeartbeatRequest(run=run, reporter=me)
    assert not (await ws.reports(token).Heartbeat(beat)).run_token
    ws.clock.move(minutes=31)
    fresh = (await ws.reports(token).Heartbeat(beat)).run_token
    assert fresh
    ws.clock.move(minutes=35)
    async with refused("UNAUTHENTICATED", "INVALID_CREDENTIAL"):
        await ws.reports(token).Heartbeat(beat)
    await ws.reports(fresh).Heartbeat(beat)
    assert not (await ws.reports(ws.token(EDITOR)).Heartbeat(beat)).run_token


async def test_a_person_cannot_pose_as_a_run(ws: Harness) -> None:
    from meshkit.caller import CallerKind

    run = (await ws.create_run()).name
    forged = ws.mesh.signer.sign(
        CallerKind.RUN, f"{run}/attempts/1", audience=ws.uid, lifetime=timedelta(hours=1)
    )
    async with refused("UNAUTHENTICATED", "INVALID_CREDENTIAL"):
        await ws.runs(forged).GetRun(GetRun(name=run))


async def test_changes_and_denials_stand_in_the_audit_log(ws: Harness) -> None:
    import sqlalchemy as sa

    from workspace.store.schema import MESH_TABLES

    run = await ws.create_run()
    await ws.runs().StopRun(runs_pb2.StopRunRequest(name=run.name))
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await ws.runs(ws.token(STRANGER)).GetRun(GetRun(name=run.name))
    await ws.workspace.database.write(lambda session: None)
    table = MESH_TABLES.audit_events.c

    def rows(session: Any) -> list[Any]:
        query = sa.select(table.action, table.actor, table.resource, table.code)
        return list(session.connection().execute(query.order_by(table.sequence)))

    async with asyncio.timeout(10):
        found = await ws.workspace.database.read(rows)
        while len(found) < 4:
            found = await ws.workspace.database.read(rows)
    assert [tuple(row) for row in found] == [
        ("ProjectService.CreateProject", ADMIN, "projects/demo", 0),
        ("RunService.CreateRun", ADMIN, run.name, 0),
        ("RunService.StopRun", ADMIN, run.name, 0),
        ("RunService.GetRun", STRANGER, run.name, 7),
    ]


async def test_the_feed_is_for_whoever_is_signed_in(tmp_path: Path, database_url: str) -> None:
    async with workspace(tmp_path, database_url) as ws:
        info = await ws.events(ws.token(STRANGER)).GetFeedInfo(events_pb2.GetFeedInfoRequest())
        assert info.epoch
        told = await ws.server(ws.token(STRANGER)).GetServerInfo(server_pb2.GetServerInfoRequest())
        assert told.workspace == "workspaces/lab"
        assert "watches" in told.features
