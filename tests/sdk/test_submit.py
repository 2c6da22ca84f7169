"""Code of a folder is packed the same every time, and nothing else than code."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from weft import _submit, runner
from weft._submit import load_code, pack
from weft.errors import RunnerError, SubmitError

PIPELINE = """
from weft import pipeline, step

@step
def one() -> int:
    return 1

@pipeline
def first() -> int:
    return one()
"""


@pytest.fixture(autouse=True)
def imports() -> Iterator[None]:
    """What loading a file does to imports is undone."""
    modules, path = set(sys.modules), list(sys.path)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    (folder / "helpers").mkdir(parents=True)
    (folder / "flow.py").write_text(PIPELINE)
    (folder / "helpers" / "__init__.py").write_text("")
    (folder / "helpers" / "größe.py").write_text("x = 1\n")
    return folder


def names(archive: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return tar.getnames()


def test_the_same_files_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    first = pack(folder).content
    copy = tmp_path / "elsewhere"
    copy.mkdir()
    # Made in another order, at another time, by another hand.
    for name in reversed(names(first)):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes((folder / name).read_bytes())
        os.utime(copy / name, (1, 1))
    assert pack(copy).content == first
    (copy / "flow.py").write_text("changed")
    assert pack(copy).content != first


def test_only_code_travels(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_submit, "_MAX_FILE_BYTES", 1_000)
    for hidden in (".env", ".git/config", "__pycache__/x.pyc", "venv/lib.py", "build/out.py"):
        (folder / hidden).parent.mkdir(parents=True, exist_ok=True)
        (folder / hidden).write_text("secret")
    (folder / "venv" / "pyvenv.cfg").write_text("")
    (folder / "data.csv").write_text("x" * 1_001)
    (folder / "passwd").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe")  # reading it would never end
    archive = pack(folder)
    assert names(archive.content) == ["flow.py", "helpers/__init__.py", "helpers/größe.py"]
    assert archive.left_out == ("data.csv",)


def test_a_folder_with_everything_in_it_is_refused_before_it_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_submit, "_MAX_FOLDER_BYTES", 30_000)
    for number in range(50):
        (folder / f"{number}.bin").write_bytes(os.urandom(1_000))
    with pytest.raises(SubmitError, match="a folder of its own"):
        pack(folder)


def test_scripts_stay_executable(folder: Path) -> None:
    (folder / "tool.sh").write_text("#!/bin/sh\n")
    (folder / "tool.sh").chmod(0o700)
    with tarfile.open(fileobj=io.BytesIO(pack(folder).content)) as tar:
        assert tar.getmember("tool.sh").mode == 0o755
        assert tar.getmember("flow.py").mode == 0o644


def test_what_was_packed_is_unpacked(folder: Path, tmp_path: Path) -> None:
    archive = pack(folder).content
    target = tmp_path / "target"
    runner.unpack(archive, hashlib.sha256(archive).hexdigest(), target)
    assert (target / "helpers" / "größe.py").read_text() == "x = 1\n"
    with pytest.raises(RunnerError, match="not the one"):
        runner.unpack(archive, "0" * 64, target)


@pytest.mark.parametrize(
    "hostile",
    [
        tarfile.TarInfo("../escaped.py"),
        tarfile.TarInfo("/tmp/escaped.py"),
        "link",
        "hardlink",
        "device",
    ],
)
def test_an_archive_that_would_leave_its_folder_is_refused(
    hostile: tarfile.TarInfo | str, tmp_path: Path
) -> None:
    if isinstance(hostile, str):
        kinds = {"link": tarfile.SYMTYPE, "hardlink": tarfile.LNKTYPE, "device": tarfile.CHRTYPE}
        entry = tarfile.TarInfo("entry")
        entry.type, entry.linkname = kinds[hostile], "../../escaped.py"
    else:
        entry = hostile
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        tar.addfile(entry)
    target = tmp_path / "a" / "target"
    target.mkdir(parents=True)
    content = raw.getvalue()
    # A name from the root is taken as one below the folder, the rest is refused.
    with contextlib.suppress(tarfile.TarError):
        runner.unpack(content, hashlib.sha256(content).hexdigest(), target)
    assert [p for p in tmp_path.rglob("*escaped.py*") if target not in p.parents] == []
    assert not Path("/tmp/escaped.py").exists()


def test_an_archive_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_MAX_UNPACKED_BYTES", 10_000)
    (tmp_path / "code").mkdir()
    for number in range(4):
        (tmp_path / "code" / f"{number}.py").write_text("#" * 4_000)
    content = pack(tmp_path / "code").content
    with pytest.raises(RunnerError, match="unpacks to more"):
        runner.unpack(content, hashlib.sha256(content).hexdigest(), tmp_path / "target")


def test_a_file_s_only_pipeline_needs_no_name(folder: Path) -> None:
    code = load_code(str(folder / "flow.py"))
    assert code.entrypoint == "flow:first"
    assert code.folder == folder
    assert load_code(f"{folder / 'flow.py'}::first").entrypoint == "flow:first"


def test_several_pipelines_need_one(folder: Path) -> None:
    file = folder / "several.py"
    file.write_text(PIPELINE + "\n@pipeline\ndef second() -> int:\n    return one()\n")
    with pytest.raises(SubmitError, match=r"say which pipeline as .*::NAME; it has first, second"):
        load_code(str(file))
    assert load_code(f"{file}::second").entrypoint == "several:second"
    with pytest.raises(SubmitError, match="holds no pipeline 'third'; it has first, second"):
        load_code(f"{file}::third")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("raise ValueError('no')", r"ValueError: no \(flow\.py, line 1\)"),
        ("def f(:", r"invalid syntax \(flow\.py, line 1\)"),
        ("import absent_module", "absent_module"),
        ("raise SystemExit", "exits when it is imported"),
    ],
)
def test_a_file_that_cannot_be_imported(folder: Path, content: str, words: str) -> None:
    (folder / "flow.py").write_text(content)
    with pytest.raises(SubmitError, match=words):
        load_code(str(folder / "flow.py"))


@pytest.mark.parametrize("name", ["queue", "weft", "a.b", "a-b", "1st"])
def test_names_that_a_runner_could_not_import(folder: Path, name: str) -> None:
    (folder / f"{name}.py").write_text(PIPELINE)
    with pytest.raises(SubmitError, match="rename it"):
        load_code(str(folder / f"{name}.py"))
