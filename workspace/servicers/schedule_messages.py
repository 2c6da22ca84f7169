"""Schedules and what became of their times, between rows and messages."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from weftapi.workspace.v1 import schedule_types_pb2
from workspace import names
from workspace.operations import runnable
from workspace.operations.refusals import absent, invalid
from workspace.servicers.converting import (
    numbers,
    set_settings,
    settings_to_dict,
    short_names,
    stamp,
    struct_to_dict,
    time_of,
)
from workspace.store.schema_schedules import CatchUp, Overlap, Schedule, ScheduleFiring
from workspace.timings import Timing

_STATES = numbers(schedule_types_pb2.ScheduleState)
_CATCH_UPS = numbers(schedule_types_pb2.CatchUp)
_OVERLAPS = numbers(schedule_types_pb2.Overlap)
_OUTCOMES = numbers(schedule_types_pb2.FiringOutcome)
_CATCH_UP_NAMES = short_names(schedule_types_pb2.CatchUp)
_OVERLAP_NAMES = short_names(schedule_types_pb2.Overlap)

_TIMING = frozenset({"cron", "interval", "run_at"})
_AS_THEY_ARE = frozenset(
    {"display_name", "description", "cache_disabled", "time_zone", "max_runs", "catch_up_limit"}
)
MUTABLE = (
    *("display_name", "description", "labels", "snapshot", "parameters", "cache_disabled", "cron"),
    *("time_zone", "start_time", "end_time", "max_runs", "catch_up", "catch_up_limit", "overlap"),
    *("stack", "step_settings", "template"),
)


def values_of(
    project: str, schedule: schedule_types_pb2.Schedule, paths: Iterable[str]
) -> dict[str, Any]:
    """Plain values of the named fields; the times are one field, whichever of them is named."""
    chosen = set(paths)
    values: dict[str, Any] = {path: getattr(schedule, path) for path in chosen & _AS_THEY_ARE}
    if chosen & _TIMING:
        values |= _times(schedule)
    if "labels" in chosen:
        values["labels"] = dict(schedule.labels)
    if "parameters" in chosen:
        values["parameters"] = struct_to_dict(schedule.parameters)
    if runnable.FIELDS & chosen:
        values |= _runs(project, schedule, chosen)
    if "stack" in chosen:
        values["stack"] = names.last(schedule.stack)
    if "step_settings" in chosen:
        values["step_settings"] = settings_to_dict(schedule.step_settings)
    if "catch_up" in chosen:
        values["catch_up"] = _CATCH_UP_NAMES[schedule.catch_up] or CatchUp.NONE.value
    if "overlap" in chosen:
        values["overlap"] = _OVERLAP_NAMES[schedule.overlap] or Overlap.SKIP.value
    for path in chosen & {"start_time", "end_time"}:
        values[path] = _whole(schedule, path)
    return values


def timing_of(schedule: schedule_types_pb2.Schedule, *, anchor: datetime) -> Timing:
    """When a schedule would fire that is made at `anchor`."""
    return Timing(
        anchor=anchor.replace(microsecond=0),
        time_zone=schedule.time_zone,
        start_time=_whole(schedule, "start_time"),
        end_time=_whole(schedule, "end_time"),
        **_times(schedule),
    )


def _times(schedule: schedule_types_pb2.Schedule) -> dict[str, Any]:
    """The one of the three that is set, and the others empty."""
    kind = schedule.WhichOneof("timing")
    if kind is None or (kind == "cron" and not schedule.cron):
        raise invalid("schedule.cron", "or `interval` or `run_at` is required")
    if schedule.interval.nanos:
        raise invalid("schedule.interval", "must be whole seconds")
    return {
        "cron": " ".join(schedule.cron.split()),
        "interval_s": schedule.interval.seconds,
        "run_at": _whole(schedule, "run_at"),
    }


def _whole(schedule: schedule_types_pb2.Schedule, field: str) -> datetime | None:
    """A time in whole seconds, as runs are named by them."""
    time = time_of(schedule, field)
    return time.replace(microsecond=0) if time else None


def what(schedule: schedule_types_pb2.Schedule, paths: Iterable[str]) -> dict[str, str]:
    """What of snapshot and template it is to run, by the named fields; the other is empty."""
    given = {path: getattr(schedule, path) for path in runnable.FIELDS & set(paths)}
    return runnable.chosen(given, "schedule")


def _runs(
    project: str, schedule: schedule_types_pb2.Schedule, paths: Iterable[str]
) -> dict[str, str]:
    runs = what(schedule, paths)
    if runs["snapshot"] and names.outside(project, [runs["snapshot"]]):
        raise absent(runs["snapshot"])
    return {**runs, "snapshot": names.last(runs["snapshot"])}


def schedule_to_proto(row: Schedule) -> schedule_types_pb2.Schedule:
    project = names.project(row.project)
    schedule = schedule_types_pb2.Schedule(
        name=row.name,
        uid=str(row.uid),
        display_name=row.display_name,
        description=row.description,
        labels=row.labels,
        creator=row.creator,
        create_time=stamp(row.create_time),
        update_time=stamp(row.update_time),
        revision=row.revision,
        etag=names.etag(row.uid, row.changes),
        snapshot=names.child(project, "snapshots", row.snapshot),
        template=row.template,
        cache_disabled=row.cache_disabled,
        time_zone=row.time_zone,
        start_time=stamp(row.start_time),
        end_time=stamp(row.end_time),
        max_runs=row.max_runs,
        catch_up=_number(_CATCH_UPS, row.catch_up),
        catch_up_limit=row.catch_up_limit,
        overlap=_number(_OVERLAPS, row.overlap),
        state=_number(_STATES, row.state),
        next_run_time=stamp(row.next_run_time),
        run_count=row.run_count,
        last_run=names.child(project, "runs", row.last_run),
        last_outcome=_number(_OUTCOMES, row.last_outcome),
        last_message=row.last_message,
        last_fire_time=stamp(row.last_fire_time),
        stack=names.stack(row.stack),
    )
    set_settings(schedule.step_settings, row.step_settings)
    _set_timing(schedule, row)
    if row.parameters:
        schedule.parameters.update(row.parameters)
    return schedule


def _set_timing(schedule: schedule_types_pb2.Schedule, row: Schedule) -> None:
    if row.cron:
        schedule.cron = row.cron
    elif row.interval_s:
        schedule.interval.seconds = row.interval_s
    elif row.run_at:
        schedule.run_at.FromDatetime(row.run_at)


def firing_to_proto(row: ScheduleFiring) -> schedule_types_pb2.ScheduleFiring:
    project = names.project(row.project)
    return schedule_types_pb2.ScheduleFiring(
        schedule=f"{project}/schedules/{row.schedule}",
        uid=str(row.uid),
        create_time=stamp(row.create_time),
        fire_time=stamp(row.fire_time),
        until_time=stamp(row.until_time),
        outcome=_number(_OUTCOMES, row.outcome),
        reason=row.reason,
        message=row.message,
        run=names.child(project, "runs", row.run),
        requester=row.requester,
    )


def _number(table: dict[str, int], name: str) -> Any:
    return table[name]
