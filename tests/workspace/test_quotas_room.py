"""What goes gives its room back, and logs have a quota of their own kind."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.workspace.archiving import archive, archived, ended, keep, lease
from tests.workspace.harness import (
    Harness,
    run_report,
    step_report,
    workspace,
)
from tests.workspace.log_clients import chunk, create_log, listing, write
from tests.workspace.modeling import new_model, new_version
from tests.workspace.test_artifacts import running
from tests.workspace.test_builds import new as new_build
from tests.workspace.test_logs_quotas import limit, seal, stored
from tests.workspace.test_quotas import counts_are_right, delete, usage, used
from tests.workspace.triggering import new_trigger
from weftapi.workspace.v1 import (
    builds_pb2,
    logs_pb2,
    models_pb2,
    run_archives_pb2,
    snapshots_pb2,
    triggers_pb2,
)
from workspace.store import quotas as store


async def test_retention_makes_room_and_logs_of_archived_runs_count_on(ws: Harness) -> None:
    await limit(ws, max_runs=2)
    await ended(ws)
    await ended(ws)
    logs = await used(ws, "log_bytes")
    assert logs > 0
    await keep(ws, last=1)
    await archive(ws)
    assert (await used(ws, "runs"), await used(ws, "log_bytes")) == (1, logs)
    await ws.create_run()
    await counts_are_right(ws)
    [old] = (await archived(ws)).values()
    await ws.archives().DeleteArchivedRun(run_archives_pb2.DeleteArchivedRunRequest(name=old.name))
    assert await used(ws, "log_bytes") == logs // 2
    await counts_are_right(ws)


async def test_old_logs_that_are_forgotten_make_room(tmp_path: Path, database_url: str) -> None:
    async with workspace(tmp_path, database_url, keep_logs_s=3600.0) as ws:
        await ws.create_project()
        await ended(ws)
        await ended(ws)
        await keep(ws, last=1)
        await archive(ws)
        assert await used(ws, "log_bytes") > 0
        ws.clock.move(hours=2)
        ws.workspace.policies.confirm()
        await ws.jobs["old_logs"].run(await lease(ws))
        assert await used(ws, "log_bytes") == 0
        await counts_are_right(ws)


async def test_log_lines_beyond_the_quota_of_a_project_are_not_kept(ws: Harness) -> None:
    await limit(ws, max_log_bytes=20_000)
    runs = [await ws.create_run() for _ in range(2)]
    names = [await create_log(ws, f"l{n}", run.name) for n, run in enumerate(runs)]
    for name in names:
        request = logs_pb2.WriteLogsRequest(log_stream=name, chunk=chunk(0, 12, size=1_000))
        assert (await ws.logs().WriteLogs(request)).committed_offset == 12
        await seal(ws, name)
    one, two = [await stored(ws, name) for name in names]
    assert (one.dropped_lines, two.dropped_lines) == (0, 5)
    assert await used(ws, "log_bytes") == one.kept_bytes + two.kept_bytes <= 20_000
    last = (await listing(ws.logs(), two.name))[-1]
    assert last.message == "log quota of 19.5 KiB reached; 5 further lines were not kept"
    # Nothing else waits for logs; and a run that is deleted gives back what its logs took.
    await ws.report(runs[0].name, str(uuid4()), run_report(1, "RUNNING"), run_report(2, "FAILED"))
    await delete(ws, runs[0].name)
    name = await create_log(ws, "l2", (await ws.create_run()).name)
    request = logs_pb2.WriteLogsRequest(log_stream=name, chunk=chunk(0, 12, size=1_000))
    assert (await ws.logs().WriteLogs(request)).dropped_lines == 0
    await seal(ws, name)
    await counts_are_right(ws)


async def test_deletions_of_every_kind_give_room_back(ws: Harness) -> None:
    await new_model(ws)
    version = await new_version(ws)
    build = await ws.builds().CreateBuild(new_build())
    trigger = await new_trigger(ws)
    before = await usage(ws)
    assert {before[quota][0] for quota in ("model_versions", "automations")} == {1}
    await ws.models().DeleteModelVersion(models_pb2.DeleteModelVersionRequest(name=version.name))
    await ws.builds().DeleteBuild(builds_pb2.DeleteBuildRequest(name=build.name))
    await ws.triggers().DeleteTrigger(triggers_pb2.DeleteTriggerRequest(name=trigger.name))
    await ws.snapshots().DeleteSnapshot(snapshots_pb2.DeleteSnapshotRequest(name=trigger.snapshot))
    after = await usage(ws)
    assert {use for use, _ in after.values()} == {0, after["pipelines"][0]}
    await counts_are_right(ws)


async def test_reports_and_log_lines_look_at_no_counter(
    ws: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await limit(ws, max_runs=5, max_log_bytes=1 << 20)
    run, me = await running(ws, "load")
    name = await create_log(ws, "l", run)
    request = logs_pb2.WriteLogsRequest(log_stream=name, chunk=chunk(0, 5))
    first = await ws.logs().WriteLogs(request)
    touched = []
    for query in ("add", "used", "limits"):
        touch = partial(_noted, touched, query, getattr(store, query))
        monkeypatch.setattr(store, query, touch)
    said = [step_report(2, "load", "RUNNING"), step_report(3, "load", "SUCCEEDED")]
    await ws.report(run, me, *said, run_report(4, "SUCCEEDED"))
    await write(ws.logs(), name, 5, 50, writer_epoch=first.writer_epoch)
    assert touched == []
    await seal(ws, name)
    await ws.create_run()
    assert set(touched) == {"add", "used", "limits"}


def _noted(touched: list[str], query: str, real: Callable[..., Any], *args: Any) -> Any:
    touched.append(query)
    return real(*args)
