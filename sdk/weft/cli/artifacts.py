"""`weft artifacts`: what steps made, and where it comes from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from weft.cli._artifacts import artifact_name, connect, find, label, size_of
from weft.cli._names import run_name, short
from weft.cli._output import note, output_option, print_fields, print_message, print_messages
from weft.cli._pages import paged
from weft.cli.artifact_changes import delete, prune, update
from weft.cli.artifact_files import download, view

if TYPE_CHECKING:
    from weft._connection import Connection

_DEPTH = 10


@click.group()
def artifacts() -> None:
    """List, show, name, fetch and end artifacts.

    ARTIFACT is an id, or id@version with a number or an alias; the newest by default.
    """


for _command in (delete, download, prune, update, view):
    artifacts.add_command(_command)


@artifacts.command("list")
@click.option("--run", "run", help="Only what this run made: an id, @latest or @prev.")
@click.option("-q", "--query", default="", help="Which: over alias, labels.<key>, type and more.")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="How many at most.",
)
@output_option
def list_artifacts(*, run: str | None, query: str, limit: int, output: str) -> None:
    """List versions of artifacts, newest first."""
    from weftapi.workspace.v1 import artifacts_pb2

    connection, stub = connect()
    terms = [f"({query})"] if query else []
    if run:
        terms.append(f'producer_run = "{short(run_name(connection, run))}"')
    request = artifacts_pb2.ListArtifactVersionsRequest(
        parent=f"{connection.project}/artifacts/-", filter=" AND ".join(terms)
    )
    call = connection.workspace.call
    pages = paged(lambda r: call(stub.ListArtifactVersions, r), request, limit)
    found = [version for page in pages for version in page.artifact_versions]
    print_messages(
        found,
        output,
        header=("ARTIFACT", "FORMAT", "SIZE", "TYPE", "MADE BY"),
        row=lambda v: (
            label(v.name),
            v.materializer,
            size_of(v.size_bytes),
            v.data_type,
            "/".join(v.producer_step.split("/")[3::2]),
        ),
        empty="no artifacts yet: steps make them when a pipeline runs",
    )


@artifacts.command()
@click.argument("artifact")
@click.option("-q", "--query", default="", help="Which: over alias, type, labels.<key> ...")
@output_option
def versions(*, artifact: str, query: str, output: str) -> None:
    """List the versions of an artifact, newest first."""
    from weftapi.workspace.v1 import artifacts_pb2

    connection, stub = connect()
    call = connection.workspace.call
    request = artifacts_pb2.ListArtifactVersionsRequest(
        parent=artifact_name(connection, artifact), filter=query
    )
    pages = paged(lambda r: call(stub.ListArtifactVersions, r), request)
    print_messages(
        [version for page in pages for version in page.artifact_versions],
        output,
        header=("VERSION", "ALIAS", "FORMAT", "SIZE", "LABELS", "MADE"),
        row=lambda v: (
            label(v.name),
            v.alias,
            v.materializer,
            size_of(v.size_bytes),
            ",".join(f"{key}={value}" for key, value in sorted(v.labels.items())),
            v.create_time.ToJsonString(),
        ),
        empty="no such versions",
    )


@artifacts.command()
@click.argument("artifact")
@click.option(
    "--direction",
    type=click.Choice(["up", "down", "both"]),
    default="both",
    show_default=True,
    help="Where it comes from, what was made of it, or both.",
)
@click.option("--depth", type=click.IntRange(1, 10), default=_DEPTH, help="How many steps away.")
@output_option
def lineage(*, artifact: str, direction: str, depth: int, output: str) -> None:
    """Draw where a version comes from, and what was made of it."""
    from weft.cli._lineage import ask, draw_lineage

    connection, stub = connect()
    version = find(connection, stub, artifact)
    if output == "table":
        click.echo(label(version.name))
        draw_lineage(connection, stub, version.name, direction, depth)
        return
    found = ask(connection, stub, version.name, direction, depth)
    print_message(found, output, lambda: None)


@artifacts.command()
@click.argument("artifact")
@output_option
def show(*, artifact: str, output: str) -> None:
    """Show a version: what it is, where it is, and what it was made of."""
    connection, stub = connect()
    version = find(connection, stub, artifact)

    def draw() -> None:
        print_fields(
            [
                ("artifact", label(version.name)),
                ("type", version.data_type),
                ("written by", version.materializer + (" (runs code)" if version.unsafe else "")),
                ("size", size_of(version.size_bytes)),
                ("sha256", version.content_hash),
                ("where", version.uri),
                ("made by", version.producer_step),
                ("alias", version.alias),
                ("description", version.description),
                ("labels", ", ".join(f"{k}={v}" for k, v in sorted(version.labels.items()))),
                ("shows", ", ".join(shown.file for shown in version.visualizations)),
            ]
        )
        from weft.cli._lineage import draw_lineage

        draw_lineage(connection, stub, version.name, "up", _DEPTH)

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

    connection, stub = connect()
    message = find(connection, stub, artifact)
    version = artifact_version(message)
    target = directory or Path(label(message.name).replace("@", "-"))
    store = open_store(_store_uri(connection))
    with store.read(version.uri, version.content_hash) as source:
        shutil.copytree(source, target, dirs_exist_ok=True)
    for file in sorted(path for path in target.rglob("*") if path.is_file()):
        click.echo(file)
    note(f"{label(message.name)}: {size_of(message.size_bytes)}, hash checked")


def _store_uri(connection: Connection) -> str:
    from weftapi.workspace.v1 import server_pb2, server_pb2_grpc

    stub = connection.workspace.stub(server_pb2_grpc.ServerServiceStub)
    info = connection.workspace.call(stub.GetServerInfo, server_pb2.GetServerInfoRequest())
    return info.artifact_store_uri
