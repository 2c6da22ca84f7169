"""Archived runs can be deleted for good: nothing of them is left, nor keeps a project."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from meshkit.objects.files import FileStore
from meshkit.objects.port import ObjectStoreError
from tests.workspace.archiving import (
    DEMO,
    archive,
    archived,
    ended,
    keep,
    lease,
    nothing_is_wrong,
    objects,
)
from tests.workspace.harness import EDITOR, Harness, refused, workspace
from weftapi.workspace.v1 import projects_pb2, run_archives_pb2, statistics_pb2


@pytest.fixture
async def ws(tmp_path: Path, database_url: str) -> AsyncIterator[Harness]:
    async with workspace(tmp_path, database_url) as harness:
        await harness.create_project()
        yield harness


async def one_in_the_archive(ws: Harness) -> run_archives_pb2.DeleteArchivedRunRequest:
    """The deletion of the only archived run."""
    await ended(ws)
    await ended(ws)
    await keep(ws, last=1)
    await archive(ws)
    [found] = (await archived(ws)).values()
    return run_archives_pb2.DeleteArchivedRunRequest(name=found.name)


async def what_is_in_it(ws: Harness) -> str:
    """What keeps the project from being deleted."""
    async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
        await ws.projects().DeleteProject(projects_pb2.DeleteProjectRequest(name=DEMO))
    assert refusal.error
    return refusal.error.metadata["dependents"]


async def test_a_deleted_archive_leaves_nothing_but_its_place_in_the_statistics(
    ws: Harness,
) -> None:
    request = await one_in_the_archive(ws)
    days = statistics_pb2.GetStatisticsRequest(parent=DEMO)
    before = await ws.statistics().GetStatistics(days)
    assert "archived runs" in await what_is_in_it(ws)
    await ws.archives().DeleteArchivedRun(request)
    assert await archived(ws) == {}
    assert objects(ws) == []
    await nothing_is_wrong(ws)
    await ws.workspace.logs.remove_left(await lease(ws))
    # That of the run which is kept.
    assert len(list((ws.workspace.settings.log_directory / "demo").iterdir())) == 1
    assert await ws.statistics().GetStatistics(days) == before
    assert "archived runs" not in await what_is_in_it(ws)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.archives().DeleteArchivedRun(request)


async def test_only_who_may_delete_runs_deletes_archived_ones(ws: Harness) -> None:
    request = await one_in_the_archive(ws)
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await ws.archives(ws.token(EDITOR)).DeleteArchivedRun(request)
    assert await archived(ws)


async def test_while_the_store_is_away_nothing_is_forgotten(
    ws: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = await one_in_the_archive(ws)

    async def down(*_arguments: object) -> None:
        raise ObjectStoreError("the store is away")

    with monkeypatch.context() as broken:
        broken.setattr(FileStore, "delete", down)
        async with refused("UNAVAILABLE", "ARCHIVE_STORE_UNAVAILABLE"):
            await ws.archives().DeleteArchivedRun(request)
    assert await archived(ws)
    await ws.archives().DeleteArchivedRun(request)
    assert await archived(ws) == {}
