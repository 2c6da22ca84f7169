"""`weft builds`: the images that the steps of pipelines run in."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import click

from weft._enums import word
from weft.cli._names import name_of, short
from weft.cli._output import by_id, output_option, print_fields, print_message, print_messages
from weft.cli._pages import paged

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import builds_pb2, builds_pb2_grpc


@click.group()
def builds() -> None:
    """List, show, follow, cancel and delete builds. BUILD is an id or a name."""


@builds.command("list")
@click.option("-q", "--query", default="", help="Which: over checksum, pipeline, create_time.")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True)
@output_option
def list_builds(*, query: str, limit: int, output: str) -> None:
    """List builds, newest first."""
    from weftapi.workspace.v1 import builds_pb2

    connection, stub = _connect()
    request = builds_pb2.ListBuildsRequest(parent=connection.project, filter=query)
    pages = paged(lambda r: connection.workspace.call(stub.ListBuilds, r), request, limit)
    print_messages(
        [build for page in pages for build in page.builds],
        output,
        header=("BUILD", "STATE", "PIPELINE", "CHECKSUM", "IMAGE", "MADE"),
        row=lambda b: (
            short(b.name),
            _state(b),
            short(b.pipeline),
            b.checksum[:12],
            b.image.uri or "of steps alone",
            b.create_time.ToDatetime().strftime("%Y-%m-%d %H:%M:%S"),
        ),
        empty="no builds: `weft run` makes them of pipelines that ask for an image",
    )


@builds.command()
@click.argument("build")
@output_option
def show(*, build: str, output: str) -> None:
    """Show a build and its images."""
    from weftapi.workspace.v1 import builds_pb2

    connection, stub = _connect()
    request = builds_pb2.GetBuildRequest(name=name_of(connection, "build", build))
    found = connection.workspace.call(stub.GetBuild, request)
    images = [("image", found.image)] if found.HasField("image") else []
    images += sorted(found.step_images.items())
    print_message(
        found,
        output,
        lambda: print_fields(
            [
                ("build", found.name),
                ("state", f"{_state(found)} {found.state_reason}".strip()),
                by_id("pipeline", found.pipeline),
                ("checksum", found.checksum),
                ("by", found.creator),
                *((step, f"{own.uri} {own.digest}".strip()) for step, own in images),
            ]
        ),
    )


@builds.command()
@click.argument("build")
@click.option("--step", default="", help="Of this step's own image.")
def logs(*, build: str, step: str) -> None:
    """Print what a workload says while it builds an image, until it has ended.

    It is kept where it was written: for a day, as long as nobody set another time.
    """
    from weft._streams import tail_build_log

    connection, _ = _connect()
    for text in tail_build_log(connection.workspace, _name(connection, build), step=step):
        click.echo(text, nl=False)


@builds.command()
@click.argument("build")
@output_option
def cancel(*, build: str, output: str) -> None:
    """Cancel a build that is under way; runs that wait for it fail."""
    from weftapi.workspace.v1 import builds_pb2

    connection, stub = _connect()
    request = builds_pb2.CancelBuildRequest(
        name=_name(connection, build), request_id=str(uuid.uuid4())
    )
    found = connection.workspace.call(stub.CancelBuild, request)
    print_message(found, output, lambda: click.echo(f"{short(found.name)} is {_state(found)}"))


@builds.command()
@click.argument("build")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(*, build: str, yes: bool) -> None:
    """Delete a build that no snapshot uses; its images stay where they are."""
    from weftapi.workspace.v1 import builds_pb2

    connection, stub = _connect()
    name = _name(connection, build)
    if not yes:
        click.confirm(f"Delete {short(name)}?", abort=True, err=True)
    connection.workspace.call(stub.DeleteBuild, builds_pb2.DeleteBuildRequest(name=name))
    click.echo(f"{short(name)} is deleted")


def _connect() -> tuple[Connection, builds_pb2_grpc.BuildServiceStub]:
    from weft._connection import Connection
    from weftapi.workspace.v1 import builds_pb2_grpc

    connection = Connection.current()
    return connection, connection.workspace.stub(builds_pb2_grpc.BuildServiceStub)


def _state(build: builds_pb2.Build) -> str:
    from weftapi.workspace.v1 import builds_pb2

    return word(builds_pb2.BuildState, build.state).lower()


def _name(connection: Connection, text: str) -> str:
    return text if text.startswith("projects/") else f"{connection.project}/builds/{text}"
