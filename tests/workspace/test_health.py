"""How a workspace is: its servers, what waits, its audit log and its last backup."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from meshkit.backup.archive import backup
from tests.workspace.fakes import FakeManager
from tests.workspace.harness import (
    DEMO_EDITOR,
    STRANGER,
    VIEWER,
    FakeClock,
    Harness,
    TestMesh,
    refused,
    run_report,
    workspace,
)
from tests.workspace.test_artifacts import running
from weftapi.controlplane.v1 import enrollment_pb2
from weftapi.workspace.v1 import server_pb2, snapshots_pb2
from workspace.backup.parts import parts
from workspace.courier import AuditCourier
from workspace.database import open_database
from workspace.encoding import EventEncoder
from workspace.health import ALIVE, HealthDesk
from workspace.servicers.server import version
from workspace.shown import SHOWN


async def health(ws: Harness, token: str | None = None) -> server_pb2.ServerHealth:
    return await ws.server(token).GetServerHealth(server_pb2.GetServerHealthRequest())


async def test_a_workspace_says_what_it_stands_on(ws: Harness) -> None:
    await ws.workspace.health.beat()
    found = await health(ws, ws.token(VIEWER))
    assert ws.workspace.settings.database.startswith(found.database)
    assert found.database_version[0].isdigit()
    assert found.schema_revision == parts(ws.workspace.settings).newest
    assert found.feed_revision == ws.workspace.database.feed.head > 0
    assert [replica.version for replica in found.replicas] == [version()]
    assert 0 < found.free_disk_bytes <= found.total_disk_bytes
    assert (found.waiting_runs.count, found.active_run_count) == (0, 0)
    for absent in ("oldest_heartbeat_time", "unshipped_audit_row_count", "last_backup"):
        assert not found.HasField(absent)


@pytest.mark.parametrize("subject", [STRANGER, DEMO_EDITOR])
async def test_health_is_for_members_of_the_whole_workspace(ws: Harness, subject: str) -> None:
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await health(ws, ws.token(subject))


async def test_health_tells_of_runs(ws: Harness) -> None:
    began = datetime.now(UTC) - timedelta(seconds=1)
    run, reporter = await running(ws, "load")
    await ws.report(run, reporter, run_report(99, "RUNNING"))
    await ws.workspace.heartbeats.flush()
    found = await health(ws)
    assert (found.active_run_count, found.unresponsive_run_count) == (1, 0)
    assert found.oldest_heartbeat_time.ToDatetime(UTC) > began


async def test_a_backup_is_known_once_it_is_whole(ws: Harness, tmp_path: Path) -> None:
    began = datetime.now(UTC).replace(microsecond=0)
    manifest = await backup(parts(ws.workspace.settings), tmp_path / "backup")
    told = (await health(ws)).last_backup
    assert told.time.ToDatetime(UTC) >= began
    assert (told.revision, told.row_count) == (manifest.revision, sum(manifest.rows.values()))
    # Neither what processes say of themselves nor the note is in a backup.
    assert "tables/replicas.jsonl" not in manifest.files
    again = await backup(parts(ws.workspace.settings), tmp_path / "again")
    assert "files/last-backup.json" not in again.files


async def test_a_note_that_is_damaged_tells_of_no_backup(ws: Harness) -> None:
    (ws.workspace.settings.data_dir / "last-backup.json").write_text('{"time": 1}')
    assert not (await health(ws)).HasField("last_backup")


async def test_who_is_killed_goes_from_the_list_when_its_time_is_over(
    tmp_path: Path, database_url: str
) -> None:
    clock = FakeClock()
    async with workspace(tmp_path, database_url, clock=clock) as ws:
        await ws.workspace.health.beat()
        other = await open_database(
            ws.workspace.settings.database, EventEncoder(SHOWN), clock=clock
        )
        async with other:
            courier = AuditCourier(other, interval_s=1.0)
            killed = HealthDesk(other, courier, tmp_path, version="0.0.9", clock=clock)
            await killed.beat()
        assert [it.version for it in (await health(ws)).replicas] == [version(), "0.0.9"]
        clock.move(seconds=ALIVE.total_seconds() + 1)
        await ws.workspace.health.beat()
        assert [it.version for it in (await health(ws)).replicas] == [version()]


async def test_who_stops_is_gone_at_once(tmp_path: Path, database_url: str) -> None:
    clock = FakeClock()
    mesh = TestMesh.make(tmp_path, clock)
    for _ in range(2):
        async with workspace(tmp_path, database_url, clock=clock, mesh=mesh) as ws:
            await ws.workspace.health.beat()
            assert len((await health(ws)).replicas) == 1


async def test_runs_and_builds_wait_until_somebody_has_them(
    tmp_path: Path, database_url: str
) -> None:
    manager = FakeManager()
    async with workspace(tmp_path, database_url, managers=manager) as ws:
        await ws.create_project()
        snapshot = await ws.create_snapshot()
        request = snapshots_pb2.RunSnapshotRequest(name=snapshot.name)
        first = await ws.snapshots().RunSnapshot(request)
        await ws.snapshots().RunSnapshot(request)
        found = await health(ws)
        assert (found.waiting_runs.count, found.waiting_builds.count) == (2, 0)
        assert found.waiting_runs.oldest_time == first.create_time
        assert not found.waiting_builds.HasField("oldest_time")


async def test_audit_rows_that_have_not_arrived_are_counted(ws: Harness) -> None:
    await ws.create_run()
    courier = ws.workspace.health.courier
    courier.acknowledge(enrollment_pb2.AuditPosition())
    behind = (await health(ws)).unshipped_audit_row_count
    assert behind > 0
    courier.acknowledge(enrollment_pb2.AuditPosition(sequence=behind))
    assert (await health(ws)).unshipped_audit_row_count == 0
