"""`weft runs`: what ran, what runs, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from weft.cli._exit import Exit
from weft.cli._names import run_name, short
from weft.cli._output import note, output_option, print_fields, print_message, print_messages

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import run_types_pb2, runs_pb2_grpc


@click.group()
def runs() -> None:
    """List, show, watch, stop and retry runs. RUN is an id, a name, @latest or @prev."""


@runs.command("list")
@click.option("-q", "--query", default="", help="Which runs, such as 'state = FAILED'.")
@click.option("-n", "--limit", default=20, show_default=True, help="How many at most.")
@output_option
def list_runs(*, query: str, limit: int, output: str) -> None:
    """List runs, newest first."""
    from weft.cli._runview import duration, run_state

    connection, stub = _connect()
    found = _list(connection, stub, query, limit)
    print_messages(
        found,
        output,
        header=("RUN", "PIPELINE", "STATE", "STARTED", "TOOK", "BY"),
        row=lambda run: (
            short(run.name),
            short(run.pipeline),
            run_state(run).lower() + (" (silent)" if run.HasField("unresponsive") else ""),
            run.create_time.ToDatetime().strftime("%Y-%m-%d %H:%M:%S"),
            duration(run),
            short(run.creator)[:8],
        ),
        empty="no runs yet: weft run FILE",
    )


@runs.command()
@click.argument("run")
@output_option
def show(*, run: str, output: str) -> None:
    """Show a run with its steps, and why it failed."""
    from weft.cli._runview import duration, print_failure, run_state, step_state

    connection, stub = _connect()
    found = _get(connection, stub, run)

    def draw() -> None:
        print_fields(
            [
                ("run", found.name),
                ("pipeline", short(found.pipeline)),
                ("state", f"{run_state(found).lower()} {found.state_reason}".strip()),
                ("retries", found.origin and short(found.origin)),
                ("took", duration(found)),
                ("workload", found.workload),
            ]
        )
        steps = _steps(connection, found.name)
        width = max((len(step.step_id) for step in steps), default=0)
        for step in steps:
            after = f"after {', '.join(step.upstream)}" if step.upstream else ""
            state = step_state(step).lower()
            line = f"  {step.step_id:<{width}}  {state:<12} {duration(step):>8}  {after}"
            click.echo(line.rstrip())
        for step in steps:
            if step.HasField("failure") and step_state(step) == "FAILED":
                print_failure(step.failure, step=step)

    print_message(found, output, draw)


@runs.command()
@click.argument("run")
def watch(*, run: str) -> None:
    """Follow a run until it ends; the exit code tells how (3: it failed)."""
    connection, _ = _connect()
    raise SystemExit(watch_to_end(connection, run_name(connection, run)))


@runs.command()
@click.argument("run")
@click.option("--force", is_flag=True, help="Cancel running steps instead of letting them finish.")
@click.option("--reason", default="", help="Why, for those who look at the run later.")
@output_option
def stop(*, run: str, force: bool, reason: str, output: str) -> None:
    """Stop a run, and print the state that is then observed."""
    from weft.cli._runview import run_state
    from weftapi.workspace.v1 import run_types_pb2, runs_pb2

    connection, stub = _connect()
    mode = run_types_pb2.STOP_MODE_FORCE if force else run_types_pb2.STOP_MODE_GRACEFUL
    request = runs_pb2.StopRunRequest(
        name=run_name(connection, run), mode=mode, reason=reason, request_id=_request_id()
    )
    stopped = connection.workspace.call(stub.StopRun, request)
    print_message(
        stopped,
        output,
        lambda: click.echo(f"{short(stopped.name)} is {run_state(stopped).lower()}"),
    )


@runs.command()
@click.argument("run")
@click.option("--detach", is_flag=True, help="Do not watch the new run.")
@output_option
def retry(*, run: str, detach: bool, output: str) -> None:
    """Run a run's snapshot again; steps that succeeded are taken from the cache."""
    from weftapi.workspace.v1 import runs_pb2

    connection, stub = _connect()
    request = runs_pb2.RetryRunRequest(name=run_name(connection, run), request_id=_request_id())
    again = connection.workspace.call(stub.RetryRun, request)
    print_message(
        again, output, lambda: note(f"run {short(again.name)} retries {short(again.origin)}")
    )
    if not detach and output == "table":
        raise SystemExit(watch_to_end(connection, again.name))


def watch_to_end(connection: Connection, name: str) -> int:
    """Draws a run until it has ended, and answers the exit code for how it did."""
    from weft._streams import watch_run
    from weft.cli._runview import RunView, run_state

    ended = RunView().follow(watch_run(connection.workspace, name))
    return Exit.DONE if run_state(ended) == "SUCCEEDED" else Exit.RUN_FAILED


def _connect() -> tuple[Connection, runs_pb2_grpc.RunServiceStub]:
    from weft._connection import Connection
    from weftapi.workspace.v1 import runs_pb2_grpc

    connection = Connection.current()
    return connection, connection.workspace.stub(runs_pb2_grpc.RunServiceStub)


def _get(connection: Connection, stub: runs_pb2_grpc.RunServiceStub, run: str) -> run_types_pb2.Run:
    from weftapi.workspace.v1 import runs_pb2

    request = runs_pb2.GetRunRequest(name=run_name(connection, run))
    return connection.workspace.call(stub.GetRun, request)


def _list(
    connection: Connection, stub: runs_pb2_grpc.RunServiceStub, query: str, limit: int
) -> list[run_types_pb2.Run]:
    from weftapi.workspace.v1 import runs_pb2

    found: list[run_types_pb2.Run] = []
    request = runs_pb2.ListRunsRequest(parent=connection.project, filter=query)
    while len(found) < limit:
        request.page_size = min(500, limit - len(found))
        page = connection.workspace.call(stub.ListRuns, request)
        found += page.runs
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    return found


def _steps(connection: Connection, run: str) -> list[run_types_pb2.Step]:
    from weftapi.workspace.v1 import steps_pb2, steps_pb2_grpc

    stub = connection.workspace.stub(steps_pb2_grpc.StepServiceStub)
    request = steps_pb2.ListStepsRequest(parent=run, page_size=500)
    found: list[run_types_pb2.Step] = []
    while True:
        page = connection.workspace.call(stub.ListSteps, request)
        found += page.steps
        request.page_token = page.next_page_token
        if not page.next_page_token:
            return found


def _request_id() -> str:
    import uuid

    return str(uuid.uuid4())
