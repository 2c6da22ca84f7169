"""How much a workspace says that it holds, to whom, and where else it says so."""

import shutil
from pathlib import Path
from typing import Any

import prometheus_client
import pytest
import sqlalchemy as sa

from meshkit.backup.databases import snapshot, transaction
from meshkit.migrations import migrate
from tests.workspace.archiving import archive, ended, keep
from tests.workspace.harness import (
    DEMO_EDITOR,
    EDITOR,
    STRANGER,
    VIEWER,
    Harness,
    refused,
)
from tests.workspace.modeling import new_model, new_version
from tests.workspace.stacks import new_stack, new_store
from tests.workspace.test_artifacts import make, new, running
from tests.workspace.test_logs_quotas import limit
from tests.workspace.test_quotas import DEMO, counts_are_right, usage, used
from tests.workspace.webhooking import new_webhook
from weftapi.workspace.v1 import (
    projects_pb2,
    server_pb2,
)
from workspace.backup.checks import check
from workspace.backup.repairs import repair
from workspace.quotas import Quota, state_of
from workspace.store.base import metadata
from workspace.store.quotas import counted, recount
from workspace.store.schema_quotas import Use
from workspace.upgrade import MIGRATIONS


@pytest.fixture
async def other_url(request: pytest.FixtureRequest, postgres_url: str, tmp_path: Path) -> str:
    """An empty database of the other kind than the one that the workspace is on."""
    if request.node.callspec.params["database_url"] != "sqlite":
        return f"sqlite:///{tmp_path / 'other.db'}"

    def empty(connection: sa.Connection) -> None:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")

    await transaction(postgres_url, empty)
    return postgres_url


async def test_usage_counts_what_is_there(ws: Harness) -> None:
    await ws.create_run()
    await running(ws, "load")
    await make(ws, new("data", size_bytes=5), new("data", size_bytes=6))
    found = await ws.server(ws.token(VIEWER)).GetUsage(server_pb2.GetUsageRequest())
    del found.quotas[:]
    assert found == server_pb2.Usage(
        project_count=1, pipeline_count=1, run_count=2, active_run_count=2, artifact_bytes=11
    )


async def test_usage_is_for_members(ws: Harness) -> None:
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await ws.server(ws.token(STRANGER)).GetUsage(server_pb2.GetUsageRequest())


async def test_usage_of_a_project_is_for_those_who_see_it(ws: Harness) -> None:
    token = ws.token(DEMO_EDITOR)
    await ws.create_project("other")
    assert set(await usage(ws)) < set(await usage(ws, ""))
    assert await usage(ws, token=token) == await usage(ws)
    for parent in ("", "projects/other"):
        async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
            await usage(ws, parent, token)
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await usage(ws, token=ws.token(STRANGER))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await usage(ws, "projects/never")
    for parent in ("demo", "projects/-", "projects/demo/runs/r"):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await usage(ws, parent)
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await limit(ws, max_runs=-1)
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        project = projects_pb2.Project(name=DEMO, max_runs=5)
        await ws.projects(ws.token(EDITOR)).UpdateProject(
            projects_pb2.UpdateProjectRequest(project=project)
        )


async def test_metrics_and_the_log_warn_of_what_comes_near_its_limit(
    ws: Harness, capsys: pytest.CaptureFixture[str]
) -> None:
    await limit(ws, max_runs=5)
    watch = ws.workspace.quotas

    async def look() -> str:
        await watch.look()
        return capsys.readouterr().out

    runs = [await ws.create_run() for _ in range(3)]
    assert "quota" not in await look()
    runs.append(await ws.create_run())
    assert "quota_nearly_reached" in await look()
    assert "quota" not in await look()
    runs.append(await ws.create_run())
    assert "quota_reached" in await look()
    states = await ws.server().GetUsage(server_pb2.GetUsageRequest(parent=DEMO))
    assert states.quotas[0].state == server_pb2.QUOTA_STATE_REACHED
    await limit(ws, max_runs=50)
    assert "quota_has_room_again" in await look()
    told = prometheus_client.generate_latest(ws.workspace.server.metrics.registry).decode()
    assert 'weft_quota_use{quota="runs",scope="projects/demo"} 5.0' in told
    assert 'weft_quota_limit{quota="runs",scope="projects/demo"} 50.0' in told
    assert 'weft_quota_use{quota="runs",scope="workspace"} 5.0' in told
    assert 'weft_quota_limit{quota="runs",scope="workspace"}' not in told


async def test_wrong_counters_are_found_and_counted_anew(ws: Harness) -> None:
    await ws.create_run()
    url = ws.workspace.settings.database

    def spoil(connection: sa.Connection) -> None:
        connection.exec_driver_sql("UPDATE uses SET amount = 7 WHERE quota = 'runs'")

    await transaction(url, spoil)
    found = [finding.problem for finding in await check(url)]
    assert found == [
        "workspace says that it has 7 runs, and has 1",
        "projects/demo says that it has 7 runs, and has 1",
    ]
    assert len(await repair(url)) == 2
    assert await used(ws, "runs") == 1
    await counts_are_right(ws)


def test_where_a_use_stands() -> None:
    stands = [state_of(use, 10).value for use in (0, 7, 8, 9, 10, 11)]
    assert stands == ["FREE", "FREE", "NEAR", "NEAR", "REACHED", "REACHED"]
    assert state_of(10**9, 0).value == "FREE"


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """The migrations before uses were counted."""
    versions = tmp_path / "older" / "versions"
    versions.mkdir(parents=True)
    for script in (MIGRATIONS / "versions").glob("00*.py"):
        if script.name < "0025":
            shutil.copy(script, versions)
    return versions.parent


async def test_what_an_older_database_holds_is_counted_when_it_is_upgraded(
    ws: Harness, other_url: str, older: Path
) -> None:
    await ended(ws)
    await keep(ws, last=1)
    await ended(ws)
    await archive(ws)
    await ws.create_snapshot()
    await new_version(ws, parent=(await new_model(ws)).name)
    await new_webhook(ws)
    await new_stack(ws, "lab", await new_store(ws))
    await make(ws, new("data", size_bytes=5), new("data", size_bytes=6))
    tables = [table for table in metadata.sorted_tables if table is not Use.__table__]

    def taken(connection: sa.Connection) -> list[list[dict[str, Any]]]:
        found = [connection.execute(sa.select(table)).mappings() for table in tables]
        return [[dict(row) for row in rows] for rows in found]

    def given(connection: sa.Connection) -> None:
        for table, rows in zip(tables, everything, strict=True):
            if not rows or not sa.inspect(connection).has_table(table.name):
                continue
            known = {column["name"] for column in sa.inspect(connection).get_columns(table.name)}
            old = [{k: v for k, v in row.items() if k in known} for row in rows]
            connection.execute(table.insert(), old)

    everything = await snapshot(ws.workspace.settings.database, taken)
    await migrate(other_url, older, metadata)
    await transaction(other_url, given)
    await migrate(other_url, MIGRATIONS, metadata)
    told = await snapshot(other_url, counted), await snapshot(other_url, recount)
    assert told[0] == told[1]
    assert told[0]["demo", Quota.ARTIFACT_BYTES] == told[0]["", Quota.ARTIFACT_BYTES] == 11
    assert set(told[0]) == {(scope, quota) for scope, quota in told[0] if told[0][scope, quota]}
