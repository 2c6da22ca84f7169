"""`weft schedules backfill`: makes up for times of the past."""

from __future__ import annotations

import click

from weft.cli._names import short
from weft.cli._output import note, output_option, print_messages
from weft.cli._schedules import connect, moment, schedule_name


@click.command()
@click.argument("schedule")
@click.option("--from", "start", required=True, help="The first time: 2026-11-01, or with an hour.")
@click.option("--to", "end", help="The last time; now by default.")
@output_option
def backfill(*, schedule: str, start: str, end: str | None, output: str) -> None:
    """Run what a schedule runs for each time of a span that has no run yet, as you.

    Parameters of the schedule that are {{schedule.time}} or {{schedule.date}} stand for that time.
    At most 100 runs are made at once; asking again makes those that are missing.
    """
    from weftapi.workspace.v1 import schedules_pb2

    connection, stub = connect()
    request = schedules_pb2.BackfillScheduleRequest(name=schedule_name(connection, schedule))
    request.start_time.FromDatetime(moment(start))
    if end:
        request.end_time.FromDatetime(moment(end))
    made = connection.workspace.call(stub.BackfillSchedule, request)
    print_messages(
        made.runs,
        output,
        header=("RUN", "PIPELINE"),
        row=lambda run: (short(run.name), short(run.pipeline)),
        empty="no time of the span is without a run",
    )
    if made.present_count:
        note(f"{made.present_count} times had their run already")
