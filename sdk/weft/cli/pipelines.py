"""`weft pipelines`: the names under which snapshots and runs gather."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from weft.cli._names import short
from weft.cli._output import output_option, print_fields, print_message, print_messages
from weft.cli._pages import paged
from weft.cli._run_actions import describe
from weft.cli._run_calls import request_id

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import pipelines_pb2_grpc


@click.group()
def pipelines() -> None:
    """List, show, describe and delete pipelines. PIPELINE is an id or a name."""


@pipelines.command("list")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True)
@output_option
def list_pipelines(*, limit: int, output: str) -> None:
    """List pipelines, newest first."""
    from weftapi.workspace.v1 import pipelines_pb2

    connection, stub = _connect()
    request = pipelines_pb2.ListPipelinesRequest(parent=connection.project)
    pages = paged(lambda r: connection.workspace.call(stub.ListPipelines, r), request, limit)
    print_messages(
        [pipeline for page in pages for pipeline in page.pipelines],
        output,
        header=("PIPELINE", "NAME", "ABOUT", "MADE"),
        row=lambda p: (
            short(p.name),
            p.display_name,
            p.description,
            p.create_time.ToDatetime().strftime("%Y-%m-%d %H:%M:%S"),
        ),
        empty="no pipelines: `weft run FILE` makes one",
    )


@pipelines.command()
@click.argument("pipeline")
@output_option
def show(*, pipeline: str, output: str) -> None:
    """Show a pipeline."""
    from weftapi.workspace.v1 import pipelines_pb2

    connection, stub = _connect()
    request = pipelines_pb2.GetPipelineRequest(name=_name(connection, pipeline))
    found = connection.workspace.call(stub.GetPipeline, request)
    print_message(
        found,
        output,
        lambda: print_fields(
            [
                ("pipeline", found.name),
                ("name", found.display_name),
                ("about", found.description),
                ("labels", ", ".join(f"{k}={v}" for k, v in sorted(found.labels.items()))),
                ("by", found.creator),
                ("runs", f"weft runs list -q 'pipeline = {short(found.name)}'"),
            ]
        ),
    )


@pipelines.command()
@click.argument("pipeline")
@click.option("--name", "display_name", help="The name that people read.")
@click.option("--description", help="What it is for.")
@output_option
def update(
    *, pipeline: str, display_name: str | None, description: str | None, output: str
) -> None:
    """Name and describe a pipeline."""
    from weftapi.workspace.v1 import pipelines_pb2

    connection, stub = _connect()
    name = _name(connection, pipeline)
    request = pipelines_pb2.UpdatePipelineRequest(request_id=request_id())
    request.pipeline.name = name
    describe(request.pipeline, request.update_mask, display_name, description)
    if not request.update_mask.paths:
        raise click.UsageError("nothing to change: give --name or --description")
    made = connection.workspace.call(stub.UpdatePipeline, request)
    print_message(made, output, lambda: click.echo(f"{short(made.name)} is updated"))


@pipelines.command()
@click.argument("pipeline")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(*, pipeline: str, yes: bool) -> None:
    """Delete a pipeline that has no runs, snapshots or builds."""
    from weftapi.workspace.v1 import pipelines_pb2

    connection, stub = _connect()
    name = _name(connection, pipeline)
    if not yes:
        click.confirm(f"Delete {short(name)}?", abort=True, err=True)
    request = pipelines_pb2.DeletePipelineRequest(name=name)
    connection.workspace.call(stub.DeletePipeline, request)
    click.echo(f"{short(name)} is deleted")


def _connect() -> tuple[Connection, pipelines_pb2_grpc.PipelineServiceStub]:
    from weft._connection import Connection
    from weftapi.workspace.v1 import pipelines_pb2_grpc

    connection = Connection.current()
    return connection, connection.workspace.stub(pipelines_pb2_grpc.PipelineServiceStub)


def _name(connection: Connection, text: str) -> str:
    return text if text.startswith("projects/") else f"{connection.project}/pipelines/{text}"
