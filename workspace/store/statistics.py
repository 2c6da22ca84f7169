"""Queries of statistics."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session
from workspace.store.base import columns, insert_or
from workspace.store.lists import Visible, within
from workspace.store.schema import Run, Step
from workspace.store.schema_statistics import DayOfPipeline
from workspace.tally import Key, Tally

_C = columns(DayOfPipeline)
_R, _S = columns(Run), columns(Step)
_KEY = ("project", "day", "pipeline", "of_deleted")
COUNTS = tuple(column.name for column in _C if column.name not in _KEY)
RUN_TIMES = (_R.project, _R.pipeline, _R.state, _R.create_time, _R.start_time, _R.end_time)
STEP_TIMES = (_S.project, _S.pipeline, _S.state, _S.attempt_count, _S.start_time, _S.end_time)
_SUMS = [sa.func.coalesce(sa.func.sum(_C[name]), 0).label(name) for name in COUNTS]

_STREAMED = {"yield_per": 1000}
_DAY = OrderKey("day", _C.day)
ORDERS = Orders((_DAY,), _DAY, default="day desc")
# The first and the last of a range.
Days = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Day:
    """What happened on a day, by column of the table."""

    day: int
    counts: dict[str, int]


def add(session: Session, tally: Tally) -> None:
    """Adds to the statistics; in one order, as locks are taken."""
    insert_or(session, list(rows(tally, sign=1, of_deleted=False)), _add)


def keep_of_deleted(session: Session, run: Run) -> None:
    """Puts what a run has added where it stays; the run is deleted after."""
    tally = Tally()
    tally.run(run)
    own: Any = sa.select(*STEP_TIMES).where(_S.run_uid == run.uid)
    tally.steps(session.connection().execute(own))
    insert_or(session, list(rows(tally, sign=-1, of_deleted=False)), _add)
    insert_or(session, list(rows(tally, sign=1, of_deleted=True)), _add)


def total(session: Session, visible: Visible, pipeline: str, days: Days) -> dict[str, int]:
    """The sums over a range of days, by column of the table."""
    statement = sa.select(*_SUMS).where(*_which(session, visible, pipeline, days))
    return _counts(session.connection().execute(statement).one())


def list_days(
    session: Session, visible: Visible, pipeline: str, days: Days, window: Window
) -> list[Day]:
    """Days on which anything happened: one page, and one more."""
    of_days = sa.select(_C.day, *_SUMS).where(*_which(session, visible, pipeline, days))
    happened = sa.func.max(sum(_C[name] for name in COUNTS)) > 0
    statement: Any = window.apply(of_days.group_by(_C.day).having(happened))
    return [Day(row[0], _counts(row[1:])) for row in session.connection().execute(statement)]


def recount(connection: sa.Connection) -> Tally:
    """What the runs and steps that are there add up to; reads every row."""
    tally = Tally()
    runs: Any = connection.execute(sa.select(*RUN_TIMES), execution_options=_STREAMED)
    for run in runs:
        tally.run(run)
    steps: Any = sa.select(*STEP_TIMES).where(_S.end_time.is_not(None))
    tally.steps(connection.execute(steps, execution_options=_STREAMED))
    return tally


def counted(connection: sa.Connection) -> Iterator[tuple[Key, dict[str, int]]]:
    """What statistics say of the runs and steps that are there."""
    statement = sa.select(_C.project, _C.day, _C.pipeline, *(_C[name] for name in COUNTS))
    for row in connection.execute(statement.where(~_C.of_deleted)):
        yield (row[0], row[1], row[2]), _counts(row[3:])


def rows(tally: Tally, *, sign: int, of_deleted: bool) -> Iterator[DayOfPipeline]:
    """A tally as rows, or as what takes it away."""
    for (project, day, pipeline), counts in sorted(tally.days.items()):
        signed = {name: sign * count for name, count in counts.items()}
        yield DayOfPipeline(project, day, pipeline, of_deleted, **signed)


def _add(statement: Any) -> Any:
    added = {name: _C[name] + statement.excluded[name] for name in COUNTS}
    return statement.on_conflict_do_update(index_elements=[_C[name] for name in _KEY], set_=added)


def _which(
    session: Session, visible: Visible, pipeline: str, days: Days
) -> list[sa.ColumnElement[bool]]:
    found = [*within(session, _C.project, visible), _C.day.between(*days)]
    return [*found, _C.pipeline == pipeline] if pipeline else found


def _counts(sums: Any) -> dict[str, int]:
    return {name: int(value) for name, value in zip(COUNTS, sums, strict=True)}
