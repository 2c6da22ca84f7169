"""Grants of one resource, and grants that end, as a workspace decides on them alone."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workspace.harness import STRANGER, Harness, policy, refused
from tests.workspace.log_clients import create_log, listing, write
from tests.workspace.test_access import refusals
from tests.workspace.test_artifacts import make, new
from weftapi.controlplane.v1 import enrollment_pb2
from weftapi.workspace.v1 import (
    artifacts_pb2,
    events_pb2,
    logs_pb2,
    projects_pb2,
    runs_pb2,
    steps_pb2,
)
from workspace.access import Grants

GUEST = f"users/{UUID(int=9)}"
DENIED = ("PERMISSION_DENIED", "NOT_PERMITTED")


def shared(
    *resources: str, role: str = "viewer", subject: str = GUEST, ends: datetime | None = None
) -> enrollment_pb2.Policy:
    """The usual policy, with grants of single resources to a guest."""
    pushed = policy(revision=2)
    for resource in resources:
        grant = pushed.grants.add(subject=subject, role=role, resource=resource)
        if ends:
            grant.expire_time.FromDatetime(ends)
    return pushed


def get_run(ws: Harness, run: str, subject: str = GUEST) -> Any:
    return ws.runs(ws.token(subject)).GetRun(runs_pb2.GetRunRequest(name=run))


async def test_a_shared_run_comes_with_its_steps_logs_and_artifacts(ws: Harness) -> None:
    run = (await ws.create_run()).name
    await ws.add_steps(run, "fit")
    log = await create_log(ws, run=run)
    await write(ws.logs(), log, 0, 3)
    (version,) = await make(ws, new("model", step=f"{run}/steps/fit", output="o"))
    ws.apply_policy(shared(run))
    token = ws.token(GUEST)
    assert (await get_run(ws, run)).name == run
    steps = await ws.steps(token).ListSteps(steps_pb2.ListStepsRequest(parent=run))
    assert [step.name for step in steps.steps] == [f"{run}/steps/fit"]
    await ws.steps(token).ListStepAttempts(
        steps_pb2.ListStepAttemptsRequest(parent=f"{run}/steps/fit")
    )
    found = await ws.logs(token).GetLogStream(logs_pb2.GetLogStreamRequest(name=log))
    assert found.run == run
    assert len(await listing(ws.logs(token), log)) == 3
    tail = ws.logs(token).TailLogs(logs_pb2.TailLogsRequest(log_stream=log))
    assert (await tail.read()).lines
    tail.cancel()
    told = await ws.artifacts(token).GetArtifactVersion(
        artifacts_pb2.GetArtifactVersionRequest(name=version.name)
    )
    assert told == version
    watch = ws.runs(token).WatchRun(runs_pb2.WatchRunRequest(name=run))
    assert (await watch.read()).revision
    watch.cancel()


async def test_a_shared_run_shows_none_of_its_neighbours(ws: Harness) -> None:
    run, other = (await ws.create_run()).name, (await ws.create_run()).name
    await ws.add_steps(run, "fit")
    await ws.add_steps(other, "fit")
    others_log = await create_log(ws, "other", run=other)
    (theirs,) = await make(ws, new("model", step=f"{other}/steps/fit", output="o"))
    (own,) = await make(ws, new("model", step=f"{run}/steps/fit", output="o"))
    ws.apply_policy(shared(run))
    token = ws.token(GUEST)
    denied = [
        get_run(ws, other),
        get_run(ws, f"{run}x"),
        get_run(ws, "projects/demo/runs/-"),
        ws.projects(token).GetProject(projects_pb2.GetProjectRequest(name="projects/demo")),
        ws.projects(token).ListProjects(projects_pb2.ListProjectsRequest()),
        ws.runs(token).ListRuns(runs_pb2.ListRunsRequest(parent="projects/demo")),
        ws.runs(token).ListRuns(runs_pb2.ListRunsRequest(parent="projects/-")),
        ws.runs(token).WatchRuns(runs_pb2.WatchRunsRequest(parent="projects/-")).read(),
        ws.events(token).ListEvents(events_pb2.ListEventsRequest(parent="projects/-")),
        ws.steps(token).ListSteps(steps_pb2.ListStepsRequest(parent=other)),
        ws.logs(token).ReadLogs(logs_pb2.ReadLogsRequest(log_stream=others_log)),
        ws.logs(token).ListLogStreams(logs_pb2.ListLogStreamsRequest(parent="projects/demo")),
        ws.artifacts(token).GetArtifact(
            artifacts_pb2.GetArtifactRequest(name="projects/demo/artifacts/model")
        ),
        ws.artifacts(token).GetArtifactVersion(
            artifacts_pb2.GetArtifactVersionRequest(name=theirs.name)
        ),
        ws.artifacts(token).ListArtifactVersions(
            artifacts_pb2.ListArtifactVersionsRequest(parent="projects/demo/artifacts/-")
        ),
        # Where it comes from, and what became of it, are its neighbours.
        ws.artifacts(token).GetLineage(artifacts_pb2.GetLineageRequest(name=own.name)),
        ws.runs(token).StopRun(runs_pb2.StopRunRequest(name=run)),
    ]
    for call in denied:
        async with refused(*DENIED):
            await call


async def test_what_was_not_shared_is_as_good_as_absent(ws: Harness) -> None:
    """A guest of one run learns of all others what a stranger does: nothing, to the byte."""
    run, other = (await ws.create_run()).name, (await ws.create_run()).name
    log = (await create_log(ws, run=other)).rpartition("/")[2]
    ws.apply_policy(shared(run))
    token = ws.token(GUEST)
    assert await refusals(ws, token, other) == await refusals(ws, ws.token(STRANGER), other)
    seen = set()
    for id_ in (log, "absent", "\0", "x" * 300, "../main", "-"):
        call = ws.logs(token).ReadLogs(
            logs_pb2.ReadLogsRequest(log_stream=f"projects/demo/logStreams/{id_}")
        )
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await call
        seen.add((error.value.code(), error.value.details()))
    for number in ("1", "9999999999", "0", "-"):
        call = ws.artifacts(token).GetArtifactVersion(
            artifacts_pb2.GetArtifactVersionRequest(
                name=f"projects/demo/artifacts/absent/versions/{number}"
            )
        )
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await call
        seen.add((error.value.code(), error.value.details()))
    assert len(seen) == 1
    assert {code for code, _ in seen} == {grpc.StatusCode.PERMISSION_DENIED}


async def test_a_shared_artifact_comes_with_its_versions_alone(ws: Harness) -> None:
    run = (await ws.create_run()).name
    await ws.add_steps(run, "fit")
    (version,) = await make(ws, new("model", step=f"{run}/steps/fit", output="o"))
    ws.apply_policy(shared("projects/demo/artifacts/model"))
    artifacts = ws.artifacts(ws.token(GUEST))
    listed = await artifacts.ListArtifactVersions(
        artifacts_pb2.ListArtifactVersionsRequest(parent="projects/demo/artifacts/model")
    )
    assert list(listed.artifact_versions) == [version]
    async with refused(*DENIED):
        await artifacts.GetLineage(artifacts_pb2.GetLineageRequest(name=version.name))
    async with refused(*DENIED):
        await get_run(ws, run)
    lineage = await ws.artifacts().GetLineage(artifacts_pb2.GetLineageRequest(name=version.name))
    assert list(lineage.artifact_versions) == [version]


async def test_an_editor_of_one_run_may_stop_that_one(ws: Harness) -> None:
    run, other = (await ws.create_run()).name, (await ws.create_run()).name
    ws.apply_policy(shared(run, role="editor"))
    runs = ws.runs(ws.token(GUEST))
    async with refused(*DENIED):
        await runs.StopRun(runs_pb2.StopRunRequest(name=other))
    await runs.StopRun(runs_pb2.StopRunRequest(name=run))
    async with refused(*DENIED):
        await runs.CreateRun(runs_pb2.CreateRunRequest(parent="projects/demo"))


async def test_a_grant_ends_though_the_control_plane_is_away(ws: Harness) -> None:
    run = (await ws.create_run()).name
    ws.apply_policy(shared(run, ends=ws.clock.now() + timedelta(hours=1)))
    before = ws.workspace.policies.revision
    ws.clock.move(minutes=59)
    await get_run(ws, run)
    assert ws.workspace.policies.revision == before
    ws.clock.move(minutes=1)
    async with refused(*DENIED):
        await get_run(ws, run)
    # Streams that it opened are decided on again.
    assert ws.workspace.policies.revision > before


async def test_an_open_watch_ends_with_the_grant(ws: Harness) -> None:
    run = (await ws.create_run()).name
    ws.apply_policy(shared(run, ends=ws.clock.now() + timedelta(minutes=5)))
    watch = ws.runs(ws.token(GUEST)).WatchRun(runs_pb2.WatchRunRequest(name=run))
    assert (await watch.read()).revision
    ws.clock.move(minutes=5)
    async with refused(*DENIED):
        while await watch.read() is not grpc.aio.EOF:
            pass


async def test_a_service_account_is_decided_on_as_a_person_is(ws: Harness) -> None:
    from meshkit.caller import CallerKind

    run = (await ws.create_run()).name
    robot = f"serviceAccounts/{uuid4()}"
    ws.apply_policy(shared("projects/demo", role="editor", subject=robot))

    def token(subject: str) -> str:
        return ws.mesh.signer.sign(
            CallerKind.SERVICE_ACCOUNT, subject, audience=ws.uid, lifetime=timedelta(hours=1)
        )

    await ws.runs(token(robot)).StopRun(runs_pb2.StopRunRequest(name=run))
    # The same UUID as a person's is another principal.
    async with refused(*DENIED):
        await get_run(ws, run, robot.replace("serviceAccounts", "users"))


IDS = ("a", "ab", "b")
NAMES = (
    "",
    *(f"projects/{p}" for p in IDS),
    *(f"projects/{p}/{c}/{i}" for p in IDS for c in ("runs", "artifacts") for i in IDS),
)
ASKED = (*NAMES, *(f"{name}/steps/a" for name in NAMES if name.count("/") == 3))
UNREADABLE = ("-", "projects/-", "projects/a/", "runs/a", "projects/a/runs", "projects/a/runs/-")
_NOW = datetime.fromisoformat("2026-01-01T00:00:00+00:00")


@given(
    st.lists(
        st.tuples(
            st.sampled_from(("users/1", "users/2")),
            st.sampled_from(("reader", "writer")),
            st.sampled_from((*NAMES, *UNREADABLE)),
            st.sampled_from((None, -1, 1)),
        ),
        max_size=6,
    ),
    st.sampled_from(ASKED),
    st.integers(0, 2),
)
def test_decisions_agree_with_comparing_names(
    granted: list[tuple[str, str, str, int | None]], asked: str, hours: int
) -> None:
    """The oracle: a grant that has not ended counts where its name is a prefix of the asked one."""
    roles = {"reader": {"runs.get"}, "writer": {"runs.get", "runs.stop"}}
    pushed = enrollment_pb2.Policy()
    for role, permissions in roles.items():
        pushed.roles.add(role=role, permissions=permissions)
    now, expected = _NOW + timedelta(hours=hours), set()
    for subject, role, resource, ends in granted:
        grant = pushed.grants.add(subject=subject, role=role, resource=resource)
        if ends is not None:
            grant.expire_time.FromDatetime(_NOW + timedelta(hours=ends))
        counts = ends is None or hours < ends
        above = asked.split("/")[: resource.count("/") + 1] == resource.split("/")
        if subject == "users/1" and counts and resource not in UNREADABLE:
            expected |= roles[role] if above or not resource else set()
    grants = Grants.compile(pushed, now)
    assert grants.valid_until > now
    held = {p for p in ("runs.get", "runs.stop") if grants.allows("users/1", p, asked)}
    assert held == expected
