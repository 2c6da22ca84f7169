"""The table of statistics: counters that grow as things happen, never by reading."""

from dataclasses import dataclass

from workspace.store.base import Row, stored


@stored("daily_statistics", key=("project", "day", "pipeline", "of_deleted"))
@dataclass(slots=True)
class DayOfPipeline(Row):
    """What happened in a pipeline on a day of UTC, which counts from 1970.

    What deleted runs have added stands in rows of its own: the others can be counted anew from
    the runs and steps that are there, to the last digit. A pipeline may be gone.
    """

    project: str
    day: int
    pipeline: str
    of_deleted: bool
    created_runs: int = 0
    started_runs: int = 0
    succeeded_runs: int = 0
    failed_runs: int = 0
    stopped_runs: int = 0
    run_ms: int = 0
    succeeded_steps: int = 0
    cached_steps: int = 0
    skipped_steps: int = 0
    failed_steps: int = 0
    stopped_steps: int = 0
    step_ms: int = 0
    retries: int = 0
