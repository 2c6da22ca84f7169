"""What the workspace shows of artifacts, and links to their files."""

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from meshkit.objects import open_store
from tests.clouds import emulators
from tests.workspace.harness import DEMO_EDITOR, VIEWER, Harness, refused, workspace
from tests.workspace.test_artifact_upkeep import version
from weftapi.workspace.v1 import artifact_types_pb2
from weftapi.workspace.v1 import artifacts_pb2 as pb

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 16
FILES = {
    "figure.png": PNG,
    "report.html": b"<script>alert(1)</script>",
    "notes.md": b"# Notes",
    "head.csv": b"a,b\n1,2\n",
    "tree.json": b"{}",
    "plot.json": b'{"data": []}',
    "fake.png": b"<script>alert(1)</script>",
    "large.csv": b"x" * ((3 << 20) + 1),
    "parts/data.bin": bytes(range(256)) * 8192,
}
KINDS = {"png": "IMAGE", "html": "HTML", "md": "MARKDOWN", "csv": "CSV", "json": "JSON"}


def shown(file: str) -> artifact_types_pb2.Visualization:
    kind = "PLOT" if file == "plot.json" else KINDS[file.rpartition(".")[2]]
    return artifact_types_pb2.Visualization(kind=f"VISUALIZATION_KIND_{kind}", file=file)


async def made(
    ws: Harness, uri: str, *files: str, project: str = "demo"
) -> artifact_types_pb2.ArtifactVersion:
    request = pb.CreateArtifactVersionRequest(
        parent=f"projects/{project}/artifacts/report",
        artifact_version=version(uri=uri, visualizations=[shown(file) for file in files]),
    )
    return await ws.artifacts().CreateArtifactVersion(request)


async def filled(ws: Harness, folder: str = "demo/run/report/1/output") -> str:
    """Files where a run would have put them; the folder's URI."""
    root = ws.workspace.settings.artifact_store
    store = open_store(root)
    for file, data in FILES.items():
        await store.put(f"{folder}/{file}", data)
    return f"{root}/{folder}"


async def look(
    ws: Harness, name: str, file: str = "", token: str | None = None
) -> tuple[str, bytes]:
    body = await ws.artifacts(token).GetVisualization(
        pb.GetVisualizationRequest(name=name, file=file)
    )
    return body.content_type, body.data


async def fetched(ws: Harness, uri: str) -> bytes:
    token = uri.rpartition("/")[2]
    stream = ws.artifacts("").DownloadFile(pb.DownloadFileRequest(token=token))
    return b"".join([body.data async for body in stream])


@pytest.fixture
async def buckets(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Harness]:
    """A workspace whose artifacts are in S3, as its environment says."""
    with emulators.s3() as cloud:
        for name, value in (
            ("AWS_ENDPOINT_URL", cloud.endpoint),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "testing"),
            ("AWS_SECRET_ACCESS_KEY", "testing"),
        ):
            monkeypatch.setenv(name, value)
        async with workspace(tmp_path, sqlite_url, artifact_store_uri="s3://weft/art") as harness:
            await harness.create_project()
            yield harness


async def test_every_kind_is_shown_as_a_type_that_is_safe(ws: Harness) -> None:
    files = [file for file in FILES if "." in file and "/" not in file]
    name = (await made(ws, await filled(ws), *files)).name
    expected = {
        "figure.png": "image/png",
        "report.html": "text/html; charset=utf-8",
        "notes.md": "text/markdown; charset=utf-8",
        "head.csv": "text/csv; charset=utf-8",
        "tree.json": "application/json",
        "plot.json": "application/json",
    }
    for file, content_type in expected.items():
        assert await look(ws, name, file, ws.token(VIEWER)) == (content_type, FILES[file])
    assert await look(ws, name) == ("image/png", PNG)
    for file in ("fake.png", "large.csv"):
        async with refused("FAILED_PRECONDITION", "CONTENT_NOT_READABLE"):
            await look(ws, name, file)


async def test_only_what_was_recorded_is_shown(ws: Harness) -> None:
    uri = await filled(ws)
    name = (await made(ws, uri, "figure.png")).name
    for file in ("head.csv", "../output/figure.png", "parts/data.bin", "nothing.png"):
        async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
            await look(ws, name, file)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await look(ws, (await made(ws, uri)).name)
    gone = await made(ws, f"{uri}-gone", "figure.png")
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await look(ws, gone.name)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await look(ws, "projects/demo/artifacts/report/versions/9")


async def test_nothing_outside_the_projects_own_folder_is_read(ws: Harness) -> None:
    await ws.create_project("other")
    uri = await filled(ws)
    root = ws.workspace.settings.artifact_store
    data = root.removesuffix("/artifacts")
    outside = [
        "file:///etc",
        data,
        f"{root}/../",
        f"{root}/demo/%2e%2e/%2e%2e",
        f"{root}/demo/../../artifacts",
        f"{root}/demo",
        "http://169.254.169.254/latest",
        "s3://elsewhere/demo/x",
    ]
    for place in outside:
        name = (await made(ws, place, "figure.png")).name
        async with refused("FAILED_PRECONDITION", "CONTENT_NOT_READABLE"):
            await look(ws, name)
        async with refused("FAILED_PRECONDITION", "CONTENT_NOT_READABLE"):
            await ws.artifacts().CreateDownloadUrl(pb.CreateDownloadUrlRequest(name=name))
    foreign = await made(ws, uri, "figure.png", project="other")
    async with refused("FAILED_PRECONDITION", "CONTENT_NOT_READABLE"):
        await look(ws, foreign.name)


async def test_a_link_opens_one_file_for_anybody_until_its_time(ws: Harness) -> None:
    name = (await made(ws, await filled(ws))).name
    request = pb.CreateDownloadUrlRequest(name=name)
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await ws.artifacts(ws.token(VIEWER)).CreateDownloadUrl(request)
    links = await ws.artifacts(ws.token(DEMO_EDITOR)).CreateDownloadUrl(request)
    assert {file.file: file.size_bytes for file in links.files} == {
        file: len(data) for file, data in FILES.items()
    }
    for file in links.files:
        assert file.uri.startswith("/api/workspace/v1/downloads/")
        assert await fetched(ws, file.uri) == FILES[file.file]
    ws.clock.move(minutes=6)
    async with refused("NOT_FOUND", "LINK_EXPIRED"):
        await fetched(ws, links.files[0].uri)


async def test_a_link_of_ones_own_making_opens_nothing(ws: Harness) -> None:
    made_version = await made(ws, await filled(ws))
    links = await ws.artifacts().CreateDownloadUrl(
        pb.CreateDownloadUrlRequest(name=made_version.name)
    )
    good = links.files[0].uri.rpartition("/")[2]
    forged = json.dumps([made_version.uid, "figure.png", 4e9]).encode().hex()
    for token in (
        "x",
        "00",
        forged,
        good[:-2] + ("00" if good[-2:] != "00" else "11"),
        good + "00",
    ):
        async with refused("NOT_FOUND", "LINK_EXPIRED"):
            await fetched(ws, token)
    await ws.artifacts().DeleteArtifactVersion(
        pb.DeleteArtifactVersionRequest(name=made_version.name)
    )
    async with refused("NOT_FOUND", "LINK_EXPIRED"):
        await fetched(ws, good)


async def test_in_an_object_store_links_are_the_stores_own(buckets: Harness) -> None:
    name = (await made(buckets, await filled(buckets), "figure.png")).name
    assert await look(buckets, name) == ("image/png", PNG)
    links = await buckets.artifacts().CreateDownloadUrl(pb.CreateDownloadUrlRequest(name=name))
    assert [file.file for file in links.files] == sorted(FILES)
    for file in links.files:
        assert file.uri.startswith("http://127.0.0.1")
        assert await asyncio.to_thread(_fetch, file.uri) == FILES[file.file]


async def test_a_store_that_is_away_fails_this_call_alone(
    buckets: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = (await made(buckets, "s3://weft/art/demo/run/a/1/x", "figure.png")).name
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    async with refused("UNAVAILABLE", "ARTIFACT_STORE_UNAVAILABLE"):
        await look(buckets, name)
    assert await buckets.artifacts().GetArtifactVersion(pb.GetArtifactVersionRequest(name=name))


def _fetch(link: str) -> bytes:
    with urllib.request.urlopen(link, timeout=20) as response:
        return bytes(response.read())
