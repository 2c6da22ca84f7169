"""`weft statistics`: how much ran, and how it ended, day by day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from weft.cli._output import output_option, print_fields, print_message, print_messages
from weft.cli._pages import paged

if TYPE_CHECKING:
    from collections.abc import Callable

    from weft._connection import Connection
    from weftapi.workspace.v1 import statistics_pb2, statistics_pb2_grpc

_pipeline = click.option("--pipeline", metavar="PIPELINE", help="Of one pipeline alone.")
_from = click.option("--from", "start", metavar="DAY", help="The first day; 29 before the last.")
_to = click.option("--to", "end", metavar="DAY", help="The last day, such as 2026-07-31; today.")
_everywhere = click.option(
    "--all-projects", is_flag=True, help="Of all projects that you may see, added up."
)


@click.group()
def statistics() -> None:
    """Show how much ran, and how it ended. Days are those of UTC."""


@statistics.command()
@_pipeline
@_from
@_to
@_everywhere
@output_option
def show(
    *, pipeline: str | None, start: str | None, end: str | None, all_projects: bool, output: str
) -> None:
    """Show the sums over a range of days."""
    from weftapi.workspace.v1 import statistics_pb2

    connection, stub = _connect()
    request = statistics_pb2.GetStatisticsRequest(start_day=start or "", end_day=end or "")
    _choose(connection, request, pipeline, all_projects=all_projects)
    found = connection.workspace.call(stub.GetStatistics, request)
    print_message(found, output, lambda: print_fields(_fields(found)))


@statistics.command("list")
@_pipeline
@_from
@_to
@_everywhere
@click.option("-n", "--limit", type=click.IntRange(min=1), default=31, show_default=True)
@output_option
def list_days(
    *,
    pipeline: str | None,
    start: str | None,
    end: str | None,
    all_projects: bool,
    limit: int,
    output: str,
) -> None:
    """List the days on which anything happened, newest first."""
    from weftapi.workspace.v1 import statistics_pb2

    connection, stub = _connect()
    request = statistics_pb2.ListDailyStatisticsRequest(start_day=start or "", end_day=end or "")
    _choose(connection, request, pipeline, all_projects=all_projects)
    pages = paged(lambda r: connection.workspace.call(stub.ListDailyStatistics, r), request, limit)
    print_messages(
        [day for page in pages for day in page.daily_statistics],
        output,
        header=("DAY", *_COLUMNS),
        row=lambda day: (day.day, *(of(day.statistics) for of in _COLUMNS.values())),
        empty="nothing happened in that time",
    )


_COLUMNS: dict[str, Callable[[statistics_pb2.Statistics], str]] = {
    "CREATED": lambda s: str(s.created_run_count),
    "SUCCEEDED": lambda s: str(s.succeeded_run_count),
    "FAILED": lambda s: str(s.failed_run_count),
    "STOPPED": lambda s: str(s.stopped_run_count),
    "RUN TIME": lambda s: _duration(s.run_seconds),
    "STEPS": lambda s: str(s.succeeded_step_count),
    "CACHED": lambda s: str(s.cached_step_count),
    "RETRIES": lambda s: str(s.retry_count),
}


def _fields(found: statistics_pb2.Statistics) -> list[tuple[str, str]]:
    return [
        ("runs created", str(found.created_run_count)),
        ("runs started", str(found.started_run_count)),
        ("runs succeeded", str(found.succeeded_run_count)),
        ("runs failed", str(found.failed_run_count)),
        ("runs stopped", str(found.stopped_run_count)),
        ("run time", _duration(found.run_seconds)),
        ("steps succeeded", str(found.succeeded_step_count)),
        ("steps cached", str(found.cached_step_count)),
        ("steps skipped", str(found.skipped_step_count)),
        ("steps failed", str(found.failed_step_count)),
        ("steps stopped", str(found.stopped_step_count)),
        ("step time", _duration(found.step_seconds)),
        ("retries", str(found.retry_count)),
    ]


def _duration(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def _choose(
    connection: Connection,
    request: statistics_pb2.GetStatisticsRequest | statistics_pb2.ListDailyStatisticsRequest,
    pipeline: str | None,
    *,
    all_projects: bool,
) -> None:
    if all_projects and pipeline:
        raise click.UsageError("a pipeline is of one project: leave one of the two options out")
    request.parent = "projects/-" if all_projects else connection.project
    if pipeline:
        is_name = pipeline.startswith("projects/")
        request.pipeline = pipeline if is_name else f"{connection.project}/pipelines/{pipeline}"


def _connect() -> tuple[Connection, statistics_pb2_grpc.StatisticsServiceStub]:
    from weft._connection import Connection
    from weftapi.workspace.v1 import statistics_pb2_grpc

    connection = Connection.current()
    return connection, connection.workspace.stub(statistics_pb2_grpc.StatisticsServiceStub)
