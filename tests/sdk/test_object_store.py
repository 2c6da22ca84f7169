"""Artifacts in object stores: one contract over S3 (moto), Google's (a fake), Azure (Azurite)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.clouds import emulators
from tests.clouds.emulators import Cloud
from tests.sdk.test_engine import engine_of
from weft import RunState, pipeline, step
from weft._objects import Access
from weft._store import BucketStore, Place, open_store
from weft.errors import ArtifactCorruptedError, ArtifactStoreError

PLACE = Place("demo", "run-1", "fit", 1, "model")


@pytest.fixture(scope="module", params=["s3", "gcs", "azure"])
def cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    with {"s3": emulators.s3, "gcs": emulators.gcs, "azure": emulators.azure}[request.param]() as c:
        yield c


@pytest.fixture
def store(cloud: Cloud) -> BucketStore:
    found = open_store(f"{cloud.uri}/some/folder", Access(cloud.options))
    assert isinstance(found, BucketStore)
    return found


def test_an_artifact_is_written_found_and_read(store: BucketStore) -> None:
    with store.write(PLACE) as staged:
        (staged.directory / "sub").mkdir()
        (staged.directory / "sub" / "b.txt").write_bytes(b"second")
        (staged.directory / "a.txt").write_bytes(b"first")
    assert staged.uri == f"{store.root}/demo/run-1/fit/1/model"
    assert staged.size_bytes == 11
    assert store.exists(staged.uri)
    with store.read(staged.uri, staged.content_hash) as folder:
        assert (folder / "a.txt").read_bytes() == b"first"
        assert (folder / "sub" / "b.txt").read_bytes() == b"second"
    with pytest.raises(ArtifactCorruptedError), store.read(staged.uri, "0" * 64):
        pass


def test_the_same_attempt_again_leaves_nothing_of_the_first(store: BucketStore) -> None:
    for name in ("old", "new"):
        with store.write(PLACE) as staged:
            (staged.directory / name).write_bytes(name.encode())
    with store.read(staged.uri, staged.content_hash) as folder:
        assert [path.name for path in folder.iterdir()] == ["new"]


def test_what_is_not_there(store: BucketStore) -> None:
    assert not store.exists(f"{store.root}/demo/run-1/fit/1/absent")
    assert not store.exists("s3://another/demo/run-1/fit/1/model")
    with pytest.raises(ArtifactStoreError), store.read("s3://another/x", "0" * 64):
        pass
    with pytest.raises(ArtifactStoreError), store.read(f"{store.root}/../x", "0" * 64):
        pass


def test_credentials_are_asked_for_and_errors_hold_none() -> None:
    with emulators.s3() as cloud:
        asked = []

        def credentials() -> dict[str, object]:
            asked.append(1)
            keys = {name: cloud.options[name] for name in ("access_key_id", "secret_access_key")}
            return {**keys, "token": None, "expires_at": datetime.now(UTC) + timedelta(hours=1)}

        options = {"endpoint": cloud.endpoint, "region": "us-east-1"}
        store = BucketStore(cloud.uri, Access(options, credentials))
        with store.write(PLACE) as staged:
            (staged.directory / "a").write_bytes(b"a")
        assert asked
        elsewhere = BucketStore("s3://absent", Access(options, credentials))
        with pytest.raises(ArtifactStoreError) as refusal, elsewhere.write(PLACE) as staged:
            (staged.directory / "a").write_bytes(b"a")
        assert "testing" not in str(refusal.value)


@step(isolation="process", cache=False)
def made_apart() -> int:
    return 7


def test_a_process_of_its_own_gets_new_credentials_when_its_first_ones_end(
    tmp_path: Path,
) -> None:
    with emulators.s3() as cloud:
        lives = [timedelta(minutes=4), timedelta(hours=1)]

        def credentials() -> dict[str, object]:
            keys = {name: cloud.options[name] for name in ("access_key_id", "secret_access_key")}
            return {**keys, "token": None, "expires_at": datetime.now(UTC) + lives.pop(0)}

        @pipeline
        def whole() -> None:
            made_apart()

        options = {"endpoint": cloud.endpoint, "region": "us-east-1"}
        store = BucketStore(cloud.uri, Access(options, credentials))
        engine, records = engine_of(tmp_path, whole, store=store)
        assert engine.run() is RunState.SUCCEEDED
        assert records()
        assert lives == [], "those that came with the work were about to end"
