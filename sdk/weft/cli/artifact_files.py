"""`weft artifacts view, download`: bytes by way of the workspace, without a store's credentials."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weft.cli._artifacts import connect, find, label, size_of
from weft.cli._exit import CommandError, Exit
from weft.cli._output import note

if TYPE_CHECKING:
    from weft._connection import Endpoint
    from weftapi.workspace.v1 import artifacts_pb2, artifacts_pb2_grpc

_TIMEOUT_S = 60.0


@click.command()
@click.argument("artifact")
@click.option("--file", "shown", default="", help="Which of its visualizations; the first one.")
@click.option("-O", "--to", type=click.Path(dir_okay=False, path_type=Path), help="Where to.")
def view(*, artifact: str, shown: str, to: Path | None) -> None:
    """Write a visualization of a version to a file, or to a pipe."""
    from weftapi.workspace.v1 import artifacts_pb2

    connection, stub = connect()
    version = find(connection, stub, artifact)
    if not version.visualizations:
        raise CommandError(f"{label(version.name)} has nothing to look at", Exit.NOT_FOUND)
    request = artifacts_pb2.GetVisualizationRequest(name=version.name, file=shown)
    body = connection.workspace.call(stub.GetVisualization, request)
    name = shown or version.visualizations[0].file
    if to is None and not sys.stdout.isatty():
        sys.stdout.buffer.write(body.data)
        return
    target = to or Path(Path(name).name)
    target.write_bytes(body.data)
    note(f"{target}: {body.content_type}, {size_of(len(body.data))}")


@click.command()
@click.argument("artifact")
@click.option(
    "-d",
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to put its files; a folder named like it by default.",
)
def download(*, artifact: str, directory: Path | None) -> None:
    """Fetch the files of a version by short-lived links, checked against their hash."""
    from weft._store import files_of, hash_files
    from weftapi.workspace.v1 import artifacts_pb2

    connection, stub = connect()
    version = find(connection, stub, artifact)
    target = directory or Path(label(version.name).replace("@", "-"))
    links = connection.workspace.call(
        stub.CreateDownloadUrl, artifacts_pb2.CreateDownloadUrlRequest(name=version.name)
    )
    for link in links.files:
        _fetch(connection.workspace, stub, link, _inside(target, link.file))
        click.echo(target / link.file)
    if hash_files(target, files_of(target)) != version.content_hash:
        raise CommandError(f"{label(version.name)} is not what was stored", Exit.TAMPERED)
    note(f"{label(version.name)}: {size_of(version.size_bytes)}, hash checked")


def _fetch(
    endpoint: Endpoint,
    stub: artifacts_pb2_grpc.ArtifactServiceStub,
    link: artifacts_pb2.DownloadableFile,
    path: Path,
) -> None:
    import urllib.request

    from weftapi.workspace.v1 import artifacts_pb2

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        if link.uri.startswith("/"):
            request = artifacts_pb2.DownloadFileRequest(token=link.uri.rpartition("/")[2])
            for body in endpoint.read(stub.DownloadFile, request):
                file.write(body.data)
            return
        if not link.uri.startswith(("https://", "http://")):
            raise CommandError("the workspace gave a link of an unknown kind")
        with urllib.request.urlopen(link.uri, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - checked
            shutil.copyfileobj(answer, file)


def _inside(folder: Path, file: str) -> Path:
    """A path below the folder: what a server says does not choose where files go."""
    parts = file.split("/")
    if not all(parts) or {".", ".."} & set(parts) or "\0" in file:
        raise CommandError(f"the workspace named a file {file!r}")
    return folder.joinpath(*parts)
