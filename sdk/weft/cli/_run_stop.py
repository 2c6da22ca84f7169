"""`weft runs stop`: a whole run, or one step of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from weft.cli._names import parted, run_name, short
from weft.cli._output import output_option, print_message
from weft.cli._run_calls import connect, get_run, request_id

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import run_types_pb2, runs_pb2_grpc


@click.command()
@click.argument("run", metavar="RUN[/STEP]")
@click.option("--step", default="", help="Only this step: what depends on it does not run.")
@click.option("--force", is_flag=True, help="Cancel what runs instead of letting it finish.")
@click.option(
    "--grace",
    type=click.FloatRange(min=0, max=86400),
    help="Seconds that a step has to end before it is cancelled: 60, with --step alone.",
)
@click.option("--reason", default="", help="Why, for those who look at the run later.")
@click.option("--wait", is_flag=True, help="Wait until it has ended.")
@output_option
def stop(
    *, run: str, step: str, force: bool, grace: float | None, reason: str, wait: bool, output: str
) -> None:
    """Stop a run, or one step of it, and print the state that is then observed."""
    run, of_run = parted(run)
    step = step or of_run
    if grace is not None and (force or not step):
        raise click.UsageError("--grace is for a --step that is not stopped by --force")
    connection, stub = connect()
    name = run_name(connection, run)
    if step:
        stopped = _stop_step(connection, f"{name}/steps/{step}", force, grace, reason, wait=wait)
        print_message(stopped, output, lambda: _say_step(stopped))
    else:
        ended = _stop_run(connection, stub, name, force, reason, wait=wait)
        print_message(ended, output, lambda: _say_run(ended))


def _stop_run(
    connection: Connection,
    stub: runs_pb2_grpc.RunServiceStub,
    name: str,
    force: bool,  # noqa: FBT001 - as the user gave it
    reason: str,
    *,
    wait: bool,
) -> run_types_pb2.Run:
    from weft._streams import watch_run
    from weftapi.workspace.v1 import runs_pb2

    request = runs_pb2.StopRunRequest(
        name=name, mode=_mode(is_forced=force), reason=reason, request_id=request_id()
    )
    stopped = connection.workspace.call(stub.StopRun, request)
    if wait:
        for _ in watch_run(connection.workspace, name):
            pass
        stopped = get_run(connection, stub, name)
    return stopped


def _stop_step(
    connection: Connection,
    name: str,
    force: bool,  # noqa: FBT001 - as the user gave it
    grace: float | None,
    reason: str,
    *,
    wait: bool,
) -> run_types_pb2.Step:
    from weft._streams import watch_run
    from weftapi.workspace.v1 import steps_pb2, steps_pb2_grpc

    request = steps_pb2.StopStepRequest(
        name=name, mode=_mode(is_forced=force), reason=reason, request_id=request_id()
    )
    if grace is not None:
        request.grace.FromMilliseconds(round(grace * 1000))
    stub = connection.workspace.stub(steps_pb2_grpc.StepServiceStub)
    stopped = connection.workspace.call(stub.StopStep, request)
    if wait and not stopped.HasField("end_time"):
        for event in watch_run(connection.workspace, name.partition("/steps/")[0]):
            if event.name == name and event.step.HasField("end_time"):
                break
        stopped = connection.workspace.call(stub.GetStep, steps_pb2.GetStepRequest(name=name))
    return stopped


def _mode(*, is_forced: bool) -> run_types_pb2.StopMode.ValueType:
    from weftapi.workspace.v1 import run_types_pb2

    return run_types_pb2.STOP_MODE_FORCE if is_forced else run_types_pb2.STOP_MODE_GRACEFUL


def _say_run(run: run_types_pb2.Run) -> None:
    from weft.cli._runview import run_state

    click.echo(f"{short(run.name)} is {run_state(run).lower()}")


def _say_step(step: run_types_pb2.Step) -> None:
    from weft.cli._runview import step_state

    # One that has not started stays as it is until its runner has heard.
    waits = "" if step.HasField("end_time") else ", and told to stop"
    click.echo(f"{step.step_id} is {step_state(step).lower()}{waits}")
