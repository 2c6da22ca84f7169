"""A control plane goes on from a backup, on either database: people, members, keys, audit."""

import json
from pathlib import Path
from typing import Any

import pytest

from controlplane.backup import main, parts
from controlplane.config import Settings
from meshkit.backup.archive import BackupError, Manifest, backup, restore
from tests.controlplane.harness import ORGANIZATION, WORKSPACE, Client, Plane, running
from weftapi.controlplane.v1 import audit_pb2, members_pb2


@pytest.fixture
def other_url(request: pytest.FixtureRequest, postgres_url: str, tmp_path: Path) -> str:
    """A database of the other kind than the one that the control plane is on."""
    kind = request.node.callspec.params["database_url"]
    return postgres_url if kind == "sqlite" else f"sqlite:///{tmp_path / 'other.db'}"


async def taken(plane: Plane, tmp_path: Path) -> Path:
    target = tmp_path / "backup"
    await backup(parts(plane.settings), target)
    return target


def rows(directory: Path) -> dict[str, list[dict[str, Any]]]:
    """What a backup holds, without the feed's epoch."""
    found = {
        path.stem: [json.loads(line) for line in path.read_text().splitlines()]
        for path in (directory / "tables").iterdir()
    }
    found["feed_head"][0].pop("epoch")
    return found


async def test_a_restored_control_plane_knows_its_people_and_its_members(
    plane: Plane, admin: Client, tmp_path: Path, other_url: str
) -> None:
    await plane.new_workspace(admin, "team")
    member = await plane.enroll(admin, WORKSPACE, "team")
    await plane.new_user(admin, "bob@example.com", role="viewer")
    source = await taken(plane, tmp_path)
    await plane.new_user(admin, "late@example.com")

    home = tmp_path / "restored"
    settings = Settings(data_dir=home / "controlplane", database_url=other_url)
    manifest = await restore(parts(settings), source)
    assert manifest.rows["users"] == 2
    again = tmp_path / "again"
    await backup(parts(settings), again)
    assert rows(again) == rows(source)

    async with running(home, other_url, clock=plane.clock) as restored:
        assert restored.trust == plane.trust
        # Its token was signed before: the keys are the same.
        client = await restored.edge(admin.tokens.access_token)
        request = members_pb2.ListMembersRequest(parent=ORGANIZATION)
        emails = {it.email for it in (await client.members.ListMembers(request)).members}
        assert emails == {"ada@example.com", "bob@example.com"}
        await restored.sign_in("bob@example.com")
        link = await restored.link(member)
        assert await link.hear("policy")
        audit = audit_pb2.ListAuditEventsRequest(parent=ORGANIZATION)
        assert (await client.audit.ListAuditEvents(audit)).audit_events


async def test_what_provisioned_workspaces_keep_is_not_in_it(plane: Plane, tmp_path: Path) -> None:
    kept = plane.settings.data_dir / "workspaces/w"
    kept.mkdir(parents=True)
    (kept / "workspace.db").touch()
    names = Manifest.read(await taken(plane, tmp_path)).files
    assert not [name for name in names if "workspaces/w" in name or "lock" in name]
    assert {"files/ca.pem", "files/vault.key"} <= names.keys()


async def test_a_running_control_plane_is_not_overwritten(plane: Plane, tmp_path: Path) -> None:
    source = await taken(plane, tmp_path)
    with pytest.raises(BackupError, match="not empty"):
        await restore(parts(plane.settings), source)
    full = Settings(data_dir=tmp_path / "fresh", database_url=plane.settings.database)
    with pytest.raises(BackupError, match="database is not empty"):
        await restore(parts(full), source)
    assert not list((tmp_path / "fresh").iterdir())


async def test_a_backup_that_is_damaged_or_lacks_a_table_is_refused(
    plane: Plane, tmp_path: Path
) -> None:
    source = await taken(plane, tmp_path)
    settings = Settings(data_dir=tmp_path / "fresh")
    users = source / "tables/users.jsonl"
    whole = users.read_bytes()
    users.write_bytes(whole + b"{}")
    with pytest.raises(BackupError, match="damaged"):
        await restore(parts(settings), source)
    users.write_bytes(whole)
    manifest = Manifest.read(source)
    del manifest.files["tables/users.jsonl"]
    manifest.write(source)
    with pytest.raises(BackupError, match="lacks the tables users"):
        await restore(parts(settings), source)
    assert not settings.data_dir.exists()


def test_settings_that_are_not_valid_are_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["controlplane.backup", "backup", "/nonexistent/x"])
    monkeypatch.setenv("WEFT_CONTROLPLANE_PROVISIONER", "magic")
    assert main() == 78
    assert "PROVISIONER" in capsys.readouterr().err
