"""`weft runs archive`: runs that are kept no longer, and what decides which."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from uuid import UUID

import click

from weft.cli._exit import CommandError, Exit
from weft.cli._names import short
from weft.cli._output import (
    Field,
    by_id,
    note,
    output_option,
    print_fields,
    print_message,
    print_messages,
)
from weft.cli._pages import paged
from weft.cli._run_calls import request_id
from weft.cli._text import plain

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import run_archives_pb2, run_archives_pb2_grpc

_days = click.option(
    "--keep-days", type=click.IntRange(min=0), help="Days after their end; 0 is no rule."
)
_last = click.option(
    "--keep-last", type=click.IntRange(min=0), help="The newest of each pipeline; 0 is no rule."
)


@click.group()
def archive() -> None:
    """Say which runs are kept, and read those that were archived.

    RUN is the run's own id, its former name, or the name of the archived run.
    """


@archive.command()
@_days
@_last
@output_option
def policy(*, keep_days: int | None, keep_last: int | None, output: str) -> None:
    """Show or set which runs the project keeps; a run goes when no rule keeps it."""
    from google.protobuf.field_mask_pb2 import FieldMask

    from weft._connection import Connection
    from weftapi.workspace.v1 import projects_pb2, projects_pb2_grpc

    connection = Connection.current()
    stub = connection.workspace.stub(projects_pb2_grpc.ProjectServiceStub)
    rules = {"keep_run_days": keep_days, "keep_last_runs": keep_last}
    given = [field for field, value in rules.items() if value is not None]
    if given:
        project = projects_pb2.Project(
            name=connection.project, keep_run_days=keep_days or 0, keep_last_runs=keep_last or 0
        )
        update = projects_pb2.UpdateProjectRequest(
            project=project, update_mask=FieldMask(paths=given), request_id=request_id()
        )
        found = connection.workspace.call(stub.UpdateProject, update)
    else:
        request = projects_pb2.GetProjectRequest(name=connection.project)
        found = connection.workspace.call(stub.GetProject, request)
    is_any = found.keep_run_days or found.keep_last_runs
    fields: list[Field] = [
        by_id("project", found.name),
        ("keep days", str(found.keep_run_days or "")),
        ("keep last", f"{found.keep_last_runs} of each pipeline" if found.keep_last_runs else ""),
        ("archives", "what no rule keeps" if is_any else "nothing: all runs are kept"),
    ]
    print_message(found, output, lambda: print_fields(fields))


@archive.command()
@_days
@_last
@output_option
def preview(*, keep_days: int | None, keep_last: int | None, output: str) -> None:
    """Show what would be archived, and what stays although it is old. Changes nothing."""
    from weftapi.workspace.v1 import run_archives_pb2

    connection, stub = _connect()
    request = run_archives_pb2.PreviewRetentionRequest(parent=connection.project)
    if keep_days is not None or keep_last is not None:
        request.policy.keep_run_days = keep_days or 0
        request.policy.keep_last_runs = keep_last or 0
    found = connection.workspace.call(stub.PreviewRetention, request)
    print_message(found, output, lambda: _show_preview(found))


@archive.command("list")
@click.option("--pipeline", metavar="PIPELINE", help="Of one pipeline alone.")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True)
@output_option
def list_archived(*, pipeline: str | None, limit: int, output: str) -> None:
    """List archived runs, the last archived first."""
    from weft.cli._runview import run_state
    from weftapi.workspace.v1 import run_archives_pb2

    connection, stub = _connect()
    chosen = f"pipeline = {short(pipeline)}" if pipeline else ""
    request = run_archives_pb2.ListArchivedRunsRequest(parent=connection.project, filter=chosen)
    pages = paged(lambda r: connection.workspace.call(stub.ListArchivedRuns, r), request, limit)
    print_messages(
        [run for page in pages for run in page.archived_runs],
        output,
        header=("RUN", "PIPELINE", "STATE", "CREATED", "ARCHIVED", "ID"),
        row=lambda run: (
            short(run.run_name),
            short(run.pipeline),
            run_state(run).lower(),
            run.create_time.ToDatetime().strftime("%Y-%m-%d %H:%M:%S"),
            run.archive_time.ToDatetime().strftime("%Y-%m-%d %H:%M:%S"),
            short(run.name),
        ),
        empty="no archived runs",
    )


@archive.command()
@click.argument("run")
@output_option
def show(*, run: str, output: str) -> None:
    """Show an archived run and its steps."""
    connection, stub = _connect()
    found = _get(connection, stub, run)
    print_message(found, output, lambda: _show(connection, stub, found))


@archive.command()
@click.argument("run")
@click.argument("log", required=False)
def logs(*, run: str, log: str | None) -> None:
    """Print the logs of an archived run: all of them, or one by its id."""
    from weftapi.workspace.v1 import run_archives_pb2

    connection, stub = _connect()
    found = _get(connection, stub, run)
    for name in [log] if log else found.log_stream_ids:
        request = run_archives_pb2.ReadArchivedLogsRequest(name=found.name, log_stream_id=name)
        while True:
            page = connection.workspace.call(stub.ReadArchivedLogs, request)
            for line in page.lines:
                click.echo(plain(line.message))
            if page.end_of_stream or page.next_offset == request.offset:
                break
            request.offset = page.next_offset


@archive.command()
@click.argument("run")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def delete(*, run: str, yes: bool) -> None:
    """Delete an archived run for good, with its archive and its logs; what it made stays."""
    from weftapi.workspace.v1 import run_archives_pb2

    connection, stub = _connect()
    name = _name(connection, stub, run)
    if not yes:
        click.confirm(f"Delete {short(name)}, its archive and its logs?", abort=True, err=True)
    request = run_archives_pb2.DeleteArchivedRunRequest(name=name)
    connection.workspace.call(stub.DeleteArchivedRun, request)
    note(f"{short(name)} is deleted")


def _show_preview(found: run_archives_pb2.PreviewRetentionResponse) -> None:
    for name in found.runs:
        click.echo(f"goes   {short(name)}")
    for kept in found.kept_runs:
        click.echo(f"stays  {short(kept.run)}  {kept.reason}")
    if found.has_more:
        note("and more")
    if not found.runs and not found.kept_runs:
        note("nothing would be archived")


def _show(
    connection: Connection,
    stub: run_archives_pb2_grpc.RunArchiveServiceStub,
    found: run_archives_pb2.ArchivedRun,
) -> None:
    from weft.cli._runview import duration, run_state, step_state
    from weftapi.workspace.v1 import run_archives_pb2

    print_fields(
        [
            ("run", found.run_name),
            by_id("pipeline", found.pipeline),
            ("state", f"{run_state(found.run).lower()}  {found.run.state_reason}".rstrip()),
            ("took", duration(found.run)),
            ("by", found.creator),
            ("archived", found.archive_time.ToDatetime().strftime("%Y-%m-%d %H:%M:%S")),
            ("at", found.uri),
            ("logs", ", ".join(found.log_stream_ids)),
        ]
    )
    request = run_archives_pb2.ListArchivedStepsRequest(parent=found.name)
    for page in paged(lambda r: connection.workspace.call(stub.ListArchivedSteps, r), request):
        for item in page.archived_steps:
            state = step_state(item.step).lower()
            click.echo(f"  {short(item.step.name):<24} {state:<9} {duration(item.step):>8}")


def _get(
    connection: Connection, stub: run_archives_pb2_grpc.RunArchiveServiceStub, text: str
) -> run_archives_pb2.ArchivedRun:
    from weftapi.workspace.v1 import run_archives_pb2

    wanted = run_archives_pb2.GetArchivedRunRequest(name=_name(connection, stub, text))
    return connection.workspace.call(stub.GetArchivedRun, wanted)


def _name(
    connection: Connection, stub: run_archives_pb2_grpc.RunArchiveServiceStub, text: str
) -> str:
    """The name of an archived run by its id or uid; of several of one id, the last archived."""
    from weftapi.workspace.v1 import run_archives_pb2

    if "/archivedRuns/" in text:
        return text
    request = run_archives_pb2.ListArchivedRunsRequest(
        parent=connection.project, filter=f"run = {json.dumps(short(text))}", page_size=1
    )
    found = connection.workspace.call(stub.ListArchivedRuns, request).archived_runs
    if found:
        return found[0].name
    try:
        return f"{connection.project}/archivedRuns/{UUID(text)}"
    except ValueError:
        raise CommandError(
            f"{text} is not in the archive: `weft runs archive list` shows what is",
            Exit.NOT_FOUND,
        ) from None


def _connect() -> tuple[Connection, run_archives_pb2_grpc.RunArchiveServiceStub]:
    from weft._connection import Connection
    from weftapi.workspace.v1 import run_archives_pb2_grpc

    connection = Connection.current()
    return connection, connection.workspace.stub(run_archives_pb2_grpc.RunArchiveServiceStub)
