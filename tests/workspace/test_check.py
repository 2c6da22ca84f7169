"""`weft admin check` beside the database: lines of logs, bytes of artifacts, and what it prints."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from meshkit.backup.databases import transaction
from tests.workspace.harness import Harness
from tests.workspace.log_clients import create_log, write
from tests.workspace.test_artifacts import make, new, running
from weftapi.workspace.v1 import logs_pb2
from workspace.backup import files
from workspace.backup.__main__ import main
from workspace.backup.files import check_content, check_logs
from workspace.config import WorkspaceSettings
from workspace.logs.segments import SUFFIX, name_of


def silent(_what: str, _count: int) -> None:
    return


async def problems(settings: WorkspaceSettings) -> list[str]:
    return [finding.problem for finding in await check_logs(settings, silent)]


async def log(ws: Harness, *, is_sealed: bool) -> Path:
    """A log of four frames with two lines each; where its files are."""
    name = await create_log(ws)
    epoch = 0
    for first in range(0, 8, 2):
        epoch = await write(ws.logs(), name, first, first + 2, writer_epoch=epoch)
    if is_sealed:
        await ws.logs().SealLogStream(logs_pb2.SealLogStreamRequest(name=name))
    found = await ws.logs().GetLogStream(logs_pb2.GetLogStreamRequest(name=name))
    return ws.workspace.settings.log_directory / "demo" / str(UUID(found.uid))


@pytest.fixture(params=[True, False], ids=["sealed", "open"])
async def written(request: pytest.FixtureRequest, ws: Harness) -> Path:
    return await log(ws, is_sealed=request.param)


def segment(directory: Path) -> Path:
    [found] = directory.glob(f"*{SUFFIX}")
    return found


def frames(path: Path) -> list[bytes]:
    """The frames of a segment: a header of 36 bytes, which begins with the length, and the rest."""
    data, found = path.read_bytes(), []
    while data:
        end = 36 + int.from_bytes(data[:4], "little")
        found.append(data[:end])
        data = data[end:]
    return found


def flip(path: Path, place: float) -> None:
    data = bytearray(path.read_bytes())
    data[int(len(data) * place)] ^= 0xFF
    path.write_bytes(data)


async def test_what_is_whole_has_no_findings(ws: Harness, written: Path) -> None:
    assert len(frames(segment(written))) == 4
    assert await problems(ws.workspace.settings) == []


async def test_damage_within_a_log_is_found(ws: Harness, written: Path) -> None:
    flip(segment(written), 0.4)
    [problem] = await problems(ws.workspace.settings)
    assert problem == "projects/demo/logStreams/main has lost its lines 2 to 3"


async def test_what_is_torn_at_the_end_is_lost_where_the_log_was_complete(
    ws: Harness, written: Path
) -> None:
    path = segment(written)
    path.write_bytes(path.read_bytes()[:-1])
    found = await ws.logs().GetLogStream(
        logs_pb2.GetLogStreamRequest(name="projects/demo/logStreams/main")
    )
    is_sealed = found.state == logs_pb2.LOG_STREAM_STATE_SEALED
    told = ["projects/demo/logStreams/main has lost its lines 6 to 7"] if is_sealed else []
    assert await problems(ws.workspace.settings) == told


async def test_a_segment_that_is_gone_is_a_gap(ws: Harness) -> None:
    directory = await log(ws, is_sealed=True)
    parts = frames(segment(directory))
    for place in (0, 2, 3):
        (directory / name_of(place * 2, 1)).write_bytes(parts[place])
    assert await problems(ws.workspace.settings) == [
        "projects/demo/logStreams/main has lost its lines 2 to 3"
    ]


async def test_a_log_whose_files_are_gone_is_found(ws: Harness) -> None:
    directory = await log(ws, is_sealed=True)
    segment(directory).unlink()
    directory.rmdir()
    [problem] = await problems(ws.workspace.settings)
    assert problem == "projects/demo/logStreams/main has lost its lines 0 to 7"


async def test_lines_of_no_log_are_found(ws: Harness) -> None:
    stray = ws.workspace.settings.log_directory / "demo" / str(uuid4())
    stray.mkdir(parents=True)
    (stray / "nothing").touch()
    (stray.parent / ".recalled-x").mkdir()
    [problem] = await problems(ws.workspace.settings)
    assert problem.startswith(f"{stray} holds lines of a log that nobody knows")


async def test_logs_in_an_object_store_are_looked_for_there(
    ws: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is a folder here: which cloud it is in is no matter of this."""
    directory = await log(ws, is_sealed=True)
    name, index = segment(directory).name, {"segments": [segment(directory).name]}
    archive = tmp_path / "archive" / "demo" / directory.name
    archive.mkdir(parents=True)
    directory.rename(tmp_path / "moved")
    (archive / name).write_bytes(b"")
    (archive / "index.json").write_text(json.dumps(index))
    monkeypatch.setattr(files, "open_store", lambda *_: open_store(f"file://{tmp_path}/archive"))
    settings = ws.workspace.settings.model_copy(update={"log_store_uri": "s3://bucket"})
    assert await problems(settings) == []
    (archive / name).unlink()
    assert await problems(settings) == [
        f"projects/demo/logStreams/main lacks {name} in the store of logs"
    ]
    (archive / "index.json").unlink()
    assert await problems(settings) == [
        "projects/demo/logStreams/main lacks index.json in the store of logs"
    ]


open_store = files.open_store


async def stored(ws: Harness, **contents: bytes) -> Path:
    """A version with these files, as the SDK stores and hashes them; its folder."""
    await running(ws, "load")
    root = Path(ws.workspace.settings.artifact_store.removeprefix("file://"))
    folder = root / "demo" / "run" / "load" / "1" / "data"
    folder.mkdir(parents=True)
    lines = ""
    for name, data in sorted(contents.items()):
        (folder / name).write_bytes(data)
        lines += f"{hashlib.sha256(data).hexdigest()}  {name}\n"
    size, hash_ = sum(map(len, contents.values())), hashlib.sha256(lines.encode()).hexdigest()
    item = new("data", size_bytes=size)
    item.artifact_version.uri, item.artifact_version.content_hash = f"file://{folder}", hash_
    await make(ws, item)
    return folder


async def content(ws: Harness) -> list[str]:
    found = await check_content(ws.workspace.settings, silent)
    return [finding.problem for finding in found]


@pytest.mark.parametrize(
    ("harm", "problem"),
    [
        (lambda folder: None, ""),
        (lambda folder: (folder / "a").write_bytes(b"onf"), "other bytes than were stored"),
        (lambda folder: (folder / "a").write_bytes(b"on"), "has 5 bytes, and says 6"),
        (lambda folder: (folder / "b").rename(folder / "c"), "other bytes than were stored"),
        (lambda folder: [path.unlink() for path in folder.iterdir()], "has no bytes"),
    ],
)
async def test_bytes_of_artifacts_are_what_was_stored(
    ws: Harness, harm: Callable[[Path], object], problem: str
) -> None:
    harm(await stored(ws, a=b"one", b=b"two"))
    found = await content(ws)
    assert [problem in told for told in found] == ([True] if problem else [])


async def test_bytes_elsewhere_are_not_ours_to_look_at(ws: Harness) -> None:
    await running(ws, "load")
    item = new("data", size_bytes=5)
    item.artifact_version.uri = "s3://theirs/data"
    await make(ws, item)
    assert await content(ws) == []


def checked(settings: WorkspaceSettings, *options: str) -> tuple[int, str, str]:
    """The command as operators call it, in a process of its own."""
    environment = {
        "WEFT_WORKSPACE_DATA_DIR": str(settings.data_dir),
        "WEFT_WORKSPACE_DATABASE_URL": settings.database,
        "PYTHONPATH": ":".join(sys.path),
    }
    done = subprocess.run(
        [sys.executable, "-m", "workspace.backup", "check", *options],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


async def test_the_command_says_what_is_wrong_and_repairs_counters(ws: Harness) -> None:
    settings = ws.workspace.settings
    await log(ws, is_sealed=True)
    await ws.close()
    await ws.workspace.stop()
    wrong = sa.text("UPDATE run_counters SET count = 7")
    await transaction(settings.database, lambda connection: connection.execute(wrong))
    code, out, err = checked(settings, "--output", "json", "--content")
    assert code == 9
    assert json.loads(out) == {
        "repaired": [],
        "findings": [
            {
                "area": "counters",
                "problem": "projects/demo counts 7 runs PENDING, and has 1",
                "advice": "`weft admin check --repair` counts anew",
                "repairable": True,
            }
        ],
    }
    assert err.splitlines()[0] == "looked at the database"
    assert err.splitlines()[-1] == "looked at 1 logs"
    code, out, _ = checked(settings, "--repair")
    assert code == 0
    assert out.splitlines() == [
        "repaired: projects/demo counts 7 runs PENDING, and has 1",
        "nothing is wrong",
    ]


def test_a_database_that_cannot_be_read_is_no_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["backup", "check"])
    monkeypatch.setenv("WEFT_WORKSPACE_DATA_DIR", str(tmp_path / "absent"))
    monkeypatch.setenv("WEFT_WORKSPACE_DATABASE_URL", f"sqlite:///{tmp_path}/absent/x.db")
    assert main() == 1
    assert "nothing is wrong" not in capsys.readouterr().out
