"""Quotas: what has no room is refused, what goes makes room, and no count is ever wrong."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest

from meshkit.errors import MeshError
from meshkit.spiffe import Role, SpiffeId
from meshkit.status import from_rpc_error
from tests.workspace.alerting import new_alerter
from tests.workspace.connector_clients import connect
from tests.workspace.fakes import FakeManager
from tests.workspace.harness import (
    DOMAIN,
    FakeClock,
    Harness,
    TestMesh,
    refused,
    run_report,
    step_report,
    workspace,
)
from tests.workspace.modeling import new_model, new_version
from tests.workspace.scheduling import planned
from tests.workspace.secret_clients import create as create_secret
from tests.workspace.stacks import new_stack, new_store
from tests.workspace.test_artifacts import make, new, running
from tests.workspace.test_builds import new as new_build
from tests.workspace.test_logs_quotas import limit
from tests.workspace.triggering import finish, new_trigger, settled, short
from tests.workspace.webhooking import new_webhook
from weftapi.workspace.v1 import (
    artifacts_pb2,
    code_repositories_pb2,
    projects_pb2,
    runs_pb2,
    secrets_pb2,
    server_pb2,
    stacks_pb2,
)
from workspace.backup.checks import check
from workspace.quotas import Quota, reached

DEMO = "projects/demo"
FULL = ("RESOURCE_EXHAUSTED", "QUOTA_REACHED")


async def usage(
    ws: Harness, parent: str = DEMO, token: str | None = None
) -> dict[str, tuple[int, int]]:
    """Use and limit of each quota."""
    request = server_pb2.GetUsageRequest(parent=parent)
    found = await ws.server(token).GetUsage(request)
    return {quota.quota: (quota.use, quota.limit) for quota in found.quotas}


async def used(ws: Harness, quota: str, parent: str = DEMO) -> int:
    return (await usage(ws, parent))[quota][0]


async def delete(ws: Harness, run: str) -> None:
    await ws.runs().DeleteRun(runs_pb2.DeleteRunRequest(name=run))


async def counts_are_right(ws: Harness) -> None:
    assert await check(ws.workspace.settings.database) == []


async def outcome(call: Awaitable[Any]) -> str:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return from_rpc_error(error).reason
    return "OK"


async def test_a_quota_that_is_reached_says_what_to_do_and_breaks_no_run(ws: Harness) -> None:
    await limit(ws, max_runs=2)
    run, me = await running(ws, "load")
    last = await ws.create_run()
    async with (full := refused(*FULL)):
        await ws.create_run()
    assert full.error
    assert full.error.metadata == {"quota": "runs", "scope": DEMO, "use": "2", "limit": "2"}
    assert full.error.message == (
        "The quota of runs of projects/demo leaves no room: 2 of 2 are taken. To make room, delete "
        "runs, or let retention archive old ones (weft runs archive policy); or raise it with "
        "`weft projects update demo --max-runs`."
    )
    assert full.error.retry_after_s is None
    # Other projects have room, and below its use a limit takes nothing away.
    await ws.create_project("other")
    await ws.create_run(project="other")
    await limit(ws, max_runs=1)
    assert await usage(ws) | {"runs": (2, 1)} == await usage(ws)
    said = [step_report(2, "load", "RUNNING"), step_report(3, "load", "SUCCEEDED")]
    answer = await ws.report(run, me, *said, run_report(4, "SUCCEEDED"))
    assert not [result for result in answer.results if result.error.code]
    await delete(ws, run)
    async with refused(*FULL):
        await ws.create_run()
    await limit(ws, max_runs=2)
    await ws.create_run()
    async with refused(*FULL):
        await ws.create_run()
    await limit(ws, max_runs=0)
    await ws.create_run()
    assert (await ws.runs().GetRun(runs_pb2.GetRunRequest(name=last.name))).uid == last.uid
    await counts_are_right(ws)


async def test_who_asks_at_once_for_the_last_places_gets_no_more_of_them(ws: Harness) -> None:
    await limit(ws, max_runs=3, max_snapshots=3)
    runs = await asyncio.gather(*(outcome(ws.create_run()) for _ in range(10)))
    assert sorted(runs) == ["OK"] * 3 + ["QUOTA_REACHED"] * 7
    made = await asyncio.gather(*(outcome(ws.create_snapshot()) for _ in range(10)))
    assert sorted(made) == ["OK"] * 3 + ["QUOTA_REACHED"] * 7
    assert (await used(ws, "runs"), await used(ws, "snapshots")) == (3, 3)
    await counts_are_right(ws)


@pytest.fixture
async def replicas(tmp_path: Path, postgres_url: str) -> AsyncIterator[list[Harness]]:
    """Two servers of one workspace that may keep six runs in all, with two projects."""
    clock = FakeClock()
    shared: dict[str, Any] = {
        "clock": clock,
        "mesh": TestMesh.make(tmp_path, clock),
        "identity": SpiffeId(DOMAIN, Role.WORKSPACE, uuid4(), uuid4()),
        "quota_runs": 6,
    }
    async with AsyncExitStack() as stack:
        found = [
            await stack.enter_async_context(workspace(tmp_path, postgres_url, **shared))
            for _ in range(2)
        ]
        await found[0].create_project()
        await found[0].create_project("other")
        yield found


async def test_replicas_together_give_away_no_more_than_there_is(replicas: list[Harness]) -> None:
    await limit(replicas[0], max_runs=4)
    asked = [
        ws.create_run(project=project)
        for _ in range(8)
        for ws in replicas
        for project in ("demo", "other")
    ]
    outcomes = await asyncio.gather(*map(outcome, asked))
    assert sorted(outcomes) == ["OK"] * 6 + ["QUOTA_REACHED"] * 26
    uses = [await used(replicas[1], "runs", parent) for parent in ("", DEMO)]
    assert uses[0] == 6
    assert uses[1] <= 4
    await counts_are_right(replicas[0])


async def test_the_same_request_counts_once(ws: Harness) -> None:
    await limit(ws, max_runs=1, max_automations=1)
    request = runs_pb2.CreateRunRequest(
        parent=DEMO, run={"pipeline": f"{DEMO}/pipelines/train"}, request_id=str(uuid4())
    )
    first = await ws.runs().CreateRun(request)
    assert await ws.runs().CreateRun(request) == first
    fields = {"request_id": str(uuid4()), "snapshot": (await ws.create_snapshot()).name}
    trigger = await new_trigger(ws, **fields)
    assert await new_trigger(ws, **fields) == trigger
    # A refusal is not stored: the same request has room later.
    refused_request = runs_pb2.CreateRunRequest()
    refused_request.CopyFrom(request)
    refused_request.request_id = str(uuid4())
    async with refused(*FULL):
        await ws.runs().CreateRun(refused_request)
    await limit(ws, max_runs=2)
    await ws.runs().CreateRun(refused_request)
    assert (await used(ws, "runs"), await used(ws, "automations")) == (2, 1)
    await counts_are_right(ws)


async def a_version(ws: Harness) -> None:
    await new_version(ws)


async def a_code_repository(ws: Harness) -> None:
    repository = code_repositories_pb2.CodeRepository(
        kind=code_repositories_pb2.CODE_REPOSITORY_KIND_GITHUB, url="https://github.com/acme/models"
    )
    await ws.code_repositories().CreateCodeRepository(
        code_repositories_pb2.CreateCodeRepositoryRequest(
            parent=DEMO, code_repository_id=f"c-{uuid4().hex[:8]}", code_repository=repository
        )
    )


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid4().hex[:8]}"


# What adds one to each quota of a project.
GROWING: list[tuple[str, Callable[[Harness], Awaitable[Any]]]] = [
    ("pipelines", lambda ws: ws.builds().CreateBuild(new_build(pipeline=f"{DEMO}/pipelines/p"))),
    ("snapshots", lambda ws: ws.create_snapshot()),
    ("snapshots", lambda ws: ws.builds().CreateBuild(new_build())),
    ("model_versions", a_version),
    ("automations", lambda ws: new_webhook(ws, unique("w"))),
    ("automations", lambda ws: new_alerter(ws, unique("a"))),
    ("automations", a_code_repository),
    ("artifact_versions", lambda ws: make(ws, new("data"))),
    ("artifact_bytes", lambda ws: make(ws, new("data", size_bytes=1))),
    ("runs", lambda ws: ws.create_run()),
]


async def test_everything_that_can_grow_has_a_quota(ws: Harness) -> None:
    await new_model(ws)
    await ws.create_snapshot()
    # There must be something: 0 is no limit.
    for _, grow in GROWING[1:]:
        await grow(ws)
    for quota, grow in GROWING:
        before = await used(ws, quota)
        await limit(ws, **{f"max_{quota}": before})
        async with (full := refused(*FULL)):
            await grow(ws)
        assert full.error
        assert full.error.metadata["quota"] == quota
        await limit(ws, **{f"max_{quota}": before + 1})
        await grow(ws)
        assert (await usage(ws))[quota] == (before + 1, before + 1)
        await limit(ws, **{f"max_{quota}": 0})
    await counts_are_right(ws)


async def test_the_workspace_has_quotas_over_all_projects(
    tmp_path: Path, database_url: str
) -> None:
    limits = {"quota_projects": 2, "quota_infrastructure": 4, "quota_runs": 3}
    async with workspace(tmp_path, database_url, **limits) as ws:
        await ws.create_project()
        await ws.create_project("other")
        async with (full := refused(*FULL)):
            await ws.create_project("third")
        assert full.error
        assert full.error.metadata["scope"] == "workspace"
        assert "raises WEFT_WORKSPACE_QUOTA_PROJECTS" in full.error.message
        await ws.projects().DeleteProject(projects_pb2.DeleteProjectRequest(name="projects/other"))
        await ws.create_project("third")
        stack = await new_stack(ws, "lab", await new_store(ws))
        login = {"registry": "registry.example.com", "username": "me"}
        await connect(ws, "docker", "password", login, password="hunter2-hunter2")
        # Nobody but its maker sees a private secret, and it counts all the same.
        private = {"scope": secrets_pb2.SECRET_SCOPE_PRIVATE}
        secret = await create_secret(ws, "mine", **private)
        async with refused(*FULL):
            await create_secret(ws, "ours", **private)
        async with refused(*FULL):
            await create_secret(ws, "ours")
        await ws.secrets().DeleteSecret(secrets_pb2.DeleteSecretRequest(name=secret.name))
        await create_secret(ws, "ours")
        await ws.stacks().DeleteStack(stacks_pb2.DeleteStackRequest(name=stack.name))
        assert await used(ws, "infrastructure", "") == 3
        runs = [await ws.create_run(project=project) for project in ("demo", "third", "third")]
        async with refused(*FULL):
            await ws.create_run()
        assert await used(ws, "runs", "") == len(runs)
        await counts_are_right(ws)


async def test_what_steps_make_is_never_lost_and_new_runs_wait(ws: Harness) -> None:
    await new_model(ws)
    await limit(ws, max_artifact_versions=2, max_artifact_bytes=1_000, max_model_versions=1)
    run, me = await running(ws, "load")
    other = await ws.create_run()
    step = f"{run}/steps/load"
    made = await make(ws, *(new("data", step=step, output=f"o{n}") for n in range(3)))
    for of_run in (run, other.name):
        await new_version(ws, run=of_run)
    assert (await used(ws, "artifact_versions"), await used(ws, "model_versions")) == (3, 2)
    async with refused(*FULL):
        await make(ws, new("data"))
    async with refused(*FULL):
        await new_version(ws)
    async with (full := refused(*FULL)):
        await ws.create_run()
    assert full.error
    assert full.error.metadata["quota"] == "artifact_versions"
    await ws.report(run, me, step_report(2, "load", "SUCCEEDED"), run_report(3, "SUCCEEDED"))
    for version in made[:2]:
        await ws.artifacts().DeleteArtifactVersion(
            artifacts_pb2.DeleteArtifactVersionRequest(name=version.name)
        )
    await ws.create_run()
    await make(ws, new("data", size_bytes=1_000))
    await limit(ws, max_artifact_versions=9)
    async with refused(*FULL):
        await make(ws, new("data", size_bytes=1))
    await ws.artifacts().DeleteArtifact(
        artifacts_pb2.DeleteArtifactRequest(name=f"{DEMO}/artifacts/data")
    )
    assert await used(ws, "artifact_bytes") == 0
    await counts_are_right(ws)


async def test_all_or_none_of_a_batch_of_versions_has_room(ws: Harness) -> None:
    await limit(ws, max_artifact_versions=2)
    async with refused(*FULL):
        await make(ws, new("data"), new("data"), new("model"))
    assert await used(ws, "artifact_versions") == 0
    await make(ws, new("data"), new("model"))


async def test_a_trigger_whose_run_has_no_room_says_so_and_keeps_no_other(
    tmp_path: Path, database_url: str
) -> None:
    async with workspace(tmp_path, database_url, managers=FakeManager()) as ws:
        await ws.create_project()
        await new_trigger(ws)
        await limit(ws, max_runs=1)
        run = await finish(ws)
        [full] = await settled(ws)
        assert short(full) == "FAILED"
        assert "The quota of runs of projects/demo leaves no room" in full.reason
        await limit(ws, max_runs=3)
        await delete(ws, run.name)
        await finish(ws)
        assert [short(firing) for firing in await settled(ws, 2)] == ["FAILED", "FIRED"]
        await counts_are_right(ws)


async def test_a_schedule_whose_run_has_no_room_says_so_and_goes_on(
    tmp_path: Path, database_url: str
) -> None:
    async with planned(tmp_path, database_url) as plan:
        await plan.create(overlap="OVERLAP_ALLOW")
        await limit(plan.ws, max_runs=1)
        await plan.ws.create_run()
        await plan.wait(hours=1)
        assert await plan.firings() == [("FAILED", "QUOTA_REACHED")]
        await limit(plan.ws, max_runs=2)
        await plan.wait(hours=1)
        assert (await plan.firings())[-1] == ("STARTED", "")
        assert await used(plan.ws, "runs") == 2
        await counts_are_right(plan.ws)


def test_an_error_fits_its_status() -> None:
    for quota in Quota:
        error: MeshError = reached("p" * 63, quota, use=1 << 62, limit=1 << 62)
        assert len(error.message) < 512
