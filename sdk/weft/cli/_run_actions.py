"""What people do to runs: pause, resume, answer, name, delete, look at as a graph."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from weft._enums import word
from weft.cli._dag import ascii_option, drawing_option, print_drawing
from weft.cli._exit import CommandError, Exit
from weft.cli._names import run_name, run_to_delete, short
from weft.cli._output import output_option, print_message, print_messages
from weft.cli._pages import paged
from weft.cli._run_calls import connect, get_run, request_id

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import run_types_pb2, runs_pb2_grpc


@click.command()
@click.argument("run")
@click.option("--reason", default="", help="Why, for those who look at the run meanwhile.")
@output_option
def pause(*, run: str, reason: str, output: str) -> None:
    """Let a run start no further steps; those that run go on."""
    from weftapi.workspace.v1 import runs_pb2

    connection, stub = connect()
    request = runs_pb2.PauseRunRequest(
        name=run_name(connection, run), reason=reason, request_id=request_id()
    )
    _say_state(connection.workspace.call(stub.PauseRun, request), output)


@click.command()
@click.argument("run")
@output_option
def resume(*, run: str, output: str) -> None:
    """Let a paused run go on."""
    from weftapi.workspace.v1 import runs_pb2

    connection, stub = connect()
    request = runs_pb2.ResumeRunRequest(name=run_name(connection, run), request_id=request_id())
    _say_state(connection.workspace.call(stub.ResumeRun, request), output)


@click.command()
@click.argument("run")
@output_option
def conditions(*, run: str, output: str) -> None:
    """List what the steps of a run ask, and what they were told."""
    connection, stub = connect()
    print_messages(
        _conditions(connection, stub, run_name(connection, run)),
        output,
        header=("CONDITION", "STATE", "STEP", "QUESTION", "BY"),
        row=lambda c: (short(c.name), _state(c), c.step_id, c.question, short(c.resolver)[:8]),
        empty="this run asks nothing",
    )


@click.command()
@click.argument("run")
@click.argument("condition", required=False, default="")
@click.option("--answer", help="What to say beside the yes, as JSON, where the step asks for it.")
@click.option("-m", "--comment", default="", help="A note, for those who look at the run later.")
@output_option
def approve(*, run: str, condition: str, answer: str | None, comment: str, output: str) -> None:
    """Say yes to what a step of a run asks; CONDITION may be left out where one is open."""
    from weftapi.workspace.v1 import runs_pb2

    decision = runs_pb2.CONDITION_DECISION_APPROVE
    _resolve(run, condition, output, decision=decision, answer=_json(answer), comment=comment)


@click.command()
@click.argument("run")
@click.argument("condition", required=False, default="")
@click.option("-m", "--comment", default="", help="Why; the step's error says it.")
@output_option
def deny(*, run: str, condition: str, comment: str, output: str) -> None:
    """Say no to what a step of a run asks; CONDITION may be left out where one is open."""
    from weftapi.workspace.v1 import runs_pb2

    decision = runs_pb2.CONDITION_DECISION_DENY
    _resolve(run, condition, output, decision=decision, comment=comment)


@click.command()
@click.argument("run")
@click.option("--name", "display_name", help="The name that people read.")
@click.option("--description", help="What people note about it.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="A label to set.")
@click.option("--no-label", "gone", multiple=True, metavar="KEY", help="A label to remove.")
@output_option
def update(
    *,
    run: str,
    display_name: str | None,
    description: str | None,
    labels: tuple[str, ...],
    gone: tuple[str, ...],
    output: str,
) -> None:
    """Name, describe and label a run."""
    from weftapi.workspace.v1 import runs_pb2

    connection, stub = connect()
    found = get_run(connection, stub, run)
    request = runs_pb2.UpdateRunRequest(request_id=request_id())
    request.run.name, request.run.etag = found.name, found.etag
    describe(request.run, request.update_mask, display_name, description)
    if labels or gone:
        kept = {key: value for key, value in found.labels.items() if key not in gone}
        request.run.labels.update({**kept, **pairs(labels)})
        request.update_mask.paths.append("labels")
    if not request.update_mask.paths:
        raise click.UsageError("nothing to change: give --name, --description or --label")
    updated = connection.workspace.call(stub.UpdateRun, request)
    print_message(updated, output, lambda: click.echo(f"{short(updated.name)} is updated"))


@click.command()
@click.argument("run")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(*, run: str, yes: bool) -> None:
    """Delete a run that has ended, with its steps and logs; what it made stays."""
    from weftapi.workspace.v1 import runs_pb2

    connection, stub = connect()
    name = run_to_delete(connection, run)
    if not yes:
        click.confirm(f"Delete {short(name)}, its steps and its logs?", abort=True, err=True)
    connection.workspace.call(stub.DeleteRun, runs_pb2.DeleteRunRequest(name=name))
    click.echo(f"{short(name)} is deleted")


@click.command()
@click.argument("run")
@click.option("--items", is_flag=True, help="Also each item of its fan-outs.")
@ascii_option
@drawing_option
def dag(*, run: str, items: bool, is_ascii: bool, output: str) -> None:
    """Draw a run: who waits for whom, how far each is, and what they made."""
    from weft.cli._output import as_dict
    from weft.cli._run_graph import drawing_of, made_lines
    from weftapi.workspace.v1 import runs_pb2

    connection, stub = connect()
    request = runs_pb2.GetRunGraphRequest(name=run_name(connection, run), show_items=items)
    found = connection.workspace.call(stub.GetRunGraph, request)

    print_drawing(drawing_of(found), output, lambda: as_dict(found), is_ascii=is_ascii)
    if output == "table":
        for line in made_lines(found):
            click.echo(line)


ACTIONS: tuple[click.Command, ...] = (
    approve,
    conditions,
    dag,
    delete,
    deny,
    pause,
    resume,
    update,
)


def describe(message: Any, mask: Any, display_name: str | None, description: str | None) -> None:
    """Puts what was given into an update: an empty text takes away what was there."""
    given = {"display_name": display_name, "description": description}
    for field, value in given.items():
        if value is not None:
            setattr(message, field, value)
            mask.paths.append(field)


def pairs(texts: tuple[str, ...]) -> dict[str, str]:
    """Reads KEY=VALUE."""
    found = {}
    for text in texts:
        key, given, value = text.partition("=")
        if not given or not key:
            raise click.UsageError(f"{text!r} is not KEY=VALUE")
        found[key] = value
    return found


def _resolve(
    run: str, condition: str, output: str, *, decision: Any, comment: str, answer: Any = None
) -> None:
    from weftapi.workspace.v1 import runs_pb2

    connection, stub = connect()
    name = _condition_name(connection, stub, run_name(connection, run), condition)
    request = runs_pb2.ResolveRunConditionRequest(
        name=name, decision=decision, comment=comment, answer=answer, request_id=request_id()
    )
    resolved = connection.workspace.call(stub.ResolveRunCondition, request)
    told = f"{resolved.question!r} is {_state(resolved)}"
    print_message(resolved, output, lambda: click.echo(told))


def _condition_name(
    connection: Connection, stub: runs_pb2_grpc.RunServiceStub, run: str, condition: str
) -> str:
    if condition.startswith("projects/"):
        return condition
    if condition:
        return f"{run}/conditions/{condition}"
    waiting = _conditions(connection, stub, run, "state = OPEN")
    if len(waiting) == 1:
        return waiting[0].name
    if not waiting:
        raise CommandError(f"{short(run)} asks nothing now: weft runs conditions {short(run)}")
    ids = ", ".join(short(c.name) for c in waiting)
    raise CommandError(f"{short(run)} asks several things, say which: {ids}", Exit.USAGE)


def _conditions(
    connection: Connection, stub: runs_pb2_grpc.RunServiceStub, run: str, query: str = ""
) -> list[run_types_pb2.RunCondition]:
    from weftapi.workspace.v1 import runs_pb2

    request = runs_pb2.ListRunConditionsRequest(parent=run, filter=query)
    pages = paged(lambda r: connection.workspace.call(stub.ListRunConditions, r), request)
    return [condition for page in pages for condition in page.run_conditions]


def _json(text: str | None) -> Any:
    """A Value of JSON; None where nothing was given."""
    from google.protobuf import json_format, struct_pb2

    if text is None:
        return None
    try:
        return json_format.ParseDict(json.loads(text), struct_pb2.Value())
    except (ValueError, json_format.ParseError) as error:
        raise click.UsageError(f"--answer is not JSON: {error}") from None


def _state(condition: run_types_pb2.RunCondition) -> str:
    from weftapi.workspace.v1 import run_types_pb2

    return word(run_types_pb2.RunConditionState, condition.state).lower()


def _say_state(run: run_types_pb2.Run, output: str) -> None:
    from weft.cli._runview import run_state

    told = f"{short(run.name)} is {run_state(run).lower()}"
    print_message(run, output, lambda: click.echo(told))
