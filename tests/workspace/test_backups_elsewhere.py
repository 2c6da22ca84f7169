"""Backups in object stores: whole or not there, listed, kept by number, restored from there."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from meshkit.backup.archive import BackupError, Manifest, Parts
from meshkit.backup.last import noted
from meshkit.backup.places import Place, folder_at, keep_newest, place_at, take
from meshkit.objects import open_store
from meshkit.objects.cloud import CloudStore
from meshkit.objects.port import ObjectStoreError
from tests.clouds import emulators
from tests.clouds.emulators import Cloud
from tests.workspace.harness import Harness, workspace
from workspace.backup.checks import check
from workspace.backup.parts import parts
from workspace.config import WorkspaceSettings

CLOUDS = {"s3": emulators.s3, "gcs": emulators.gcs, "azure": emulators.azure}


@pytest.fixture(scope="module", params=["directory", *CLOUDS])
def cloud(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cloud]:
    here = nullcontext(Cloud(str(tmp_path_factory.mktemp("backups")), "", {}))
    with CLOUDS[request.param]() if request.param in CLOUDS else here as cloud:
        yield cloud


@pytest.fixture(scope="module")
def bucket() -> Iterator[Cloud]:
    with emulators.s3() as cloud:
        yield cloud


@pytest.fixture
async def parts_of(ws: Harness) -> Parts:
    await ws.create_run()
    return parts(ws.workspace.settings)


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Where backups lie is nothing to the database."""
    return sqlite_url


def place(cloud: Cloud, name: str, of: str) -> Place:
    return place_at(f"{cloud.uri}/{of}/{name}", cloud.options)


async def test_a_backup_is_restored_from_where_it_was_written(
    cloud: Cloud, parts_of: Parts, tmp_path: Path
) -> None:
    there = place(cloud, "first one", "restored")
    taken = await take(parts_of, there)
    told = noted(parts_of.data_dir)
    assert told
    assert told.revision == taken.revision
    settings = WorkspaceSettings(data_dir=tmp_path / "restored")
    assert await there.folder.restore(parts(settings), there.name) == taken
    assert await check(settings.database) == []
    key = settings.data_dir / "secrets.keys"
    assert key.read_bytes() == (parts_of.data_dir / "secrets.keys").read_bytes()
    assert key.stat().st_mode & 0o777 == 0o600
    assert await there.folder.found() == {"first one": taken}


async def test_the_newest_are_kept_and_those_of_others_stay(
    cloud: Cloud, ws: Harness, parts_of: Parts, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    async with workspace(tmp_path / "other", "") as other:
        await take(parts(other.workspace.settings), place(cloud, "another server's", "kept"))
    for number in range(4):
        await ws.create_run()
        there = place(cloud, f"number {number}", "kept")
        manifest = await take(parts_of, there)
    assert sorted(await keep_newest(there, manifest, 2)) == ["number 0", "number 1"]
    assert set(await there.folder.found()) == {"another server's", "number 2", "number 3"}
    assert await keep_newest(there, manifest, 2) == []
    settings = WorkspaceSettings(data_dir=tmp_path / "restored")
    assert await there.folder.restore(parts(settings), "number 2")


async def test_a_backup_goes_nowhere_where_something_is(cloud: Cloud, parts_of: Parts) -> None:
    there = place(cloud, "taken", "twice")
    taken = await take(parts_of, there)
    with pytest.raises(BackupError, match="exists: name a new"):
        await take(parts_of, there)
    assert await there.folder.found() == {"taken": taken}
    await there.folder.remove("taken")
    with pytest.raises(BackupError, match="holds no whole backup"):
        await there.folder.restore(parts_of, "taken")


@pytest.mark.parametrize("at", ["the first file", "the manifest", "the claim"])
async def test_what_fails_amid_the_upload_leaves_nothing_that_looks_whole(
    bucket: Cloud, parts_of: Parts, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    there = place(bucket, "half", at.replace(" ", "-"))
    upload = CloudStore.upload

    async def failing(self: CloudStore, key: str, source: Path) -> None:
        if at == "the first file" or key.endswith("manifest.json"):
            raise ObjectStoreError("the network is gone")
        await upload(self, key, source)

    async def gone(*_arguments: object) -> None:
        raise ObjectStoreError("the network is gone")

    monkeypatch.setattr(CloudStore, "upload", failing)
    if at == "the claim":
        monkeypatch.setattr(CloudStore, "delete", gone)
    with pytest.raises(BackupError, match="network is gone"):
        await take(parts_of, there)
    monkeypatch.undo()
    assert noted(parts_of.data_dir) is None
    # Where not even tidying up went, it is said to be half a backup.
    assert await there.folder.found() == ({"half": None} if at == "the claim" else {})
    with pytest.raises(BackupError, match="holds no whole backup"):
        await there.folder.restore(parts_of, "half")


@pytest.mark.parametrize("harm", ["a missing object", "other bytes", "a way out", "no manifest"])
async def test_a_damaged_backup_is_refused_before_anything_is_written(
    bucket: Cloud, parts_of: Parts, tmp_path: Path, harm: str
) -> None:
    there = place(bucket, "it", harm.replace(" ", "-"))
    taken = await take(parts_of, there)
    store = open_store(there.told, bucket.options)
    if harm == "a missing object":
        await store.delete(["tables/runs.jsonl"])
    elif harm == "other bytes":
        await store.put("files/secrets.keys", b"mine")
    elif harm == "no manifest":
        await store.put("manifest.json", b"{")
    else:
        taken.files["files/../../escaped"] = "0" * 64
        taken.write(tmp_path)
        await store.upload("manifest.json", tmp_path / "manifest.json")
    settings = WorkspaceSettings(data_dir=tmp_path / "restored")
    with pytest.raises(BackupError):
        await there.folder.restore(parts(settings), there.name)
    assert not settings.data_dir.exists()
    assert not [name for _, _, names in os.walk(tmp_path) for name in names if name == "escaped"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("s3://weft", "names no backup"),
        ("ftp://weft/it", "must be file:///folder"),
        ("s3://no-such-bucket/it", "The bucket must exist"),
    ],
)
async def test_what_cannot_be_written_to_says_what_to_do(
    bucket: Cloud, parts_of: Parts, text: str, said: str
) -> None:
    with pytest.raises(BackupError, match=said):
        await take(parts_of, place_at(text, bucket.options))


async def started(settings: WorkspaceSettings, cloud: Cloud, *arguments: str) -> Process:
    """The server's own program, which has its credentials from the environment."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "workspace.backup", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={
            "PYTHONPATH": ":".join(sys.path),
            "WEFT_WORKSPACE_DATA_DIR": str(settings.data_dir),
            "WEFT_WORKSPACE_DATABASE_URL": settings.database,
            "AWS_ENDPOINT_URL": cloud.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
        },
    )


async def ended(process: Process) -> tuple[int, str]:
    """Its exit code, and what it said."""
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def program(settings: WorkspaceSettings, cloud: Cloud, *arguments: str) -> tuple[int, str]:
    return await ended(await started(settings, cloud, *arguments))


async def test_who_is_told_to_end_amid_a_backup_tidies_up(
    bucket: Cloud, ws: Harness, parts_of: Parts
) -> None:
    logs = parts_of.data_dir / "logs" / "demo"
    logs.mkdir(parents=True)
    for number in range(500):
        (logs / f"{number}.log").write_text("a line\n")
    there = place(bucket, "it", "ended")
    process = await started(ws.workspace.settings, bucket, "backup", there.told)
    while not await there.folder.found():  # noqa: ASYNC110 - another process writes it
        await asyncio.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert await ended(process) == (128 + signal.SIGTERM, "")
    assert await there.folder.found() == {}
    store = open_store(there.folder.uri, bucket.options)
    assert [info async for info in store.list()] == []


async def test_an_operator_keeps_lists_and_restores(
    bucket: Cloud, ws: Harness, parts_of: Parts, tmp_path: Path
) -> None:
    settings, folder = ws.workspace.settings, f"{bucket.uri}/operator"
    for name in ("one", "two"):
        await ws.create_run()
        code, said = await program(settings, bucket, "backup", f"{folder}/{name}", "--keep", "1")
        assert code == 0, said
    assert said.splitlines()[0].startswith(f"{folder}/two: ")
    assert said.splitlines()[1:] == [f"removed {folder}/one"]
    await open_store(f"{folder}/half", bucket.options).put("unfinished", b"")
    code, said = await program(settings, bucket, "list", folder, "--output", "json")
    found: list[dict[str, Any]] = json.loads(said)
    assert [(it["name"], it["whole"]) for it in found] == [("half", False), ("two", True)]
    _, said = await program(settings, bucket, "list", folder)
    assert said.splitlines()[0] == f"{folder}/half: not whole"
    home = WorkspaceSettings(data_dir=tmp_path / "restored")
    code, said = await program(home, bucket, "restore", f"{folder}/two")
    assert (code, said[:9]) == (0, "restored "), said
    code, said = await program(home, bucket, "restore", f"{folder}/three")
    assert (code, "holds no whole backup" in said) == (1, True), said
    assert await folder_at(folder, bucket.options).found() == {
        "half": None,
        "two": await _manifest(bucket, f"{folder}/two"),
    }


async def _manifest(cloud: Cloud, uri: str) -> Manifest:
    data = await open_store(uri, cloud.options).get("manifest.json")
    return Manifest.parse(data, uri)
