"""What runs and steps add to the statistics of days: a pure function of their rows.

Writes add it as things happen, deletions take it over, checks add it all up once more: each by
the functions below, so that they agree.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from workspace.lifecycle import RUN_TERMINAL, STEP_TERMINAL

# Of a project, on a day, in a pipeline.
Key = tuple[str, int, str]

_EPOCH = datetime.fromtimestamp(0, UTC)
_FIRST_DAY = _EPOCH.date().toordinal()
_MS = timedelta(milliseconds=1)
# Reporters say when things began and ended. No sum of what they say may leave 64 bits.
_LONGEST_MS = timedelta(days=3660) // _MS
_ENDED_RUNS = {state.value: f"{state.lower()}_runs" for state in RUN_TERMINAL}
_ENDED_STEPS = {state.value: f"{state.lower()}_steps" for state in STEP_TERMINAL}


class RunTimes(Protocol):
    """What counts of a run."""

    @property
    def project(self) -> str: ...
    @property
    def pipeline(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def create_time(self) -> datetime: ...
    @property
    def start_time(self) -> datetime | None: ...
    @property
    def end_time(self) -> datetime | None: ...


class StepTimes(Protocol):
    """What counts of a step."""

    @property
    def project(self) -> str: ...
    @property
    def pipeline(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def attempt_count(self) -> int: ...
    @property
    def start_time(self) -> datetime | None: ...
    @property
    def end_time(self) -> datetime | None: ...


class Tally:
    """Counts, by key and then by column of the table of statistics."""

    def __init__(self) -> None:
        self.days: dict[Key, dict[str, int]] = defaultdict(lambda: defaultdict(int))

    def run_created(self, run: RunTimes) -> None:
        self._on(run, run.create_time)["created_runs"] += 1

    def run_started(self, run: RunTimes) -> None:
        if run.start_time:
            self._on(run, run.start_time)["started_runs"] += 1

    def run_ended(self, run: RunTimes) -> None:
        if run.end_time and run.state in _ENDED_RUNS:
            counts = self._on(run, run.end_time)
            counts[_ENDED_RUNS[run.state]] += 1
            counts["run_ms"] += _lasted_ms(run)

    def step_ended(self, step: StepTimes) -> None:
        """Counts a step, unless it has not ended."""
        if step.end_time and step.state in _ENDED_STEPS:
            counts = self._on(step, step.end_time)
            counts[_ENDED_STEPS[step.state]] += 1
            counts["step_ms"] += _lasted_ms(step)
            counts["retries"] += max(0, step.attempt_count - 1)

    def run(self, run: RunTimes) -> None:
        """Everything of a run, but its steps."""
        self.run_created(run)
        self.run_started(run)
        self.run_ended(run)

    def steps(self, steps: Iterable[StepTimes]) -> None:
        for step in steps:
            self.step_ended(step)

    def _on(self, row: RunTimes | StepTimes, time: datetime) -> dict[str, int]:
        return self.days[row.project, (time - _EPOCH).days, row.pipeline]


def day_number(day: date) -> int:
    """A day as statistics number it."""
    return day.toordinal() - _FIRST_DAY


def day_of(number: int) -> date:
    """The other way round."""
    return date.fromordinal(number + _FIRST_DAY)


def _lasted_ms(row: RunTimes | StepTimes) -> int:
    if row.start_time is None or row.end_time is None:
        return 0
    return min(max(0, (row.end_time - row.start_time) // _MS), _LONGEST_MS)
