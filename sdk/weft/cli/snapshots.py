"""`weft snapshots`: frozen pipelines, the templates among them, and runs of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weft.cli._exit import Exit
from weft.cli._names import code_of, name_of, short
from weft.cli._output import by_id, note, output_option, print_fields, print_message, print_messages
from weft.cli._pages import paged
from weft.cli._run_actions import describe, pairs
from weft.cli._run_calls import request_id
from weft.cli._run_options import (
    chosen_stack,
    labels_of,
    set_step_settings,
    settings_option,
    tag_option,
)
from weft.cli._snapshot_prune import prune

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import snapshot_types_pb2, snapshots_pb2_grpc

_parameters = click.option(
    "-p",
    "--parameter",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of the pipeline; the value is JSON, or else a text.",
)


@click.group()
def snapshots() -> None:
    """Keep snapshots and run them. SNAPSHOT is an id, a name or a template's name."""


snapshots.add_command(prune)


@snapshots.command("list")
@click.option("-q", "--query", default="", help="Which: over pipeline, template, create_time.")
@click.option("--templates", is_flag=True, help="Only those that are published.")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True)
@output_option
def list_snapshots(*, query: str, templates: bool, limit: int, output: str) -> None:
    """List snapshots, newest first."""
    connection, stub = _connect()
    parts = [f"({query})" if query else "", "template:*" if templates else ""]
    print_messages(
        _list(connection, stub, " AND ".join(filter(None, parts)), limit),
        output,
        header=("SNAPSHOT", "TEMPLATE", "PIPELINE", "MADE", "NAME"),
        row=lambda s: (
            short(s.name),
            s.template,
            short(s.pipeline),
            s.create_time.ToDatetime().strftime("%Y-%m-%d %H:%M:%S"),
            s.display_name,
        ),
        empty="no snapshots: `weft run FILE` makes one",
    )


@snapshots.command()
@click.argument("snapshot")
@output_option
def show(*, snapshot: str, output: str) -> None:
    """Show a snapshot and its steps."""
    from weftapi.workspace.v1 import snapshots_pb2

    connection, stub = _connect()
    request = snapshots_pb2.GetSnapshotRequest(name=_name(connection, stub, snapshot))
    found = connection.workspace.call(stub.GetSnapshot, request)

    def draw() -> None:
        print_fields(
            [
                ("snapshot", found.name),
                ("template", found.template),
                ("name", found.display_name),
                ("about", found.description),
                by_id("pipeline", found.pipeline),
                by_id("build", found.build),
                ("code", found.code.sha256[:12]),
                ("commit", code_of(found)),
                ("by", found.creator),
            ]
        )
        for step in found.spec.steps:
            after = f"  after {', '.join(step.upstream)}" if step.upstream else ""
            click.echo(f"  {step.id}{after}")

    print_message(found, output, draw)


@snapshots.command()
@click.argument("snapshot")
@click.argument("template")
@click.option("--move", is_flag=True, help="Take the name from the snapshot that has it.")
@output_option
def publish(*, snapshot: str, template: str, move: bool, output: str) -> None:
    """Publish a snapshot as a template, under a name that people run it by."""
    from weftapi.workspace.v1 import snapshots_pb2

    connection, stub = _connect()
    request = snapshots_pb2.PublishSnapshotRequest(
        name=_name(connection, stub, snapshot),
        template=template,
        move=move,
        request_id=request_id(),
    )
    made = connection.workspace.call(stub.PublishSnapshot, request)
    print_message(made, output, lambda: click.echo(f"{short(made.name)} is template {template}"))


@snapshots.command()
@click.argument("snapshot")
@output_option
def unpublish(*, snapshot: str, output: str) -> None:
    """Take a snapshot's template name away."""
    from weftapi.workspace.v1 import snapshots_pb2

    connection, stub = _connect()
    name = _name(connection, stub, snapshot)
    request = snapshots_pb2.UnpublishSnapshotRequest(name=name, request_id=request_id())
    made = connection.workspace.call(stub.UnpublishSnapshot, request)
    print_message(made, output, lambda: click.echo(f"{short(made.name)} is no template"))


@snapshots.command()
@click.argument("snapshot")
@click.option("--name", "display_name", help="The name that people read.")
@click.option("--description", help="What it is for.")
@output_option
def update(
    *, snapshot: str, display_name: str | None, description: str | None, output: str
) -> None:
    """Name and describe a snapshot."""
    from weftapi.workspace.v1 import snapshots_pb2

    connection, stub = _connect()
    name = _name(connection, stub, snapshot)
    request = snapshots_pb2.UpdateSnapshotRequest(request_id=request_id())
    request.snapshot.name = name
    describe(request.snapshot, request.update_mask, display_name, description)
    if not request.update_mask.paths:
        raise click.UsageError("nothing to change: give --name or --description")
    made = connection.workspace.call(stub.UpdateSnapshot, request)
    print_message(made, output, lambda: click.echo(f"{short(made.name)} is updated"))


@snapshots.command()
@click.argument("snapshot")
@_parameters
@tag_option
@click.option("--no-cache", is_flag=True, help="Take no step's result from an earlier run.")
@click.option(
    "--stack",
    "--on",
    "stack",
    help="The stack to run on; by default the snapshot's, or that of `weft stacks use`.",
)
@settings_option
@click.option("--detach", is_flag=True, help="Print the run's name and do not watch it.")
@output_option
def run(
    *,
    snapshot: str,
    parameters: tuple[str, ...],
    tags: tuple[str, ...],
    no_cache: bool,
    stack: str | None,
    step_settings: Path | None,
    detach: bool,
    output: str,
) -> int:
    """Run a snapshot on the mesh, and watch it."""
    from weft.cli.runs import present
    from weftapi.workspace.v1 import snapshots_pb2

    connection, stub = _connect()
    request = snapshots_pb2.RunSnapshotRequest(
        name=_name(connection, stub, snapshot),
        labels=labels_of(tags),
        cache_disabled=no_cache,
        request_id=request_id(),
    )
    request.parameters.update(_values(parameters))
    request.stack = _stack(connection, stub, request.name, stack)
    if step_settings:
        set_step_settings(request.step_settings, step_settings)
    made = connection.workspace.call(stub.RunSnapshot, request)
    note(f"run {short(made.name)} of {short(made.pipeline)}")
    return present(connection, made, output, detach=detach)


@snapshots.command()
@click.argument("snapshot")
@_parameters
@output_option
def validate(*, snapshot: str, parameters: tuple[str, ...], output: str) -> int:
    """Say everything that speaks against running a snapshot, without running it."""
    from weftapi.workspace.v1 import snapshots_pb2

    connection, stub = _connect()
    name = _name(connection, stub, snapshot)
    request = snapshots_pb2.ValidateSnapshotRunRequest(name=name)
    request.parameters.update(_values(parameters))
    answer = connection.workspace.call(stub.ValidateSnapshotRun, request)

    def draw() -> None:
        for problem in answer.problems:
            click.echo(f"{problem.reason}  {problem.field} {problem.message}".rstrip())
        for warning in answer.warnings:
            note(warning)
        if not answer.problems:
            click.echo(f"{short(name)} can run")

    print_message(answer, output, draw)
    return Exit.ERROR if answer.problems else Exit.DONE


@snapshots.command()
@click.argument("snapshot")
@output_option
def schema(*, snapshot: str, output: str) -> None:
    """Print the JSON Schema of a snapshot's parameters, with their defaults."""
    from google.protobuf.json_format import MessageToDict

    from weftapi.workspace.v1 import snapshots_pb2

    connection, stub = _connect()
    request = snapshots_pb2.GetSnapshotParameterSchemaRequest(
        name=_name(connection, stub, snapshot)
    )
    answer = connection.workspace.call(stub.GetSnapshotParameterSchema, request)
    found = MessageToDict(answer.schema)
    print_message(answer, output, lambda: click.echo(json.dumps(found, indent=2)))


@snapshots.command()
@click.argument("snapshot")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(*, snapshot: str, yes: bool) -> None:
    """Delete a snapshot that no run was made of and that is no template."""
    from weftapi.workspace.v1 import snapshots_pb2

    connection, stub = _connect()
    name = _name(connection, stub, snapshot, is_whole=True)
    if not yes:
        click.confirm(f"Delete {short(name)}?", abort=True, err=True)
    connection.workspace.call(stub.DeleteSnapshot, snapshots_pb2.DeleteSnapshotRequest(name=name))
    click.echo(f"{short(name)} is deleted")


def _connect() -> tuple[Connection, snapshots_pb2_grpc.SnapshotServiceStub]:
    from weft._connection import Connection
    from weftapi.workspace.v1 import snapshots_pb2_grpc

    connection = Connection.current()
    return connection, connection.workspace.stub(snapshots_pb2_grpc.SnapshotServiceStub)


def _name(
    connection: Connection,
    stub: snapshots_pb2_grpc.SnapshotServiceStub,
    text: str,
    *,
    is_whole: bool = False,
) -> str:
    """The name of a snapshot: of a template where there is one, else of its id, whole or not."""
    if text.startswith("projects/"):
        return text
    found = _list(connection, stub, f"template = {json.dumps(text)}", 1)
    if found or is_whole:
        return found[0].name if found else f"{connection.project}/snapshots/{text}"
    return name_of(connection, "snapshot", text)


def _stack(
    connection: Connection,
    stub: snapshots_pb2_grpc.SnapshotServiceStub,
    name: str,
    given: str | None,
) -> str:
    """The stack to ask for; where nobody asks, a snapshot's own comes before the context's."""
    from weftapi.workspace.v1 import snapshots_pb2

    chosen = chosen_stack(connection, given)
    if given is None and chosen:
        request = snapshots_pb2.GetSnapshotRequest(name=name)
        return "" if connection.workspace.call(stub.GetSnapshot, request).stack else chosen
    return chosen


def _list(
    connection: Connection, stub: snapshots_pb2_grpc.SnapshotServiceStub, query: str, limit: int
) -> list[snapshot_types_pb2.Snapshot]:
    from weftapi.workspace.v1 import snapshots_pb2

    request = snapshots_pb2.ListSnapshotsRequest(parent=connection.project, filter=query)
    pages = paged(lambda r: connection.workspace.call(stub.ListSnapshots, r), request, limit)
    return [snapshot for page in pages for snapshot in page.snapshots]


def _values(parameters: tuple[str, ...]) -> dict[str, Any]:
    """Reads NAME=VALUE, where a value that is no JSON is a text."""
    found: dict[str, Any] = {}
    for name, text in pairs(parameters).items():
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    return found
