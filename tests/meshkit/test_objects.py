"""Every object store, one contract: a folder, S3 (moto), Google's (a fake), Azure (Azurite)."""

import asyncio
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshkit.objects import open_store
from meshkit.objects.keys import below, checked
from meshkit.objects.port import (
    ObjectDeniedError,
    ObjectMissingError,
    ObjectStore,
    ObjectStoreError,
)
from tests.clouds import emulators
from tests.clouds.emulators import Cloud

CLOUDS = {"s3": emulators.s3, "gcs": emulators.gcs, "azure": emulators.azure}


@pytest.fixture(scope="module", params=["file", *CLOUDS])
def cloud(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("objects")
    here = nullcontext(Cloud(f"file://{folder}", "", {}))
    with CLOUDS[request.param]() if request.param in CLOUDS else here as cloud:
        yield cloud


@pytest.fixture
def store(cloud: Cloud, request: pytest.FixtureRequest) -> ObjectStore:
    """A prefix for each test: no store sees another's objects."""
    return open_store(f"{cloud.uri}/{request.node.originalname}", cloud.options)


async def test_an_object_is_read_back_whole_and_in_parts(store: ObjectStore) -> None:
    await store.put("runs/a/data.bin", b"0123456789")
    assert await store.get("runs/a/data.bin") == b"0123456789"
    assert await store.get("runs/a/data.bin", offset=2, length=3) == b"234"
    assert await store.get("runs/a/data.bin", offset=8, length=9) == b"89"
    assert await store.get("runs/a/data.bin", offset=10, length=1) == b""
    assert await store.get("runs/a/data.bin", offset=7) == b"789"
    await store.put("runs/a/data.bin", b"")
    assert await store.get("runs/a/data.bin") == b""


async def test_a_large_object_comes_in_pieces(store: ObjectStore) -> None:
    data = os.urandom(3 << 20)
    await store.put("large", data)
    pieces = [piece async for piece in store.stream("large")]
    assert b"".join(pieces) == data
    assert len(pieces) > 1


async def test_what_is_not_there_is_missing(store: ObjectStore) -> None:
    await store.put("there/it-is", b"x")
    assert await store.head("nothing") is None
    for key in ("nothing", "there", "there/it-is/below"):
        with pytest.raises(ObjectMissingError):
            await store.get(key)
        with pytest.raises(ObjectMissingError):
            await store.get(key, offset=1, length=1)
        with pytest.raises(ObjectMissingError):
            _ = [piece async for piece in store.stream(key)]


async def test_a_key_is_created_once(store: ObjectStore) -> None:
    assert await store.create("a/lock", b"first")
    assert not await store.create("a/lock", b"second")
    assert await store.get("a/lock") == b"first"


async def test_objects_are_listed_by_folder_in_order(store: ObjectStore) -> None:
    assert [info async for info in store.list()] == []
    before = datetime.now(UTC) - timedelta(minutes=1)
    for key in ("b/2", "a", "b/10", "bc/1", "b/c/d"):
        await store.put(key, key.encode())
    found = [info async for info in store.list()]
    assert [info.key for info in found] == ["a", "b/10", "b/2", "b/c/d", "bc/1"]
    assert [info.size_bytes for info in found] == [1, 4, 3, 5, 4]
    assert all(
        before < info.modify_time < datetime.now(UTC) + timedelta(minutes=1) for info in found
    )
    assert [info.key async for info in store.list("b")] == ["b/10", "b/2", "b/c/d"]
    assert await store.head("b/10") == found[1]


async def test_deleting_is_final_and_safe_to_repeat(store: ObjectStore) -> None:
    keys = [f"k/{number}" for number in range(20)]
    await asyncio.gather(*(store.put(key, b"x") for key in keys))
    await store.delete(keys[:19])
    await store.delete([*keys[:19], "never/was"])
    assert [info.key async for info in store.list()] == ["k/19"]


@pytest.mark.parametrize("cloud", CLOUDS, indirect=True)
async def test_a_signed_link_opens_one_object_for_a_while(cloud: Cloud, store: ObjectStore) -> None:
    await store.put("shown", b"to anybody")
    await store.put("hidden", b"to nobody")
    link = await store.sign("shown", lifetime=timedelta(minutes=5))
    assert await asyncio.to_thread(_fetch, link) == b"to anybody"
    path = link.partition("?")[0]
    if not cloud.uri.startswith("s3:"):  # moto lets everybody read
        with pytest.raises(urllib.error.HTTPError):
            await asyncio.to_thread(_fetch, path)


@pytest.mark.parametrize(
    "key", ["", "/abs", "a//b", "../up", "a/../../up", "a/.", "x\0y", "a\\b", "k" * 1025]
)
async def test_a_key_that_could_leave_the_root_is_refused(store: ObjectStore, key: str) -> None:
    with pytest.raises(ObjectStoreError):
        await store.put(key, b"x")
    with pytest.raises(ObjectStoreError):
        await store.get(key)
    with pytest.raises(ObjectStoreError):
        await store.delete([key])


@pytest.mark.parametrize("cloud", CLOUDS, indirect=True)
async def test_a_store_that_is_away_says_so(cloud: Cloud) -> None:
    away = {k: v.replace(cloud.endpoint, "http://127.0.0.1:9") for k, v in cloud.options.items()}
    with pytest.raises(ObjectStoreError) as refusal:
        await open_store(cloud.uri, away).get("x")
    assert not isinstance(refusal.value, ObjectMissingError)
    assert "testing" not in str(refusal.value)


async def test_a_folder_signs_no_links(tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}")
    await store.put("x", b"x")
    assert await store.sign("x", lifetime=timedelta(minutes=5)) == ""


async def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("key")
    folder = tmp_path / "objects"
    folder.mkdir()
    (folder / "door").symlink_to(tmp_path)
    (folder / "file").symlink_to(secret)
    store = open_store(f"file://{folder}")
    for key in ("door/secret", "file"):
        with pytest.raises(ObjectDeniedError):
            await store.get(key)
        with pytest.raises(ObjectDeniedError):
            await store.head(key)
    assert [info async for info in store.list()] == []
    with pytest.raises(ObjectDeniedError):
        await store.put("door/new", b"x")
    await store.delete(["file"])
    with pytest.raises(ObjectDeniedError):
        await store.delete(["door/secret"])
    assert secret.read_text() == "key"


@pytest.mark.parametrize(
    "uri", ["http://a/b", "s3://", "file://host/x", "file:relative", "s3://b/../c", "nothing"]
)
def test_a_uri_of_no_store_is_refused(uri: str) -> None:
    with pytest.raises(ObjectStoreError):
        open_store(uri)


def test_an_address_is_a_key_below_its_root_only() -> None:
    assert below("s3://b/art", "s3://b/art/p/r%20x/o") == "p/r x/o"
    for uri in (
        "s3://b/artful/x",
        "s3://b/art",
        "s3://b/art/%2e%2e/x",
        "s3://b/art/a%2fb",
        "file:///x",
    ):
        with pytest.raises(ObjectStoreError):
            below("s3://b/art", uri)


@given(st.text(max_size=40))
def test_a_checked_key_never_leaves_its_folder(key: str) -> None:
    try:
        path = Path("/srv/folder", *checked(key).split("/"))
    except ObjectStoreError:
        return
    assert path.resolve().is_relative_to("/srv/folder")
    assert path != Path("/srv/folder")


def _fetch(link: str) -> bytes:
    with urllib.request.urlopen(link, timeout=20) as response:
        return bytes(response.read())
