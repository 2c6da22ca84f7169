"""Artifacts appear whole, stay where they belong, and are found in any file system."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft._store import Place, open_store
from weft.errors import ArtifactCorruptedError, ArtifactStoreError

PLACE = Place("default", "brave-otter", "train", 1, "model")


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    root = str(tmp_path) if request.param == "local" else f"memory://{tmp_path.name}/artifacts"
    return open_store(root)


def write(store: Any, place: Place = PLACE, **files: str) -> Any:
    with store.write(place) as staged:
        for name, text in files.items():
            (staged.directory / name).write_text(text)
    return staged


def test_written_files_read_back(store: Any) -> None:
    with store.write(PLACE) as staged:
        (staged.directory / "deep").mkdir()
        (staged.directory / "deep" / "a").write_text("1")
        (staged.directory / "b").write_text("22")
    assert staged.size_bytes == 3
    assert staged.uri == f"{store.root}/default/brave-otter/train/1/model"
    assert store.exists(staged.uri)
    with store.read(staged.uri, staged.content_hash) as found:
        assert (found / "deep" / "a").read_text() == "1"
        assert (found / "b").read_text() == "22"


def test_the_hash_is_that_of_sha256sum(store: Any) -> None:
    import hashlib

    staged = write(store, data="x")
    line = f"{hashlib.sha256(b'x').hexdigest()}  data\n"
    assert staged.content_hash == hashlib.sha256(line.encode()).hexdigest()


def test_an_error_while_writing_leaves_nothing(store: Any, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="disk"), store.write(PLACE) as staged:  # noqa: PT012
        (staged.directory / "half").write_text("x")
        raise OSError("disk full")
    assert not staged.uri
    assert not store.exists(f"{store.root}/default/brave-otter/train/1/model")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_the_same_place_again_replaces(store: Any) -> None:
    write(store, old="1")
    staged = write(store, new="2")
    with store.read(staged.uri, staged.content_hash) as found:
        assert [path.name for path in found.iterdir()] == ["new"]


def test_a_wrong_hash_is_refused(store: Any) -> None:
    staged = write(store, data="x")
    with pytest.raises(ArtifactCorruptedError), store.read(staged.uri, "0" * 64):
        pass


@pytest.mark.parametrize("part", ["..", ".", "", "a/b", "/", "a\\b", ".hidden", "a\0b", "-" * 3])
def test_no_part_of_a_place_leaves_its_folder(part: str) -> None:
    for name in ("project", "run", "step", "output"):
        fields = {"project": "p", "run": "r", "step": "s", "output": "o"} | {name: part}
        with pytest.raises(ArtifactStoreError):
            Place(attempt=1, **fields)


@given(st.text())
def test_addresses_outside_are_refused(tail: str) -> None:
    store = open_store("/nonexistent/weft-store")
    for uri in (f"{store.root}/{tail}/../x", f"{store.root}/..%2F{tail}", f"file:///etc/{tail}"):
        with pytest.raises(ArtifactStoreError), store.read(uri, ""):
            pass


def test_symbolic_links_are_refused(store: Any, tmp_path: Path) -> None:
    with pytest.raises(ArtifactStoreError, match="symbolic link"), store.write(PLACE) as staged:
        (staged.directory / "link").symlink_to("/etc/passwd")


def test_file_uris_and_paths_are_the_same_store(tmp_path: Path) -> None:
    folder = tmp_path / "with space"
    staged = write(open_store(folder.as_uri()), data="x")
    assert open_store(str(folder)).exists(staged.uri)
