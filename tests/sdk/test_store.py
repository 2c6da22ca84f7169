"""Artifacts appear whole, stay where they belong, and are found in folders and in S3 alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clouds import emulators
from weft._objects import read_bytes, remove, write_bytes
from weft._store import Place, open_store
from weft.errors import ArtifactCorruptedError, ArtifactStoreError

PLACE = Place("default", "brave-otter", "train", 1, "model")


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """A bucket of a real S3 server, found as the environment says."""
    with emulators.s3() as cloud, pytest.MonkeyPatch.context() as environment:
        for name, value in (
            ("AWS_ENDPOINT_URL", cloud.endpoint),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "testing"),
            ("AWS_SECRET_ACCESS_KEY", "testing"),
        ):
            environment.setenv(name, value)
        yield cloud.uri


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "local":
        return open_store(str(tmp_path))
    return open_store(f"{request.getfixturevalue('bucket')}/{tmp_path.name}/artifacts")


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


def test_bytes_by_uri_are_written_once_and_limited(store: Any) -> None:
    uri = f"{store.root}/code/archive.tar.gz"
    with pytest.raises(FileNotFoundError):
        read_bytes(uri, 10)
    write_bytes(uri, b"12345")
    write_bytes(uri, b"other")
    assert read_bytes(uri, 5) == b"12345"
    with pytest.raises(ArtifactStoreError, match="larger"):
        read_bytes(uri, 4)
    remove(uri)
    with pytest.raises(FileNotFoundError):
        read_bytes(uri, 10)


def test_what_is_gone_is_said_to_be(store: Any) -> None:
    place = f"{store.root}/default/brave-otter/train/1/gone"
    with pytest.raises(ArtifactStoreError, match="gone"), store.read(place, ""):
        pass


@pytest.mark.parametrize("root", ["ftp://host/x", "s3://", "memory://x", "http://host/x"])
def test_a_uri_of_no_store_is_refused(root: str) -> None:
    with pytest.raises(ArtifactStoreError, match="no artifact store"):
        open_store(root)


def test_a_store_that_is_away_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden-key")
    with pytest.raises(ArtifactStoreError) as refusal:
        open_store("s3://weft/x").exists("s3://weft/x/a/b/c/1/d")
    assert "hidden-key" not in str(refusal.value)
