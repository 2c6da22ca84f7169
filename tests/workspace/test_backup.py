"""Backups: taken while the server works, restored on either database, and refused when damaged."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from meshkit.backup.archive import BackupError, Manifest, Parts, backup, restore
from meshkit.backup.databases import snapshot, transaction
from tests.workspace.harness import FakeClock, Harness, TestMesh, refused, workspace
from tests.workspace.test_artifacts import make, new, running
from weftapi.workspace.v1 import artifacts_pb2, events_pb2, runs_pb2
from workspace.backup.checks import check
from workspace.backup.parts import parts
from workspace.backup.repairs import repair
from workspace.config import WorkspaceSettings


@pytest.fixture
async def filled(ws: Harness) -> Harness:
    run, _me = await running(ws, "load", "fit")
    await make(
        ws,
        new("data", step=f"{run}/steps/load", output="data", alias="gold", labels={"a": "b"}),
        new("data", schema={"rows": 3, "nested": {"bytes": "no"}}),
    )
    # Now rather than between two backups that are compared.
    await ws.workspace.heartbeats.flush()
    return ws


def elsewhere(tmp_path: Path, url: str = "") -> WorkspaceSettings:
    return WorkspaceSettings(data_dir=tmp_path / "restored" / "data", database_url=url)


async def take(ws: Harness, tmp_path: Path, name: str = "backup") -> Path:
    target = tmp_path / name
    await backup(parts(ws.workspace.settings), target)
    return target


def rows(directory: Path) -> dict[str, list[Any]]:
    """What a backup holds, without the feed's epoch."""
    found = {}
    for path in sorted((directory / "tables").iterdir()):
        found[path.stem] = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for row in found["feed_head"]:
        row.pop("epoch")
    return found


@pytest.fixture
async def other_url(request: pytest.FixtureRequest, postgres_url: str, tmp_path: Path) -> str:
    """A database of the other kind than the one that the workspace is on."""
    kind = request.node.callspec.params["database_url"]
    return postgres_url if kind == "sqlite" else f"sqlite:///{tmp_path / 'other.db'}"


async def test_a_backup_of_a_running_server_is_restored_on_either_database(
    filled: Harness, tmp_path: Path, other_url: str
) -> None:
    taken = await take(filled, tmp_path)
    settings = elsewhere(tmp_path, other_url)
    manifest = await restore(parts(settings), taken)
    assert manifest.rows["artifact_versions"] == 2
    again = tmp_path / "again"
    await backup(parts(settings), again)
    assert rows(again) == rows(taken)
    for file in ("secrets.keys", "page-token.key", "run-token-key.pem", "policy.binpb"):
        ours, theirs = settings.data_dir / file, filled.workspace.settings.data_dir / file
        assert ours.read_bytes() == theirs.read_bytes()
        assert ours.stat().st_mode == theirs.stat().st_mode
    assert await check(settings.database) == []
    assert (taken.stat().st_mode & 0o777) == 0o700


async def test_a_restored_workspace_goes_on_and_watchers_begin_again(
    tmp_path: Path, sqlite_url: str
) -> None:
    clock = FakeClock()
    mesh = TestMesh.make(tmp_path, clock)
    async with workspace(tmp_path, sqlite_url, clock=clock, mesh=mesh) as ws:
        await ws.create_project()
        kept = await ws.create_run()
        taken = await take(ws, tmp_path)
        lost = await ws.create_run()
        before = await ws.events().GetFeedInfo(events_pb2.GetFeedInfoRequest())
    home = tmp_path / "restored"
    await restore(parts(elsewhere(tmp_path)), taken)
    async with workspace(home, "", clock=clock, mesh=mesh) as ws:
        assert (await ws.runs().GetRun(runs_pb2.GetRunRequest(name=kept.name))).uid == kept.uid
        async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
            await ws.runs().GetRun(runs_pb2.GetRunRequest(name=lost.name))
        async with refused("OUT_OF_RANGE", "EPOCH_CHANGED"):
            await ws.events().ListEvents(
                events_pb2.ListEventsRequest(
                    parent="projects/demo", after_revision=before.revision, epoch=before.epoch
                )
            )
        await ws.create_run()
        listed = await ws.runs().ListRuns(runs_pb2.ListRunsRequest(parent="projects/demo"))
        assert len(listed.runs) == 2


async def test_a_backup_goes_nowhere_where_something_is(filled: Harness, tmp_path: Path) -> None:
    taken = await take(filled, tmp_path)
    with pytest.raises(BackupError, match="exists"):
        await take(filled, tmp_path)
    settings = elsewhere(tmp_path)
    settings.data_dir.mkdir(parents=True)
    (settings.data_dir / "something").touch()
    with pytest.raises(BackupError, match="not empty"):
        await restore(parts(settings), taken)
    full = replace_data(filled.workspace.settings, tmp_path / "fresh")
    with pytest.raises(BackupError, match="database is not empty"):
        await restore(parts(full), taken)
    assert list((tmp_path / "fresh").iterdir()) == []


def later_version(ws: Harness, tmp_path: Path) -> Parts:
    """The parts of a version that brings one migration more, with a table and a column."""
    now = parts(ws.workspace.settings)
    migrations = tmp_path / "migrations"
    shutil.copytree(now.migrations, migrations)
    (migrations / "versions" / "9999_later.py").touch()
    metadata = sa.MetaData()
    for table in now.metadata.sorted_tables:
        table.to_metadata(metadata)
    sa.Table("later", metadata, sa.Column("id", sa.Integer, primary_key=True))
    metadata.tables["runs"].append_column(sa.Column("later", sa.Integer))
    return replace(now, metadata=metadata, migrations=migrations)


async def test_an_upgrade_backs_up_what_the_version_before_it_made(
    filled: Harness, tmp_path: Path
) -> None:
    later, target = later_version(filled, tmp_path), tmp_path / "before"
    manifest = await backup(later, target)
    assert manifest.schema == parts(filled.workspace.settings).newest != later.newest
    assert rows(target) == rows(await take(filled, tmp_path))
    # It is restored by the version that it is of, and by no other.
    settings = elsewhere(tmp_path)
    with pytest.raises(BackupError, match="then upgrade"):
        await restore(replace(later, data_dir=settings.data_dir), target)
    await restore(parts(settings), target)
    forgotten = sa.text("ALTER TABLE runs ADD COLUMN forgotten INTEGER")
    await transaction(later.database, lambda connection: connection.execute(forgotten))
    with pytest.raises(BackupError, match=r"does not know runs\.forgotten"):
        await backup(later, tmp_path / "after")


def replace_data(settings: WorkspaceSettings, data: Path) -> WorkspaceSettings:
    return WorkspaceSettings(data_dir=data, database_url=settings.database)


@pytest.mark.parametrize("harm", ["a row", "a file", "a name", "the manifest", "a table", "schema"])
async def test_a_damaged_backup_is_refused_before_anything_is_written(
    tmp_path: Path, sqlite_url: str, harm: str
) -> None:
    async with workspace(tmp_path, sqlite_url) as ws:
        await ws.create_project()
        await running(ws, "load")
        taken = await take(ws, tmp_path)
    manifest = Manifest.read(taken)
    if harm == "a row":
        path = taken / "tables/runs.jsonl"
        path.write_text(path.read_text().replace("RUNNING", "PENDING", 1))
    elif harm == "a file":
        (taken / "files/secrets.keys").unlink()
    elif harm == "the manifest":
        (taken / "manifest.json").write_text("{}")
    else:
        if harm == "a name":
            manifest.files["files/../../escaped"] = "0" * 64
        elif harm == "a table":
            del manifest.files["tables/runs.jsonl"]
        else:
            manifest = replace(manifest, schema="9999")
        manifest.write(taken)
    settings = elsewhere(tmp_path)
    with pytest.raises(BackupError):
        await restore(parts(settings), taken)
    assert not settings.data_dir.exists() or list(settings.data_dir.iterdir()) == []


async def test_an_interrupted_backup_leaves_none(
    filled: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object, **_keywords: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(shutil, "copy2", full)
    with pytest.raises(OSError, match="no space"):
        await take(filled, tmp_path)
    monkeypatch.undo()
    assert not traces(tmp_path)
    assert await take(filled, tmp_path)


def traces(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if "backup" in path.name]


async def test_a_healthy_database_has_no_findings(filled: Harness) -> None:
    assert await check(filled.workspace.settings.database) == []


@pytest.mark.parametrize(
    ("harm", "finding"),
    [
        ("UPDATE run_counters SET count = count + 1", "counts 2 runs RUNNING, and has 1"),
        ("UPDATE runs SET step_counts = NULL", "counts other steps"),
        ("UPDATE daily_statistics SET created_runs = 7", "has other statistics"),
        ("DELETE FROM daily_statistics", "has other statistics"),
        ("UPDATE artifacts SET latest_version = 9", "names another newest version"),
        ("UPDATE feed_head SET revision = 1", "the feed has events"),
        ("UPDATE audit_chains SET sequence = sequence + 1", "the audit log"),
    ],
)
async def test_what_should_never_be_is_found(filled: Harness, harm: str, finding: str) -> None:
    url = filled.workspace.settings.database
    await filled.close()
    await filled.workspace.stop()
    await transaction(url, lambda connection: connection.execute(sa.text(harm)))
    found = await check(url)
    assert any(finding in told.problem for told in found), found
    is_counter = {told.area for told in found} == {"counters"}
    assert [told.problem for told in await repair(url)] == [
        told.problem for told in found if told.area == "counters"
    ]
    assert (await check(url) == []) == is_counter


async def test_a_backup_is_of_one_moment(filled: Harness, tmp_path: Path) -> None:
    """Rows that come while it is read are not in it."""
    url = filled.workspace.settings.database
    query = sa.text("SELECT count(*) FROM runs")
    counted = await snapshot(url, lambda c: c.execute(query).scalar())
    taken = await take(filled, tmp_path)
    await filled.create_run()
    assert len(rows(taken)["runs"]) == counted
    versions = artifacts_pb2.ListArtifactVersionsRequest(parent="projects/demo/artifacts/data")
    assert len((await filled.artifacts().ListArtifactVersions(versions)).artifact_versions) == 2
