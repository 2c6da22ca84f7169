"""`weft pipelines`: the names under which snapshots and runs gather."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from weft.cli._names import short
from weft.cli._output import output_option, print_fields, print_message, print_messages
from weft.cli._pages import paged
from weft.cli._run_actions import describe
from weft.cli._run_calls import request_id

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import pipelines_pb2, pipelines_pb2_grpc, run_types_pb2

# So many pipelines the server tells the latest runs of in one answer.
_ASKED_AT_ONCE = 100


@click.group()
def pipelines() -> None:
    """List, show, describe and delete pipelines. PIPELINE is an id or a name."""


@pipelines.command("list")
@click.option("-q", "--query", default="", help="Which, such as 'id:train'.")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True)
@output_option
def list_pipelines(*, query: str, limit: int, output: str) -> None:
    """List pipelines, newest first, and how their last runs went."""
    from weftapi.workspace.v1 import pipelines_pb2

    connection, stub = _connect()
    request = pipelines_pb2.ListPipelinesRequest(parent=connection.project, filter=query)
    pages = paged(lambda r: connection.workspace.call(stub.ListPipelines, r), request, limit)
    found = [pipeline for page in pages for pipeline in page.pipelines]
    latest = _latest_runs(connection, stub, found) if output == "table" else {}
    print_messages(
        found,
        output,
        header=("PIPELINE", "NAME", "LAST RUNS", "LATEST", "STARTED", "ABOUT"),
        row=lambda p: (
            short(p.name),
            p.display_name,
            *_history(latest.get(p.name, [])),
            p.description,
        ),
        empty="no such pipeline" if query else "no pipelines: `weft run FILE` makes one",
    )


def _latest_runs(
    connection: Connection,
    stub: pipelines_pb2_grpc.PipelineServiceStub,
    found: Sequence[pipelines_pb2.Pipeline],
) -> dict[str, list[run_types_pb2.Run]]:
    """The newest runs of each pipeline by its name, newest first."""
    from weftapi.workspace.v1 import pipelines_pb2

    latest: dict[str, list[run_types_pb2.Run]] = {}
    for start in range(0, len(found), _ASKED_AT_ONCE):
        ids = [short(pipeline.name) for pipeline in found[start : start + _ASKED_AT_ONCE]]
        request = pipelines_pb2.GetLatestRunsRequest(parent=connection.project, pipelines=ids)
        for run in connection.workspace.call(stub.GetLatestRuns, request).runs:
            latest.setdefault(run.pipeline, []).append(run)
    return latest


def _history(runs: Sequence[run_types_pb2.Run]) -> tuple[str, str, str]:
    """The states of runs as symbols, the newest last, and what the newest is."""
    from weft.cli._runview import run_state, state_look

    if not runs:
        return "", "", ""
    symbols = [state_look(run_state(run))[0] for run in reversed(runs)]
    started = runs[0].create_time.ToDatetime().strftime("%Y-%m-%d %H:%M:%S")
    return " ".join(symbols), run_state(runs[0]).lower(), started


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
