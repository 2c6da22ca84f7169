"""`weft artifacts`: what steps made, and where it comes from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weft.cli._names import run_name, short
from weft.cli._output import note, output_option, print_fields, print_message, print_messages
from weft.cli._pages import paged
from weft.cli._text import plain

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import artifacts_pb2, artifacts_pb2_grpc


@click.group()
def artifacts() -> None:
    """List, show and fetch artifacts. ARTIFACT is an id, or id@version; the newest by default."""


@artifacts.command("list")
@click.option("--run", "run", help="Only what this run made: an id, @latest or @prev.")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="How many at most.",
)
@output_option
def list_artifacts(*, run: str | None, limit: int, output: str) -> None:
    """List versions of artifacts, newest first."""
    from weftapi.workspace.v1 import artifacts_pb2

    connection, stub = _connect()
    request = artifacts_pb2.ListArtifactVersionsRequest(parent=f"{connection.project}/artifacts/-")
    if run:
        request.filter = f'producer_run = "{short(run_name(connection, run))}"'
    call = connection.workspace.call
    pages = paged(lambda r: call(stub.ListArtifactVersions, r), request, limit)
    found = [version for page in pages for version in page.artifact_versions]
    print_messages(
        found,
        output,
        header=("ARTIFACT", "FORMAT", "SIZE", "TYPE", "MADE BY"),
        row=lambda v: (
            _label(v.name),
            v.materializer,
            _size(v.size_bytes),
            v.data_type,
            "/".join(v.producer_step.split("/")[3::2]),
        ),
        empty="no artifacts yet: steps make them when a pipeline runs",
    )


@artifacts.command()
@click.argument("artifact")
@output_option
def show(*, artifact: str, output: str) -> None:
    """Show a version: what it is, where it is, and what it was made of."""
    connection, stub = _connect()
    version = _find(connection, stub, artifact)

    def draw() -> None:
        print_fields(
            [
                ("artifact", _label(version.name)),
                ("type", version.data_type),
                ("written by", version.materializer + (" (runs code)" if version.unsafe else "")),
                ("size", _size(version.size_bytes)),
                ("sha256", version.content_hash),
                ("where", version.uri),
                ("made by", version.producer_step),
            ]
        )
        _show_lineage(connection, stub, version.name)

    print_message(version, output, draw)


@artifacts.command()
@click.argument("artifact")
@click.option(
    "-d",
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to put its files; a folder named like it by default.",
)
def get(*, artifact: str, directory: Path | None) -> None:
    """Fetch the files of a version, checked against their hash."""
    import shutil

    from weft._store import open_store
    from weft._wire import artifact_version

    connection, stub = _connect()
    message = _find(connection, stub, artifact)
    version = artifact_version(message)
    target = directory or Path(_label(message.name).replace("@", "-"))
    store = open_store(_store_uri(connection))
    with store.read(version.uri, version.content_hash) as source:
        shutil.copytree(source, target, dirs_exist_ok=True)
    for file in sorted(path for path in target.rglob("*") if path.is_file()):
        click.echo(file)
    note(f"{_label(message.name)}: {_size(message.size_bytes)}, hash checked")


def _connect() -> tuple[Connection, artifacts_pb2_grpc.ArtifactServiceStub]:
    from weft._connection import Connection
    from weftapi.workspace.v1 import artifacts_pb2_grpc

    connection = Connection.current()
    return connection, connection.workspace.stub(artifacts_pb2_grpc.ArtifactServiceStub)


def _find(
    connection: Connection, stub: artifacts_pb2_grpc.ArtifactServiceStub, text: str
) -> artifacts_pb2.ArtifactVersion:
    from weftapi.workspace.v1 import artifacts_pb2

    if text.startswith("projects/"):
        name = text
    else:
        artifact_id, _, number = text.partition("@")
        artifact = f"{connection.project}/artifacts/{artifact_id}"
        if not number:
            found: Any = connection.workspace.call(
                stub.GetArtifact, artifacts_pb2.GetArtifactRequest(name=artifact)
            )
            number = str(found.latest_version)
        name = f"{artifact}/versions/{number}"
    request = artifacts_pb2.GetArtifactVersionRequest(name=name)
    return connection.workspace.call(stub.GetArtifactVersion, request)


def _show_lineage(
    connection: Connection, stub: artifacts_pb2_grpc.ArtifactServiceStub, name: str
) -> None:
    from weftapi.workspace.v1 import artifacts_pb2

    lineage = connection.workspace.call(
        stub.GetLineage, artifacts_pb2.GetLineageRequest(name=name, depth=10)
    )
    made = {edge.artifact_version: edge.step for edge in lineage.edges if edge.output}
    taken = [(edge.step, edge.artifact_version) for edge in lineage.edges if edge.input]
    if taken:
        click.echo("made of")

    drawn: set[str] = set()

    def draw(version: str, depth: int) -> None:
        step = made.get(version, "")
        for source in sorted({v for s, v in taken if s == step}):
            by = short(made.get(source, "")) or "elsewhere"
            is_known = source in drawn and any(s == made.get(source) for s, _ in taken)
            more = "  …" if is_known else ""
            click.echo(plain(f"{'  ' * depth}└─ {_label(source)}  by {by}{more}"))
            if source not in drawn:
                drawn.add(source)
                draw(source, depth + 1)

    draw(name, 1)


def _store_uri(connection: Connection) -> str:
    from weftapi.workspace.v1 import server_pb2, server_pb2_grpc

    stub = connection.workspace.stub(server_pb2_grpc.ServerServiceStub)
    info = connection.workspace.call(stub.GetServerInfo, server_pb2.GetServerInfoRequest())
    return info.artifact_store_uri


def _label(name: str) -> str:
    parts = name.split("/")
    return f"{parts[3]}@{parts[5]}"


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":  # noqa: PLR2004
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return ""
