"""What writes of schedules mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from meshkit.errors import FieldViolation, InvalidArgument
from meshkit.feed import ChangeKind
from meshkit.ids import new_uid
from meshkit.session import Session
from workspace import names
from workspace.operations import references, runnable, starts
from workspace.operations.changes import check_etag
from workspace.operations.refusals import absent, illegal, taken
from workspace.operations.runs import NewRun
from workspace.operations.schedule_log import log_firing
from workspace.store import projects as project_store
from workspace.store import schedules as store
from workspace.store.base import insert, update
from workspace.store.schema import Run
from workspace.store.schema_schedules import Outcome, Schedule, ScheduleState
from workspace.timings import Timing

# Fields of which the next time depends.
_TIMING = frozenset({"cron", "interval_s", "run_at", "time_zone", "start_time", "end_time"})
_WHAT = runnable.FIELDS | {"parameters", "cache_disabled", "stack", "step_settings"}


@dataclass(frozen=True, slots=True)
class ScheduleKey:
    """A schedule as its name says it."""

    project: str
    id: str

    @classmethod
    def of(cls, name: str) -> "ScheduleKey":
        return cls(*names.ids(name))

    @property
    def name(self) -> str:
        return f"{names.project(self.project)}/schedules/{self.id}"


def create(
    session: Session, key: ScheduleKey, values: Mapping[str, Any], *, creator: str
) -> Schedule:
    """Creates a schedule; refuses what would never fire, or could not run."""
    if not project_store.existing(session, {key.project}):
        raise absent(names.project(key.project))
    if store.get(session, key.project, key.id):
        raise taken(key.name)
    now, uid = session.now, new_uid()
    anchor = now.replace(microsecond=0)
    # The end of a uid is random; its beginning is the time, the same for neighbours.
    prefix = f"sched-{uid.hex[-8:]}"
    row = Schedule(uid, key.project, key.id, prefix, creator, now, now, anchor, **values)
    _set_next(session, row)
    _check_run(session, row)
    insert(session, [row])
    session.emit(ChangeKind.CREATED, row)
    session.audited(resource=row.name)
    return row


def change(session: Session, key: ScheduleKey, values: Mapping[str, Any], *, etag: str) -> Schedule:
    """Gives fields new values; new times count from now."""
    row = held(session, key, etag)
    differing = {name: new for name, new in values.items() if getattr(row, name) != new}
    if not differing:
        return row
    for name, value in differing.items():
        setattr(row, name, value)
    fields = set(differing)
    if fields & _TIMING:
        row.anchor = session.now.replace(microsecond=0)
        fields.add("anchor")
    if fields & (_TIMING | {"max_runs"}):
        _set_next(session, row)
        fields |= {"state", "next_run_time"}
    if fields & _WHAT:
        _check_run(session, row)
    save(session, row, tuple(sorted(fields)))
    return row


def pause(session: Session, key: ScheduleKey, *, etag: str) -> Schedule:
    """Lets it rest; a time that waits for a run to end is given up."""
    row = held(session, key, etag)
    if row.state == ScheduleState.FINISHED:
        raise illegal(row.name, row.state, ScheduleState.PAUSED)
    if row.state == ScheduleState.ACTIVE:
        row.state, row.next_run_time, row.buffered_time = ScheduleState.PAUSED.value, None, None
        save(session, row, ("state", "next_run_time", "buffered_time"))
    return row


def resume(session: Session, key: ScheduleKey, *, etag: str) -> Schedule:
    """Lets it go on from now; FINISHED where no time is left."""
    row = held(session, key, etag)
    if row.state == ScheduleState.PAUSED:
        row.state = ScheduleState.ACTIVE.value
        advance(session, row)
        save(session, row, ("state", "next_run_time"))
    return row


def trigger(session: Session, key: ScheduleKey, *, run_id: str, requester: str) -> Run:
    """Runs what it runs now, as whoever asks."""
    row = held(session, key, "")
    new = new_run(session, row, id_=run_id, creator=requester, time=session.now)
    run = starts.start(session, new)
    row.last_run = run.id
    log_firing(session, row, session.now, Outcome.STARTED, run=run.id, requester=requester)
    save(session, row, ("last_run", "last_outcome", "last_message", "last_fire_time"))
    session.audited(resource=row.name)
    return run


def delete(session: Session, key: ScheduleKey, *, etag: str) -> None:
    """Deletes a schedule; its runs stay."""
    row = held(session, key, etag)
    store.delete(session, row)
    session.emit(ChangeKind.DELETED, row)
    session.audited(resource=row.name)


def held(session: Session, key: ScheduleKey, etag: str) -> Schedule:
    """A schedule, held until the commit; NotFound, or Aborted for another etag."""
    row = store.lock(session, key.project, key.id)
    if row is None:
        raise absent(key.name)
    check_etag(row, etag)
    return row


def save(session: Session, row: Schedule, fields: tuple[str, ...]) -> None:
    """Writes fields of a schedule that have new values."""
    row.changes += 1
    row.update_time = session.now
    update(session, [row], (*fields, "changes", "update_time"))
    session.emit(ChangeKind.UPDATED, row, fields=fields)
    session.audited(resource=row.name, fields=fields)


def timing_of(row: Schedule) -> Timing:
    """When it fires."""
    return Timing(
        row.anchor,
        row.cron,
        row.time_zone,
        row.interval_s,
        row.run_at,
        row.start_time,
        row.end_time,
    )


def snapshot_of(session: Session, row: Schedule) -> str:
    """The name of the snapshot that a schedule runs now; NotFound where nothing is published."""
    return runnable.name_of(session, row.project, row.snapshot, row.template)


def new_run(session: Session, row: Schedule, *, id_: str, creator: str, time: datetime) -> NewRun:
    """The run that a schedule makes for a time; NotFound as `snapshot_of`, InvalidArgument."""
    return NewRun(
        project=row.project,
        id=id_,
        creator=creator,
        trigger="SCHEDULE",
        snapshot=names.last(snapshot_of(session, row)),
        started_by=row.name,
        parameters=_parameters(row, time),
        cache_disabled=row.cache_disabled,
        stack=row.stack,
        step_settings=row.step_settings,
    )


def run_id(row: Schedule, time: datetime) -> str:
    """Of a time there is one run, whoever makes it."""
    return f"{row.run_prefix}-{int(time.timestamp())}"


def _parameters(row: Schedule, time: datetime) -> dict[str, Any]:
    """What the run of a time is given: the time itself where the parameters refer to it."""
    zone = ZoneInfo(row.time_zone or "UTC")
    known = {
        "time": time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "date": time.astimezone(zone).date().isoformat(),
    }
    try:
        filled: dict[str, Any] = references.fill(row.parameters, {"schedule": known})
    except references.UnknownReferenceError as error:
        problem = "may refer to {{schedule.time}} and {{schedule.date}}, and to nothing else"
        violations = [FieldViolation("schedule.parameters", problem)]
        said = f"Parameters of a schedule {problem}."
        raise InvalidArgument("INVALID_PARAMETERS", said, violations=violations) from error
    return filled


def advance(session: Session, row: Schedule) -> None:
    """Finds the next time of a schedule that is not paused; one without is FINISHED."""
    is_over = row.max_runs and row.run_count >= row.max_runs
    row.next_run_time = None if is_over else timing_of(row).next(session.now)
    state = ScheduleState.ACTIVE if row.next_run_time else ScheduleState.FINISHED
    row.state = state.value


def _set_next(session: Session, row: Schedule) -> None:
    """Checks new times, and finds the first; InvalidArgument where none comes."""
    timing = timing_of(row)
    problem = timing.problem()
    if problem is None and timing.next(session.now) is None:
        problem = ("run_at" if row.run_at else "end_time", "leaves no time to fire")
    if problem:
        field, said = f"schedule.{problem[0]}", problem[1]
        violations = [FieldViolation(field, said)]
        raise InvalidArgument("INVALID_FIELDS", f"{field} {said}.", violations=violations)
    if row.state != ScheduleState.PAUSED:
        advance(session, row)


def _check_run(session: Session, row: Schedule) -> None:
    """Raises the first of what would keep its runs from being made."""
    runnable.hold(session, row.project, row.snapshot, row.template)
    new = new_run(session, row, id_="", creator=row.creator, time=session.now)
    for problem in starts.problems(session, new):
        raise problem
