"""`weft steps`: one step of a run, looked at, and executed again on its real inputs."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weft.cli._exit import CommandError, Exit
from weft.cli._names import run_and_step, run_name, short
from weft.cli._output import (
    note,
    output_option,
    print_document,
    print_fields,
    print_message,
    print_messages,
)
from weft.cli._run_calls import connect, get_run, request_id
from weft.cli._text import lines, plain

if TYPE_CHECKING:
    from weft._attempt import Attempt
    from weft._connection import Connection
    from weftapi.workspace.v1 import run_types_pb2


@click.group()
def steps() -> None:
    """List, show and repeat the steps of runs. RUN/STEP is a run, or @latest, and a step's id."""


@steps.command("list")
@click.argument("run", default="@latest")
@output_option
def list_steps(*, run: str, output: str) -> None:
    """List the steps of a run; the newest run is meant where none is named."""
    from weft.cli._run_facts import steps_of
    from weft.cli._runview import duration, step_state

    connection, _ = connect()
    print_messages(
        steps_of(connection, run_name(connection, run)),
        output,
        header=("STEP", "STATE", "TOOK", "TRIES", "AFTER", "WHY"),
        row=lambda step: (
            step.step_id,
            step_state(step).lower(),
            duration(step),
            str(step.attempt_count),
            ", ".join(step.upstream),
            (step.failure.message or step.state_reason).partition("\n")[0],
        ),
        empty="this run has no steps yet",
    )


@steps.command()
@click.argument("step", metavar="RUN/STEP")
@output_option
def show(*, step: str, output: str) -> None:
    """Show a step: what it took and made, why it failed, and why it was cached or was not."""
    from weft.cli._run_graph import logged
    from weft.cli._runview import duration, print_failure, silence, step_state
    from weft.cli._step_limits import fields_of, limits_in

    connection, _ = connect()
    found = _get(connection, step)

    def draw() -> None:
        print_fields(
            [
                ("step", found.name),
                (
                    "state",
                    f"{step_state(found).lower()} {found.state_reason}".strip() + silence(found),
                ),
                ("took", duration(found)),
                ("tries", str(found.attempt_count)),
                ("after", ", ".join(found.upstream)),
                *fields_of(limits_in(connection, found)),
                ("cache", found.cache_reason.replace("\n", " ")),
                ("took over", found.cached_from),
                ("workload", found.workload),
                *((f"input {name}", version) for name, version in sorted(found.inputs.items())),
                *((f"output {name}", version) for name, version in sorted(found.outputs.items())),
            ]
        )
        for line in logged(found):
            click.echo(f"  {line}")
        if found.HasField("failure"):
            print_failure(found.failure, step=found)

    print_message(found, output, draw)


@steps.command("why-cached")
@click.argument("step", metavar="RUN/STEP")
@output_option
def why_cached(*, step: str, output: str) -> None:
    """Say why a step's result was taken from an earlier run, or was not, and what changed."""
    connection, _ = connect()
    found = _get(connection, step)
    reason = lines(found.cache_reason) or ["nothing was looked for"]
    if output == "table":
        click.echo("\n".join(reason))
    elif output == "name":
        click.echo(found.cached_from)
    else:
        own = {"step": found.name, "cachedFrom": found.cached_from, "cacheKey": found.cache_key}
        print_document({**own, "reason": reason}, output)


@steps.command()
@click.argument("step", metavar="RUN/STEP")
@click.option("--local", is_flag=True, help="In this process, and record nothing.")
@click.option("--file", metavar="FILE[::PIPELINE]", help="With --local: this code, not the run's.")
@click.option("--pdb", "debug", is_flag=True, help="With --local: debug where it raises.")
@click.option("--detach", is_flag=True, help="Do not watch the new run.")
@output_option
def rerun(
    *, step: str, local: bool, file: str | None, debug: bool, detach: bool, output: str
) -> int:
    """Execute a step again on the inputs that it had, here or as a new run of the mesh.

    As a new run, what follows the step runs again, too, and the cache decides as ever. With
    --local (--file and --pdb imply it) the function is called in this process with the real
    inputs, and nothing is recorded:

    \b
      weft steps rerun @latest/train --file train.py --pdb
    """
    connection, _ = connect()
    if local or file or debug:
        return _here(connection, step, file, debug=debug)
    return _as_run(connection, step, output, detach=detach)


def _as_run(connection: Connection, step: str, output: str, *, detach: bool) -> int:
    from weft.cli.runs import present
    from weftapi.workspace.v1 import runs_pb2, runs_pb2_grpc

    run, step_id = _parts(connection, step)
    stub = connection.workspace.stub(runs_pb2_grpc.RunServiceStub)
    request = runs_pb2.RetryRunRequest(name=run, from_step=step_id, request_id=request_id())
    again = connection.workspace.call(stub.RetryRun, request)
    note(f"run {short(again.name)} begins at {step_id} of {short(run)}")
    return present(connection, again, output, detach=detach)


def _here(connection: Connection, step: str, file: str | None, *, debug: bool) -> int:
    """Calls the step's function in this process, in the folder of its code."""
    with tempfile.TemporaryDirectory(prefix="weft-code-") as directory:
        attempt = _attempt(connection, step, file, Path(directory))
        return _call(connection, attempt, debug=debug)


def _attempt(connection: Connection, step: str, file: str | None, directory: Path) -> Attempt:
    from weft._rerun import code_of_run, past_of
    from weft._submit import load_code
    from weft.cli._run_facts import steps_of

    found = _get(connection, step)
    run_id = _parts(connection, step)[0]
    _, stub = connect()
    run = get_run(connection, stub, run_id)
    endpoint = connection.workspace
    pipeline = load_code(file).pipeline if file else code_of_run(endpoint, run, directory)
    return past_of(endpoint, run, steps_of(connection, run.name), pipeline).attempt(found)


def _call(connection: Connection, attempt: Attempt, *, debug: bool) -> int:
    from weft import _wire
    from weft._arguments import show as shown
    from weft._failures import failure_of
    from weft._rerun import execute
    from weft.cli._runview import print_failure

    given = ", ".join(f"{name}={shown(item)}" for name, item in attempt.arguments.items())
    note(f"{attempt.context.step}({given})")
    try:
        result = execute(attempt, connection.workspace)
    except Exception as error:  # noqa: BLE001 - the step's own, whatever it is
        print_failure(_wire.failure(failure_of(error)), err=True)
        if debug:
            import pdb  # noqa: T100 - what was asked for

            pdb.post_mortem(error.__traceback__)
        return Exit.RUN_FAILED
    click.echo(plain(repr(result)[:10_000]))
    return Exit.DONE


def _get(connection: Connection, text: str) -> run_types_pb2.Step:
    from weftapi.workspace.v1 import steps_pb2, steps_pb2_grpc

    run, step = _parts(connection, text)
    stub = connection.workspace.stub(steps_pb2_grpc.StepServiceStub)
    return connection.workspace.call(
        stub.GetStep, steps_pb2.GetStepRequest(name=f"{run}/steps/{step}")
    )


def _parts(connection: Connection, text: str) -> tuple[str, str]:
    run, step = run_and_step(connection, text)
    if not step:
        raise CommandError(f"say which step: {text}/STEP; `weft steps list` has them", Exit.USAGE)
    return run, step
