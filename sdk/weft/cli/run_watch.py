"""`weft runs count, attempts`, and all runs of a project at once as they change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from weft.cli._exit import CommandError, Exit
from weft.cli._names import run_and_step, short
from weft.cli._output import (
    as_dict,
    note,
    output_option,
    print_message,
    print_messages,
    print_streamed,
    print_table,
)
from weft.cli._run_calls import connect
from weft.cli._text import plain

if TYPE_CHECKING:
    from weft._connection import Connection
    from weft.errors import ApiError
    from weftapi.workspace.v1 import events_pb2, run_types_pb2


@click.command()
@output_option
def count(*, output: str) -> None:
    """Count the runs of the project by state."""
    from weftapi.workspace.v1 import runs_pb2

    connection, stub = connect()
    request = runs_pb2.CountRunsRequest(parent=connection.project)
    counted = connection.workspace.call(stub.CountRuns, request)

    def draw() -> None:
        rows = [(state.lower(), f"{runs:,}") for state, runs in sorted(counted.counts.items())]
        rows.append(("all", f"{sum(counted.counts.values()):,}"))
        print_table(("STATE", "RUNS"), rows)

    print_message(counted, output, draw)


@click.command()
@click.argument("step", metavar="RUN/STEP")
@output_option
def attempts(*, step: str, output: str) -> None:
    """List the attempts of a step: where each ran, and why it failed."""
    from weft.cli._runview import duration, step_state
    from weftapi.workspace.v1 import steps_pb2, steps_pb2_grpc

    connection, _ = connect()
    run, step_id = run_and_step(connection, step)
    if not step_id:
        raise CommandError(f"say which step: {step}/STEP; `weft runs show` lists them", Exit.USAGE)
    stub = connection.workspace.stub(steps_pb2_grpc.StepServiceStub)
    request = steps_pb2.ListStepAttemptsRequest(parent=f"{run}/steps/{step_id}")
    print_messages(
        connection.workspace.call(stub.ListStepAttempts, request).step_attempts,
        output,
        header=("ATTEMPT", "STATE", "TOOK", "HOST", "WHY"),
        row=lambda attempt: (
            str(attempt.number),
            step_state(attempt).lower(),
            duration(attempt),
            attempt.host,
            attempt.failure.message,
        ),
        empty="it has not started yet",
    )


def watch_all(connection: Connection, query: str, output: str) -> int:
    """Prints every change of a run of the project, until it is interrupted.

    Programs get each run as a JSON document on a line, a YAML document, or its name alone.
    """
    from weft._streams import watch_runs

    def tell(error: ApiError | None) -> None:
        if error is not None:
            note(f"the watch broke and goes on where it was: {error}")

    told: dict[str, str] = {}
    try:
        for event in watch_runs(connection.workspace, connection.project, query, on_break=tell):
            _tell(event, output, told)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    return Exit.DONE


def _tell(event: events_pb2.Event, output: str, told: dict[str, str]) -> None:
    """Prints a change; for people only one that a line shows, as counts of steps change often."""
    if event.WhichOneof("resource") != "run":
        return
    run = event.run
    if output == "table":
        line = _line(run)
        if told.get(run.name) == line:
            return
        told[run.name] = line
        click.echo(f"{event.event_time.ToDatetime():%H:%M:%S}  {line}")
    elif output == "name":
        click.echo(run.name)
    else:
        print_streamed(as_dict(run), output)


def _line(run: run_types_pb2.Run) -> str:
    from weft.cli._runview import run_state

    why = f"  {run.state_reason}" if run.state_reason else ""
    state = run_state(run).lower()
    return plain(f"{short(run.name):<28}  {short(run.pipeline):<20}  {state}{why}")
