"""What commands about schedules share: times as people type and read them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from weft import _enums
from weft.cli._exit import CommandError, Exit

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

    from weft._connection import Connection
    from weftapi.workspace.v1 import schedule_types_pb2, schedules_pb2_grpc

F = TypeVar("F", bound=Callable[..., Any])
_UNITS = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
TIMING = ("cron", "tz", "every", "at", "start", "end")


def timing_options(command: F) -> F:
    """The options that say when a schedule fires."""
    for option in (
        click.option("--end", help="It does not fire after this time."),
        click.option("--start", help="It does not fire before this time."),
        click.option("--at", help="Once, at this time: 2026-12-24T18:00+01:00."),
        click.option("--every", help="Again and again: 30m, 6h, 1d."),
        click.option("--tz", help="The time zone of --cron: Europe/Berlin; UTC by default."),
        click.option("--cron", help="Minute, hour, day, month, day of week: '0 7 * * 1-5'."),
    ):
        command = option(command)
    return command


def connect() -> tuple[Connection, schedules_pb2_grpc.ScheduleServiceStub]:
    from weft._connection import Connection
    from weftapi.workspace.v1 import schedules_pb2_grpc

    connection = Connection.current()
    return connection, connection.workspace.stub(schedules_pb2_grpc.ScheduleServiceStub)


def schedule_name(connection: Connection, text: str) -> str:
    """The resource name of a schedule."""
    return text if text.startswith("projects/") else f"{connection.project}/schedules/{text}"


def set_timing(schedule: schedule_types_pb2.Schedule, given: dict[str, Any]) -> list[str]:
    """Writes what the options say of the times; answers which fields they are."""
    kinds = [name for name in ("cron", "every", "at") if given.get(name)]
    if len(kinds) > 1:
        raise CommandError("say one of --cron, --every and --at", Exit.USAGE)
    paths = []
    if given.get("cron"):
        schedule.cron = given["cron"]
        paths.append("cron")
    if given.get("every"):
        schedule.interval.seconds = _seconds(given["every"])
        paths.append("interval")
    for option, field in (("at", "run_at"), ("start", "start_time"), ("end", "end_time")):
        if given.get(option):
            getattr(schedule, field).FromDatetime(moment(given[option]))
            paths.append(field)
    if given.get("tz"):
        schedule.time_zone = given["tz"]
        paths.append("time_zone")
    elif kinds and kinds != ["cron"]:
        # A zone that an expression left behind means nothing any more.
        paths.append("time_zone")
    return paths


def parameters_of(texts: tuple[str, ...]) -> dict[str, str]:
    """Reads NAME=VALUE."""
    found = {}
    for text in texts:
        name, is_given, value = text.partition("=")
        if not is_given:
            raise CommandError(f"a parameter is NAME=VALUE, not {text}", Exit.USAGE)
        found[name.replace("-", "_")] = value
    return found


def guessed(parameters: dict[str, str]) -> dict[str, Any]:
    """Values as JSON where they are JSON, else as text: the workspace knows their types."""
    found: dict[str, Any] = {}
    for name, text in parameters.items():
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    return found


def when(schedule: schedule_types_pb2.Schedule) -> str:
    """The times of a schedule in a few words."""
    kind = schedule.WhichOneof("timing")
    if kind == "cron":
        return f"{schedule.cron} {schedule.time_zone or 'UTC'}"
    if kind == "interval":
        return f"every {_spoken(schedule.interval.seconds)}"
    return f"at {local(schedule.run_at)}"


def local(time: Timestamp) -> str:
    """A time on this machine's clock; empty for none."""
    import datetime as dt

    if not time.seconds:
        return ""
    return time.ToDatetime(dt.UTC).astimezone().isoformat(" ", "seconds")


def word(enum: Any, number: int) -> str:
    """The name of a value without the prefix of its type; a number that is not known as itself."""
    return _enums.word(enum, number) if number else ""


def _seconds(text: str) -> int:
    found = re.fullmatch(r"([1-9][0-9]{0,6})([mhdw])", text)
    if found is None:
        raise CommandError(f"an interval is 30m, 6h, 1d or 2w, not {text}", Exit.USAGE)
    return int(found[1]) * _UNITS[found[2]]


def _spoken(seconds: int) -> str:
    for unit in ("w", "d", "h", "m"):
        if seconds % _UNITS[unit] == 0:
            return f"{seconds // _UNITS[unit]}{unit}"
    return f"{seconds}s"


def moment(text: str) -> Any:
    """A time as ISO 8601 says it; on this machine's clock where it names no zone."""
    import datetime as dt

    try:
        return dt.datetime.fromisoformat(text).astimezone(dt.UTC)
    except ValueError:
        raise CommandError(f"a time is 2026-12-24T18:00+01:00, not {text}", Exit.USAGE) from None
