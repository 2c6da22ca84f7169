"""Data that lies elsewhere becomes an artifact without a copy, and is noticed when it changes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import S3Store

from tests.clouds import emulators
from weft import External, StepState, external, pipeline, start_run, step
from weft._external import _copies
from weft.errors import ArtifactCorruptedError, ArtifactStoreError


@step
def words(source: External) -> int:
    path = source.path()
    files = [path] if path.is_file() else sorted(path.rglob("*.txt"))
    return sum(len(file.read_text().split()) for file in files)


@step(cache=False)
def find(uri: str) -> External:
    return external(uri, digest=True)


@pipeline
def counting(uri: str = "") -> int:
    return words(find(uri))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    (data / "deep").mkdir(parents=True)
    (data / "a.txt").write_text("one two")
    (data / "deep" / "b.txt").write_text("three")
    return data


@pytest.fixture(scope="module")
def bucket() -> Iterator[Any]:
    with emulators.s3() as cloud:
        store = S3Store("weft", config=cloud.options, client_options={"allow_http": True})
        obstore.put(store, "in/a.txt", b"one two")
        obstore.put(store, "in/deep/b.txt", b"three")
        with pytest.MonkeyPatch.context() as patch:
            for name, variable in (
                ("access_key_id", "AWS_ACCESS_KEY_ID"),
                ("secret_access_key", "AWS_SECRET_ACCESS_KEY"),
                ("region", "AWS_REGION"),
            ):
                patch.setenv(variable, cloud.options.get(name, "us-east-1"))
            patch.setenv("AWS_ENDPOINT_URL", cloud.endpoint)
            yield store


def test_a_step_takes_a_file_or_folder_where_it_lies(folder: Path) -> None:
    assert counting(uri=str(folder)).result() == 3
    run = counting(uri=f"file://{folder}/a.txt")
    assert run.result() == 2
    (made,) = run.steps["find"].outputs.values()
    assert made.load().path() == folder / "a.txt"
    sha256 = hashlib.sha256(b"one two").hexdigest()
    assert made.version.schema == {"uri": str(folder / "a.txt"), "sha256": sha256}
    assert (made.version.format, made.version.data_type) == ("external", "weft._external.External")


def test_what_did_not_change_is_not_computed_again(folder: Path) -> None:
    counting(uri=str(folder))
    assert counting(uri=str(folder)).steps["words"].state is StepState.CACHED
    (folder / "deep" / "b.txt").write_text("three four")
    again = counting(uri=str(folder))
    assert again.steps["words"].state is StepState.SUCCEEDED
    assert again.result() == 4


def test_a_notebook_registers_it_and_a_pipeline_takes_it(folder: Path) -> None:
    with start_run("found") as own:
        rows = own.log_artifact("rows", external(folder / "a.txt"))

    @pipeline
    def later() -> int:
        return words(rows)

    assert later().result() == 2


def test_what_has_changed_or_gone_is_said(folder: Path) -> None:
    file = folder / "a.txt"
    known = external(file)
    assert known.sha256 == ""
    os.utime(file, ns=(1, 1))
    with pytest.raises(ArtifactCorruptedError, match="has changed since"):
        known.path()
    wrong = external(file, sha256="0" * 64)
    with pytest.raises(ArtifactCorruptedError, match="is not what its digest says"):
        wrong.path()
    file.unlink()
    for look in (known.path, lambda: external(file)):
        with pytest.raises(ArtifactStoreError, match=f"nothing is at {file}"):
            look()


def test_links_in_a_folder_are_not_followed(folder: Path) -> None:
    (folder / "link").symlink_to("/etc/passwd")
    with pytest.raises(ArtifactStoreError, match="symbolic link"):
        external(folder)


def test_objects_are_fetched_once_and_checked(bucket: Any) -> None:
    one, all_ = external("s3://weft/in/a.txt"), external("s3://weft/in/", digest=True)
    assert (one.size_bytes, all_.size_bytes) == (7, 12)
    assert words(one) == 2
    assert words(all_) == 3
    assert one.path() == one.path()
    # Its digest was taken of the copy that it is read from.
    assert all_ in _copies
    assert one.path().name == "a.txt"
    obstore.put(bucket, "in/a.txt", b"one two six")
    for known in (one, all_):
        with pytest.raises(ArtifactCorruptedError, match="has changed since"):
            known.path()
    assert counting(uri="s3://weft/in/a.txt").result() == 3


@pytest.mark.usefixtures("bucket")
def test_a_wrong_digest_is_noticed_in_a_bucket() -> None:
    wrong = external("s3://weft/in/deep/b.txt", sha256="0" * 64)
    with pytest.raises(ArtifactCorruptedError):
        wrong.path()
    assert wrong not in _copies


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("s3://weft/absent", "nothing is at"),
        ("s3://weft", "whole bucket"),
        ("s3://weft/", "whole bucket"),
        ("ftp://host/file", "is no artifact store"),
    ],
)
def test_what_is_nowhere_is_refused(uri: str, says: str) -> None:
    with pytest.raises(ArtifactStoreError, match=says):
        external(uri)
