"""`weft runs`: what ran, what runs, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from weft.cli._exit import CommandError, Exit
from weft.cli._groups import ListedByDefault
from weft.cli._links import page_of
from weft.cli._names import code_of, run_name, short
from weft.cli._output import by_id, note, output_option, print_fields, print_message, print_messages
from weft.cli._pages import paged
from weft.cli._run_actions import ACTIONS
from weft.cli._run_calls import connect, get_run, request_id
from weft.cli._run_stop import stop
from weft.cli._text import plain
from weft.cli.run_archive import archive
from weft.cli.run_diagnose import compare, diagnose
from weft.cli.run_wait import wait
from weft.cli.run_watch import attempts, count, watch_all

if TYPE_CHECKING:
    from weft._connection import Connection
    from weft.errors import ApiError
    from weftapi.workspace.v1 import run_types_pb2, runs_pb2_grpc


@click.group(cls=ListedByDefault)
def runs() -> None:
    """Show runs, and act on them. RUN is an id or its beginning, @latest, @prev or @failed.

    `weft runs -q QUERY` is short for `weft runs list -q QUERY`.
    """


for _action in (*ACTIONS, archive, attempts, compare, count, diagnose, stop, wait):
    runs.add_command(_action)


@runs.command("list")
@click.option("-q", "--query", default="", help="Which runs, such as 'state = FAILED'.")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="How many at most.",
)
@click.option("--oldest-first", is_flag=True, help="Begin with the oldest.")
@output_option
def list_runs(*, query: str, limit: int, oldest_first: bool, output: str) -> None:
    """List runs, newest first."""
    from weft.cli._runview import duration, run_state

    connection, stub = connect()
    order_by = "create_time" if oldest_first else ""
    found = _list(connection, stub, query, limit, order_by)
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
@click.option("--items", is_flag=True, help="Also each item of its fan-outs.")
@output_option
def show(*, run: str, items: bool, output: str) -> None:
    """Show a run with its steps, and why it failed."""
    from weft.cli._run_facts import steps_of
    from weft.cli._run_graph import logged
    from weft.cli._runview import duration, folded, print_failures, run_state

    connection, stub = connect()
    found = get_run(connection, stub, run)

    def draw() -> None:
        print_fields(
            [
                ("run", found.name),
                by_id("pipeline", found.pipeline),
                ("code", _code(connection, found)),
                ("state", f"{run_state(found).lower()} {found.state_reason}".strip()),
                ("name", found.display_name),
                ("about", found.description),
                ("labels", ", ".join(f"{k}={v}" for k, v in sorted(found.labels.items()))),
                ("asks", _asks(found)),
                ("retries", _retried(found), found.origin),
                ("parameters", _parameters(found)),
                ("started", found.create_time.ToDatetime().strftime("%Y-%m-%d %H:%M:%S UTC")),
                ("by", found.creator),
                ("because", _because(found)),
                ("took", duration(found)),
                ("workload", found.workload),
                ("managed by", found.workload_manager),
                ("page", page_of(connection.context, found.name)),
            ]
        )
        for line in logged(found):
            click.echo(f"  {line}")
        steps = steps_of(connection, found.name)
        width = max((len(step.step_id) for step in steps), default=0)
        for step in steps if items else folded(steps):
            click.echo(_step_line(step, width))
            for line in logged(step):
                click.echo(f"      {line}")
        print_failures(found, steps)
        if run_state(found) == "FAILED":
            name = short(found.name)
            note(f"see `weft runs diagnose {name}`, `weft logs {name}` and, for all, -o json")

    print_message(found, output, draw)


@runs.command()
@click.argument("run", required=False)
@click.option("-q", "--query", default="", help="Which, of all: such as 'pipeline = train'.")
@output_option
def watch(*, run: str | None, query: str, output: str) -> int:
    """Follow a run until it ends; the exit code tells how (3: it failed).

    Without RUN, all runs of the project are followed from now on, until Ctrl-C.
    """
    connection, _ = connect()
    if run is None:
        return watch_all(connection, query, output)
    if query:
        raise CommandError("--query chooses among all runs: leave RUN out", Exit.USAGE)
    return watch_to_end(connection, run_name(connection, run), output)


@runs.command()
@click.argument("run")
@click.option("--from-failed", is_flag=True, help="Only what did not end well.")
@click.option(
    "--from",
    "--from-step",
    "from_step",
    default="",
    metavar="STEP",
    help="This step, what follows it, and what failed.",
)
@click.option("--only", "only_step", default="", metavar="STEP", help="This step and nothing else.")
@click.option("--detach", is_flag=True, help="Do not watch the new run.")
@output_option
def retry(
    *, run: str, from_failed: bool, from_step: str, only_step: str, detach: bool, output: str
) -> int:
    """Run a run's snapshot again: all of it, from where it failed, or one step."""
    from weftapi.workspace.v1 import runs_pb2

    if sum(map(bool, (from_failed, from_step, only_step))) > 1:
        raise click.UsageError("--from-failed, --from and --only exclude each other")
    connection, stub = connect()
    request = runs_pb2.RetryRunRequest(
        name=run_name(connection, run),
        from_failed=from_failed,
        from_step=from_step,
        only_step=only_step,
        request_id=request_id(),
    )
    again = connection.workspace.call(stub.RetryRun, request)
    note(f"run {short(again.name)} retries {_retried(again)}")
    note_page(connection, again)
    return present(connection, again, output, detach=detach)


def present(connection: Connection, made: run_types_pb2.Run, output: str, *, detach: bool) -> int:
    """Prints a new run's name where nobody waits for it, else follows it to its end."""
    if not detach:
        return watch_to_end(connection, made.name, output)
    print_message(made, output, lambda: click.echo(short(made.name)))
    return Exit.DONE


def note_page(connection: Connection, run: run_types_pb2.Run) -> None:
    """Says where the dashboard shows a run, where one is known."""
    if url := page_of(connection.context, run.name):
        note(f"  {url}")


def watch_to_end(connection: Connection, name: str, output: str = "table") -> int:
    """Draws a run until it has ended, and answers the exit code for how it did.

    For programs the run as it ended is printed, and what happens is told beside it.
    """
    from weft._streams import watch_run
    from weft.cli._runview import RunView, run_state

    view = RunView(is_aside=output != "table")

    def tell(error: ApiError | None) -> None:
        if error is not None:
            view.note(f"the watch broke and goes on where it was: {error}")

    try:
        ended = view.follow(watch_run(connection.workspace, name, on_break=tell))
    except KeyboardInterrupt:
        run = short(name)
        click.echo(err=True)
        note(f"the run goes on: `weft runs watch {run}` follows, `weft runs stop {run}` stops it")
        return Exit.INTERRUPTED
    print_message(ended, output, lambda: None)
    return Exit.DONE if run_state(ended) == "SUCCEEDED" else Exit.RUN_FAILED


def _list(
    connection: Connection,
    stub: runs_pb2_grpc.RunServiceStub,
    query: str,
    limit: int,
    order_by: str,
) -> list[run_types_pb2.Run]:
    from weftapi.workspace.v1 import runs_pb2

    request = runs_pb2.ListRunsRequest(parent=connection.project, filter=query, order_by=order_by)
    pages = paged(lambda r: connection.workspace.call(stub.ListRuns, r), request, limit)
    return [run for page in pages for run in page.runs]


def _step_line(step: run_types_pb2.Step, width: int) -> str:
    from weft.cli._runview import duration, step_state

    parts = [f"{step.step_id:<{width}}", f"{step_state(step).lower():<12}", f"{duration(step):>8}"]
    if step.upstream:
        parts.append(f"after {', '.join(step.upstream)}")
    if step.workload:
        parts.append(f"in {short(step.workload)}")
    if step_state(step) in ("PROVISIONING", "RETRYING") and step.state_reason:
        parts.append(f"({step.state_reason.splitlines()[0]})")
    elif step.cache_reason:
        # What differs stands below it in `-o json`; here one line is enough.
        parts.append(f"({step.cache_reason.splitlines()[0]})")
    return plain("  " + "  ".join(parts)).rstrip()


def _asks(run: run_types_pb2.Run) -> str:
    count, name = run.open_condition_count, short(run.name)
    return f"{count} open: weft runs conditions {name}" if count else ""


def _code(connection: Connection, run: run_types_pb2.Run) -> str:
    """The commit that a run's snapshot was made at; empty where nobody knows it."""
    from weft.errors import ApiError
    from weftapi.workspace.v1 import snapshots_pb2, snapshots_pb2_grpc

    if not run.snapshot:
        return ""
    stub = connection.workspace.stub(snapshots_pb2_grpc.SnapshotServiceStub)
    request = snapshots_pb2.GetSnapshotRequest(name=run.snapshot)
    try:
        return code_of(connection.workspace.call(stub.GetSnapshot, request))
    except ApiError:
        # Who may see a run may not see what it was made of.
        return ""


def _parameters(run: run_types_pb2.Run) -> str:
    from google.protobuf.json_format import MessageToDict

    values = MessageToDict(run.parameters) if run.HasField("parameters") else {}
    return ", ".join(f"{name}={_plain_number(value)}" for name, value in sorted(values.items()))


def _plain_number(value: object) -> object:
    """A Struct knows no whole numbers."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _retried(run: run_types_pb2.Run) -> str:
    return short(run.origin) + (f", only {run.only_step}" if run.only_step else "")


def _because(run: run_types_pb2.Run) -> str:
    """What started a run that nobody did: "triggers/tell-me answered projects/..."."""
    starter = run.started_by.split("/", 2)[-1]
    return f"{starter} answered {run.cause}" if run.cause else starter
