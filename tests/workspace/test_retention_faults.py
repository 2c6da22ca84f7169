"""Trouble while runs are archived and logs forgotten: nothing is lost, and nobody waits."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from meshkit.objects.files import FileStore
from meshkit.objects.port import ObjectStoreError
from tests.workspace.archiving import (
    DEMO,
    archive,
    archived,
    ended,
    keep,
    lease,
    move,
    nothing_is_wrong,
    objects,
    there,
)
from tests.workspace.harness import Harness, refused
from weftapi.workspace.v1 import (
    logs_pb2,
    run_archives_pb2,
    runs_pb2,
)
from workspace.backup.files import check_content
from workspace.logs.backend import LogKey, LogStoreError
from workspace.operations import retention


def stop_at(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """What goes wrong between writing an archive and deleting its run."""
    put = FileStore.put

    async def damaged(self: FileStore, key: str, data: bytes) -> None:
        await put(self, key, data[:-1] + b"x")

    def killed(*_arguments: object) -> bool:
        raise ObjectStoreError("killed")

    if place == "damaged":
        monkeypatch.setattr(FileStore, "put", damaged)
    else:
        monkeypatch.setattr(retention, "put_away", killed)


@pytest.mark.parametrize("place", ["damaged", "before it is deleted"])
async def test_a_pass_that_is_cut_off_loses_and_doubles_nothing(
    ws: Harness, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    old, new = await ended(ws), await ended(ws)
    await keep(ws, last=1)
    with monkeypatch.context() as broken:
        stop_at(broken, place)
        await archive(ws)
    assert await there(ws) == {old.name, new.name}
    assert await archived(ws) == {}
    ws.clock.move(minutes=1)
    await archive(ws)
    await archive(ws)
    assert await there(ws) == {new.name}
    assert set(await archived(ws)) == {old.name}
    assert len(objects(ws)) == 1
    await nothing_is_wrong(ws)


async def test_a_run_that_cannot_be_archived_keeps_no_other_and_is_tried_ever_more_rarely(
    ws: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good, new = [await ended(ws) for _ in range(3)]
    await keep(ws, last=1)
    put, tried = FileStore.put, []

    async def refuse_one(self: FileStore, key: str, data: bytes) -> None:
        if bad.uid in key:
            tried.append(key)
            raise ObjectStoreError("this one not")
        await put(self, key, data)

    with monkeypatch.context() as broken:
        broken.setattr(FileStore, "put", refuse_one)
        await archive(ws)
        assert await there(ws) == {bad.name, new.name}
        assert set(await archived(ws)) == {good.name}
        await archive(ws)
        assert len(tried) == 1
        for _ in range(12):
            ws.clock.move(seconds=11)
            await archive(ws)
        assert len(tried) == 4, "after 10, 20, 40 and 80 seconds"
    ws.clock.move(hours=1)
    await archive(ws)
    assert await there(ws) == {new.name}
    await nothing_is_wrong(ws)


async def test_a_run_that_changes_while_it_is_archived_stays(
    ws: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, _ = await ended(ws), await ended(ws)
    await keep(ws, last=1)
    put_away = retention.put_away

    def labelled(session: Any, *arguments: Any) -> bool:
        [run] = [
            whole.run for whole in arguments if hasattr(whole, "run") and hasattr(whole, "logs")
        ]
        session.connection().execute(
            sa.text("UPDATE runs SET changes = changes + 1 WHERE id = :id"), {"id": run.id}
        )
        return put_away(session, *arguments)

    monkeypatch.setattr(retention, "put_away", labelled)
    await archive(ws)
    assert old.name in await there(ws)
    assert await archived(ws) == {}


@pytest.mark.parametrize(
    "harm",
    [lambda path: path.write_bytes(b"{}"), lambda path: path.unlink()],
    ids=["bytes", "gone"],
)
async def test_a_damaged_archive_is_refused_and_found(
    ws: Harness, harm: Callable[[Path], object]
) -> None:
    old, _ = await ended(ws), await ended(ws)
    await keep(ws, last=1)
    await archive(ws)
    found = (await archived(ws))[old.name]
    harm(Path(found.uri.removeprefix("file://")))
    async with refused("FAILED_PRECONDITION", "ARCHIVE_DAMAGED"):
        await ws.archives().GetArchivedRun(run_archives_pb2.GetArchivedRunRequest(name=found.name))
    [finding] = await check_content(ws.workspace.settings, lambda *_: None)
    assert found.name in finding.problem


async def test_old_logs_of_archived_runs_are_forgotten_too(ws: Harness) -> None:
    old, _ = await ended(ws), await ended(ws)
    await keep(ws, last=1)
    await archive(ws)
    found = (await archived(ws))[old.name]
    move(ws, days=3)
    await ws.workspace.logs.forget_old(timedelta(days=2), await lease(ws))
    got = await ws.archives().GetArchivedRun(
        run_archives_pb2.GetArchivedRunRequest(name=found.name)
    )
    assert list(got.log_stream_ids) == []
    assert list((ws.workspace.settings.log_directory / "demo").iterdir()) == []


async def test_lines_that_cannot_be_deleted_keep_no_other_log(
    ws: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = await ended(ws), await ended(ws)
    await keep(ws, last=1)
    await archive(ws)
    await ended(ws)
    move(ws, days=3)
    logs = ws.workspace.logs
    directory = ws.workspace.settings.log_directory / "demo"
    before = len(list(directory.iterdir()))
    delete, refused_ones = type(logs.logs.backend).delete, set[object]()

    async def refuse_the_first(self: Any, key: LogKey) -> None:
        if len(refused_ones) < 1 or key in refused_ones:
            refused_ones.add(key)
            raise LogStoreError("this one not")
        await delete(self, key)

    with monkeypatch.context() as broken:
        broken.setattr(type(logs.logs.backend), "delete", refuse_the_first)
        await logs.forget_old(timedelta(days=2), await lease(ws))
    assert before == 3
    assert len(list(directory.iterdir())) == 1
    [left] = (
        await ws.logs().ListLogStreams(logs_pb2.ListLogStreamsRequest(parent=DEMO))
    ).log_streams
    assert left.run in {old.name, new.name}
    await logs.forget_old(timedelta(days=2), await lease(ws))
    assert list(directory.iterdir()) == []


async def test_lines_that_a_deletion_left_behind_go_later(
    ws: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await ended(ws)
    directory = ws.workspace.settings.log_directory / "demo"

    async def down(*_arguments: object) -> None:
        raise LogStoreError("the store is away")

    with monkeypatch.context() as broken:
        broken.setattr(type(ws.workspace.logs.logs.backend), "delete", down)
        await ws.runs().DeleteRun(runs_pb2.DeleteRunRequest(name=run.name))
    assert len(list(directory.iterdir())) == 1
    await nothing_is_wrong(ws)
    await ws.workspace.logs.remove_left(await lease(ws))
    assert list(directory.iterdir()) == []
