"""Runs that end and are archived, for the tests of both."""

from pathlib import Path
from typing import Any
from uuid import uuid4

from meshkit.jobs import Lease, acquire
from tests.workspace.harness import Harness, run_report, step_report
from tests.workspace.log_clients import write
from weftapi.workspace.v1 import (
    logs_pb2,
    projects_pb2,
    run_archives_pb2,
    run_types_pb2,
    runs_pb2,
)
from workspace.backup.checks import check
from workspace.backup.files import check_content, check_logs
from workspace.store.schema import MESH_TABLES

DEMO = "projects/demo"


async def keep(ws: Harness, *, days: int = 0, last: int = 0) -> None:
    project = projects_pb2.Project(name=DEMO, keep_run_days=days, keep_last_runs=last)
    mask = {"paths": ["keep_run_days", "keep_last_runs"]}
    await ws.projects().UpdateProject(
        projects_pb2.UpdateProjectRequest(project=project, update_mask=mask)
    )


async def lease(ws: Harness) -> Lease:
    """A lease as the runner of jobs would hold it."""
    name = str(uuid4())
    held = await ws.workspace.database.write(acquire, MESH_TABLES, name, name, 600.0)
    assert held
    return held


async def archive(ws: Harness) -> None:
    await ws.jobs["retention"].run(await lease(ws))


async def ended(ws: Harness, *, pipeline: str = "train", **fields: Any) -> run_types_pb2.Run:
    """A run of two steps, one of them tried twice, with a complete log of five lines."""
    run = run_types_pb2.Run(pipeline=f"{DEMO}/pipelines/{pipeline}", **fields)
    made = await ws.runs().CreateRun(runs_pb2.CreateRunRequest(parent=DEMO, run=run))
    await ws.add_steps(made.name, "load", "fit")
    short = made.name.rpartition("/")[2]
    log = await ws.logs().CreateLogStream(
        logs_pb2.CreateLogStreamRequest(
            parent=DEMO, log_stream_id=f"log-{short}", log_stream={"run": made.name}
        )
    )
    await write(ws.logs(), log.name, 0, 5)
    await ws.logs().SealLogStream(logs_pb2.SealLogStreamRequest(name=log.name))
    await ws.report(
        made.name,
        str(uuid4()),
        run_report(1, "RUNNING"),
        step_report(2, "load", "RUNNING", log_stream=log.name),
        step_report(3, "load", "RETRYING"),
        step_report(4, "load", "RUNNING", attempt=2),
        step_report(5, "load", "SUCCEEDED", attempt=2),
        run_report(6, "SUCCEEDED"),
    )
    await ws.workspace.heartbeats.flush()
    return await ws.runs().GetRun(runs_pb2.GetRunRequest(name=made.name))


async def archived(ws: Harness) -> dict[str, run_archives_pb2.ArchivedRun]:
    """What is in the archive, by the names that runs had."""
    request = run_archives_pb2.ListArchivedRunsRequest(parent=DEMO)
    listed = await ws.archives().ListArchivedRuns(request)
    return {run.run_name: run for run in listed.archived_runs}


def move(ws: Harness, *, days: int) -> None:
    """Days pass, in which the control plane was heard of."""
    ws.clock.move(days=days)
    ws.workspace.policies.confirm()


def objects(ws: Harness) -> list[Path]:
    """What is in the store of archives."""
    folder = Path(ws.workspace.settings.archive_store.removeprefix("file://"))
    return [path for path in folder.rglob("*") if path.is_file()]


async def there(ws: Harness) -> set[str]:
    listed = await ws.runs().ListRuns(runs_pb2.ListRunsRequest(parent=DEMO))
    return {run.name for run in listed.runs}


async def nothing_is_wrong(ws: Harness) -> None:
    def silent(_what: str, _count: int) -> None:
        return

    settings = ws.workspace.settings
    assert await check(settings.database) == []
    assert await check_logs(settings, silent) == []
    assert await check_content(settings, silent) == []
