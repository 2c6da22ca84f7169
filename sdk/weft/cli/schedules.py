"""`weft schedules`: pipelines that run by themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weft.cli._exit import CommandError, Exit
from weft.cli._formats import rendered
from weft.cli._names import short
from weft.cli._output import by_id, note, output_option, print_fields, print_message, print_messages
from weft.cli._pages import paged
from weft.cli._run_options import (
    chosen_stack,
    set_step_settings,
    settings_option,
    stack_option,
)
from weft.cli._schedules import (
    TIMING,
    connect,
    guessed,
    local,
    parameters_of,
    schedule_name,
    set_timing,
    timing_options,
    when,
    word,
)
from weft.cli.schedule_backfill import backfill

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import schedule_types_pb2

_SHOWN_FIRINGS = 10
_parameter = click.option(
    "-p",
    "--parameter",
    "parameters",
    multiple=True,
    help="A parameter: NAME=VALUE.",
)
_overlap = click.option(
    "--overlap",
    type=click.Choice(["skip", "allow", "buffer-one"]),
    help="What happens while the newest run goes on; skip by default.",
)
_catch_up = click.option(
    "--catch-up",
    type=click.Choice(["none", "latest", "all"]),
    help="What happens with times that nobody saw pass; none by default.",
)
_max_runs = click.option("--max-runs", type=click.IntRange(min=0), help="How many runs at most.")


@click.group()
def schedules() -> None:
    """Run pipelines by themselves, and see what became of each time. SCHEDULE is an id."""


schedules.add_command(backfill)


@schedules.command("list")
@click.option("-q", "--query", default="", help="Which: over state, snapshot and creator.")
@output_option
def list_schedules(*, query: str, output: str) -> None:
    """List the schedules of the project, with their next time."""
    from weftapi.workspace.v1 import schedule_types_pb2 as types
    from weftapi.workspace.v1 import schedules_pb2

    connection, stub = connect()
    call = connection.workspace.call
    request = schedules_pb2.ListSchedulesRequest(parent=connection.project, filter=query)
    pages = paged(lambda r: call(stub.ListSchedules, r), request)
    print_messages(
        [schedule for page in pages for schedule in page.schedules],
        output,
        header=("SCHEDULE", "WHEN", "STATE", "NEXT", "LAST", "RUNS"),
        row=lambda s: (
            short(s.name),
            when(s),
            word(types.ScheduleState, s.state),
            local(s.next_run_time),
            word(types.FiringOutcome, s.last_outcome),
            str(s.run_count),
        ),
        empty="no schedules yet: make one with `weft schedules create ID FILE --cron '0 7 * * *'`",
    )


@schedules.command()
@click.argument("schedule")
@output_option
def show(*, schedule: str, output: str) -> None:
    """Show a schedule, and what became of its last times."""
    from weftapi.workspace.v1 import schedules_pb2

    connection, stub = connect()
    request = schedules_pb2.GetScheduleRequest(name=schedule_name(connection, schedule))
    found = connection.workspace.call(stub.GetSchedule, request)

    def draw() -> None:
        _draw(found)
        _draw_firings(connection, stub, found.name)

    print_message(found, output, draw)


@schedules.command()
@click.argument("schedule")
@click.argument("target", metavar="[FILE[::PIPELINE]|SNAPSHOT]", required=False)
@click.option("--template", help="Or the template: whatever is published under this name by then.")
@timing_options
@_parameter
@_overlap
@_catch_up
@_max_runs
@stack_option
@settings_option
@click.option("--description", default="", help="What it is for.")
@output_option
def create(*, schedule: str, target: str | None, output: str, **given: Any) -> None:
    """Let a pipeline run by itself: that of a file as it is now, a snapshot, or a template."""
    from weftapi.workspace.v1 import schedule_types_pb2, schedules_pb2

    connection, stub = connect()
    new = schedule_types_pb2.Schedule(description=given["description"])
    set_timing(new, given)
    _set_rules(new, given)
    if new.WhichOneof("timing") is None:
        raise CommandError("say when, with --cron, --every or --at", Exit.USAGE)
    # Before the code is packed and stored: a time that makes no sense is told at once.
    times = _preview(connection, stub, new, 5)
    _set_what(connection, new, target, given)
    new.stack = chosen_stack(connection, given["stack"])
    request = schedules_pb2.CreateScheduleRequest(
        parent=connection.project, schedule_id=schedule, schedule=new, request_id=_request_id()
    )
    made = connection.workspace.call(stub.CreateSchedule, request)
    print_message(made, output, lambda: _draw(made))
    if output == "table":
        _draw_times(times)


@schedules.command()
@click.argument("schedule")
@timing_options
@_parameter
@_overlap
@_catch_up
@_max_runs
@click.option("--stack", help="The stack to run on from now on; `-` leaves it to the snapshot.")
@settings_option
@click.option("--description", help="What it is for.")
@click.option("--snapshot", help="Another snapshot to run.")
@click.option("--template", help="Or the template whose snapshot it runs from now on.")
@output_option
def update(*, schedule: str, output: str, **given: Any) -> None:
    """Change a schedule; its next time follows from now."""
    from google.protobuf.field_mask_pb2 import FieldMask

    from weftapi.workspace.v1 import schedule_types_pb2, schedules_pb2

    connection, stub = connect()
    changed = schedule_types_pb2.Schedule(name=schedule_name(connection, schedule))
    paths = set_timing(changed, given) + _set_rules(changed, given)
    if given["description"] is not None:
        changed.description = given["description"]
        paths.append("description")
    if given["stack"] is not None:
        changed.stack = chosen_stack(connection, given["stack"])
        paths.append("stack")
    if given["snapshot"]:
        changed.snapshot = _snapshot_name(connection, given["snapshot"])
        paths.append("snapshot")
    if given["template"]:
        changed.template = given["template"]
        paths.append("template")
    if given["parameters"]:
        changed.parameters.update(guessed(parameters_of(given["parameters"])))
        paths.append("parameters")
    if not paths:
        raise CommandError("say what changes; --help lists it", Exit.USAGE)
    request = schedules_pb2.UpdateScheduleRequest(
        schedule=changed, update_mask=FieldMask(paths=paths), request_id=_request_id()
    )
    made = connection.workspace.call(stub.UpdateSchedule, request)
    print_message(made, output, lambda: _draw(made))


@schedules.command()
@click.argument("schedule", required=False)
@timing_options
@click.option("-n", "--count", type=click.IntRange(1, 100), default=5, help="How many times: 5.")
@output_option
def preview(*, schedule: str | None, count: int, output: str, **given: Any) -> None:
    """Print the next times of a schedule, or of one that does not exist yet."""
    from weftapi.workspace.v1 import schedule_types_pb2, schedules_pb2

    connection, stub = connect()
    if schedule and any(given[name] for name in TIMING):
        raise CommandError("name a schedule or say times, not both", Exit.USAGE)
    if schedule:
        request = schedules_pb2.GetScheduleRequest(name=schedule_name(connection, schedule))
        wanted = connection.workspace.call(stub.GetSchedule, request)
    else:
        wanted = schedule_types_pb2.Schedule()
        set_timing(wanted, given)
    times = _preview(connection, stub, wanted, count)
    if output in {"table", "name"}:
        for time in times:
            click.echo(local(time))
    else:
        click.echo(rendered([{"time": each.ToJsonString()} for each in times], output), nl=False)


@schedules.command()
@click.argument("schedule")
@output_option
def pause(*, schedule: str, output: str) -> None:
    """Let a schedule rest until it is resumed."""
    _verb("Pause", schedule, output)


@schedules.command()
@click.argument("schedule")
@output_option
def resume(*, schedule: str, output: str) -> None:
    """Let a paused schedule go on from now."""
    _verb("Resume", schedule, output)


@schedules.command()
@click.argument("schedule")
@click.option("--detach", is_flag=True, help="Print the run's name and do not watch it.")
@output_option
def trigger(*, schedule: str, detach: bool, output: str) -> int:
    """Run what a schedule runs now, as you, and watch it."""
    from weft.cli.runs import present
    from weftapi.workspace.v1 import schedules_pb2

    connection, stub = connect()
    request = schedules_pb2.TriggerScheduleRequest(
        name=schedule_name(connection, schedule), request_id=_request_id()
    )
    run = connection.workspace.call(stub.TriggerSchedule, request)
    note(f"run {short(run.name)} of schedule {schedule}")
    return present(connection, run, output, detach=detach)


@schedules.command()
@click.argument("schedule")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def delete(*, schedule: str, yes: bool) -> None:
    """Delete a schedule with its history; its runs stay."""
    from weftapi.workspace.v1 import schedules_pb2

    connection, stub = connect()
    if not yes:
        click.confirm(f"Delete {schedule}? Its runs stay.", abort=True, err=True)
    request = schedules_pb2.DeleteScheduleRequest(name=schedule_name(connection, schedule))
    connection.workspace.call(stub.DeleteSchedule, request)
    note(f"{schedule} is deleted")


def _verb(verb: str, schedule: str, output: str) -> None:
    from weftapi.workspace.v1 import schedules_pb2

    connection, stub = connect()
    make = getattr(schedules_pb2, f"{verb}ScheduleRequest")
    request = make(name=schedule_name(connection, schedule), request_id=_request_id())
    changed: Any = connection.workspace.call(getattr(stub, f"{verb}Schedule"), request)
    print_message(changed, output, lambda: _draw(changed))


def _set_rules(schedule: schedule_types_pb2.Schedule, given: dict[str, Any]) -> list[str]:
    """Writes the options that say how it fires; answers which fields they are."""
    from weftapi.workspace.v1 import schedule_types_pb2 as types

    paths = []
    if given["overlap"]:
        number = types.Overlap.Value(f"OVERLAP_{given['overlap'].upper().replace('-', '_')}")
        schedule.overlap = number
        paths.append("overlap")
    if given["catch_up"]:
        schedule.catch_up = types.CatchUp.Value(f"CATCH_UP_{given['catch_up'].upper()}")
        paths.append("catch_up")
    if given["max_runs"] is not None:
        schedule.max_runs = given["max_runs"]
        paths.append("max_runs")
    if given["step_settings"]:
        set_step_settings(schedule.step_settings, given["step_settings"])
        paths.append("step_settings")
    return paths


def _set_what(
    connection: Connection,
    schedule: schedule_types_pb2.Schedule,
    target: str | None,
    given: dict[str, Any],
) -> None:
    """Writes what is to run, and with which parameters."""
    parameters = parameters_of(given["parameters"])
    if (target is None) == (given["template"] is None):
        raise CommandError("say FILE, SNAPSHOT or --template NAME", Exit.USAGE)
    if target is None:
        schedule.template = given["template"]
        schedule.parameters.update(guessed(parameters))
    else:
        schedule.snapshot = _what(connection, target, schedule, parameters)


def _what(
    connection: Connection,
    target: str,
    schedule: schedule_types_pb2.Schedule,
    parameters: dict[str, str],
) -> str:
    """The snapshot to run: made of a file, or the one that is named; with its parameters."""
    if not ("::" in target or Path(target).suffix == ".py"):
        schedule.parameters.update(guessed(parameters))
        return _snapshot_name(connection, target)
    from weft._submit import load_code, make_snapshot

    code = load_code(target)
    values = code.pipeline.parameters.parse(parameters)
    schedule.parameters.update(code.pipeline.parameters.dump(values))
    stack = schedule.stack.removeprefix("stacks/")
    return make_snapshot(connection, code, values, stack=stack, listener=note).name


def _snapshot_name(connection: Connection, text: str) -> str:
    return text if text.startswith("projects/") else f"{connection.project}/snapshots/{text}"


def _preview(connection: Connection, stub: Any, schedule: Any, count: int) -> list[Any]:
    from weftapi.workspace.v1 import schedules_pb2

    request = schedules_pb2.PreviewScheduleRequest(
        parent=connection.project, schedule=schedule, count=count
    )
    return list(connection.workspace.call(stub.PreviewSchedule, request).fire_times)


def _draw_times(times: list[Any]) -> None:
    for number, time in enumerate(times):
        click.echo(f"{'next' if number == 0 else 'then':<6}{local(time)}")


def _draw(schedule: schedule_types_pb2.Schedule) -> None:
    from weftapi.workspace.v1 import schedule_types_pb2 as types

    print_fields(
        [
            by_id("schedule", schedule.name),
            by_id("runs", schedule.snapshot),
            ("runs", f"template {schedule.template}" if schedule.template else ""),
            by_id("stack", schedule.stack),
            ("when", when(schedule)),
            ("state", word(types.ScheduleState, schedule.state)),
            ("next", local(schedule.next_run_time)),
            ("overlap", word(types.Overlap, schedule.overlap)),
            ("catch-up", word(types.CatchUp, schedule.catch_up)),
            ("made", f"{schedule.run_count} of {schedule.max_runs}" if schedule.max_runs else ""),
            by_id("last run", schedule.last_run),
            ("creator", schedule.creator),
            ("for", schedule.description),
        ]
    )


def _draw_firings(connection: Connection, stub: Any, schedule: str) -> None:
    from weftapi.workspace.v1 import schedule_types_pb2 as types
    from weftapi.workspace.v1 import schedules_pb2

    request = schedules_pb2.ListScheduleFiringsRequest(parent=schedule, page_size=_SHOWN_FIRINGS)
    for firing in connection.workspace.call(stub.ListScheduleFirings, request).firings:
        told = short(firing.run) or firing.message
        outcome = word(types.FiringOutcome, firing.outcome)
        click.echo(f"  {local(firing.fire_time)}  {outcome:<8}  {told}")


def _request_id() -> str:
    import uuid

    return str(uuid.uuid4())
