"""The tables of a workspace, one class for each kind of row; ids stand beside immutable uids.

`project` and `run` are ids, not names: names are put together where rows become messages.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa

from meshkit.schema import mesh_tables
from workspace.lifecycle import RunState, StepState
from workspace.store.base import Row, metadata, stored

MESH_TABLES = mesh_tables(metadata)


def _in(column: str, values: Iterable[str], name: str) -> sa.CheckConstraint:
    texts = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({texts})", name=name)


def _project() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["project"], ["projects.id"])


@stored(
    "projects",
    sa.UniqueConstraint("id"),
    sa.Index(None, "create_time", "uid"),
    sa.Index(None, "display_name"),
)
@dataclass(slots=True)
class Project(Row):
    """A project; `changes` counts its versions and makes its etag.

    A deleted one leaves its row: grants on its id, which stand elsewhere, must not open a new one.
    """

    resource_type: ClassVar[str] = "weft.dev/Project"

    uid: UUID
    id: str
    display_name: str
    description: str
    labels: dict[str, str]
    creator: str
    create_time: datetime
    update_time: datetime
    delete_time: datetime | None = None
    max_concurrent_runs: int = 0
    revision: int = 0
    changes: int = 1
    default_stack: str = ""
    # What is kept of the logs of a run, and of one log; 0 for what the settings say.
    max_run_log_bytes: int = 0
    max_run_log_lines: int = 0
    max_log_stream_bytes: int = 0
    max_log_stream_lines: int = 0
    # What it may hold, by `workspace.quotas`; 0 for any amount.
    max_runs: int = 0
    max_artifact_versions: int = 0
    max_artifact_bytes: int = 0
    max_log_bytes: int = 0
    max_pipelines: int = 0
    max_snapshots: int = 0
    max_model_versions: int = 0
    max_automations: int = 0
    # Which of its runs are archived; 0 is no rule.
    keep_run_days: int = 0
    keep_last_runs: int = 0

    @property
    def name(self) -> str:
        return f"projects/{self.id}"

    @property
    def project(self) -> str:
        return self.id


@stored(
    "runs",
    sa.UniqueConstraint("project", "id"),
    # Lists and watches: newest first, alone or within one value of a filter.
    sa.Index(None, "project", "create_time", "uid"),
    sa.Index(None, "create_time", "uid"),
    sa.Index(None, "project", "state", "create_time", "uid"),
    sa.Index(None, "project", "pipeline", "create_time", "uid"),
    sa.Index(None, "project", "snapshot", "create_time", "uid"),
    sa.Index(None, "project", "creator", "create_time", "uid"),
    sa.Index(None, "project", "trigger", "create_time", "uid"),
    # The reaper looks at what has not ended, and nothing else; people at what failed anywhere.
    sa.Index(None, "state", "create_time", "uid"),
    _in("state", RunState, "state"),
    _project(),
)
@dataclass(slots=True)
class Run(Row):
    """A run, with what its reporter has said so far.

    `reporter` holds the run's `attempt`; `acked_sequence` is the highest report up to which
    all are durable, `last_sequence` the newest about the run itself. `heartbeat_ms` is by the
    database's clock; 0 before the first sign of life.
    """

    resource_type: ClassVar[str] = "weft.dev/Run"

    uid: UUID
    project: str
    id: str
    pipeline: str
    snapshot: str
    creator: str
    trigger: str
    create_time: datetime
    update_time: datetime
    labels: dict[str, str] = field(default_factory=dict)
    origin: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] | None = None
    cache_disabled: bool = False
    step_settings: dict[str, Any] = field(default_factory=dict)
    display_name: str = ""
    description: str = ""
    # What started it, where nobody did; which triggers had a hand in it, by their uids.
    started_by: str = ""
    cause: str = ""
    trigger_chain: list[str] = field(default_factory=list)
    workload: str = ""
    state: str = RunState.PENDING.value
    state_reason: str = ""
    failure: dict[str, Any] | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    step_counts: dict[str, int] = field(default_factory=dict)
    stop_request: dict[str, Any] | None = None
    pause_request: dict[str, Any] | None = None
    # The wishes that single steps stop, by their ids, until these have ended: its runner hears
    # them with every answer, which must not cost a look at the steps.
    step_stops: dict[str, Any] = field(default_factory=dict)
    open_condition_count: int = 0
    metadata: dict[str, Any] = field(default_factory=dict)
    unresponsive_since: datetime | None = None
    heartbeat_ms: int = 0
    attempt: int = 1
    reporter: UUID | None = None
    acked_sequence: int = 0
    last_sequence: int = 0
    changes: int = 1
    revision: int = 0
    stack: str = ""
    # The uid of the workload manager that has its workload.
    manager: str = ""
    # The step that a retry executes alone.
    only_step: str = ""

    @property
    def name(self) -> str:
        return f"projects/{self.project}/runs/{self.id}"


@stored("run_counters", _in("state", RunState, "state"), key=("project", "state"))
@dataclass(slots=True)
class RunCounter(Row):
    """How many runs of a project are in a state: counted as they move, never by reading."""

    project: str
    state: str
    count: int


@stored(
    "steps",
    sa.UniqueConstraint("run_uid", "id"),
    sa.Index(None, "run_uid", "ordinal", "uid"),
    sa.Index(None, "run_uid", "state"),
    sa.Index(None, "run_uid", "map_group"),
    sa.Index(None, "project", "cache_key", "end_time"),
    sa.Index(None, "project", "pipeline", "id", "create_time"),
    sa.ForeignKeyConstraint(["run_uid"], ["runs.uid"]),
    _in("state", StepState, "state"),
)
@dataclass(slots=True)
class Step(Row):
    """A step of a run; `ordinal` keeps the order of the graph."""

    resource_type: ClassVar[str] = "weft.dev/Step"

    uid: UUID
    run_uid: UUID
    project: str
    run: str
    pipeline: str
    id: str
    ordinal: int
    create_time: datetime
    update_time: datetime
    upstream: list[str] = field(default_factory=list)
    map_group: str = ""
    map_index: int = 0
    state: str = StepState.PENDING.value
    state_reason: str = ""
    failure: dict[str, Any] | None = None
    attempt_count: int = 0
    last_sequence: int = 0
    start_time: datetime | None = None
    end_time: datetime | None = None
    log_stream: str = ""
    cache_key: str = ""
    cached_from: str = ""
    cache_reason: str = ""
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    cache_key_parts: dict[str, str] = field(default_factory=dict)
    stop_request: dict[str, Any] | None = None
    revision: int = 0
    # Of its newest attempt, where that is executed apart: who does it, and how it ended.
    workload: str = ""
    attempt_outcome: str = ""
    unresponsive_since: datetime | None = None

    @property
    def name(self) -> str:
        return f"projects/{self.project}/runs/{self.run}/steps/{self.id}"


@stored(
    "step_attempts",
    sa.ForeignKeyConstraint(["step_uid"], ["steps.uid"]),
    _in("state", StepState, "state"),
    key=("step_uid", "number"),
)
@dataclass(slots=True)
class StepAttempt(Row):
    """One attempt at a step."""

    step_uid: UUID
    number: int
    state: str
    failure: dict[str, Any] | None
    host: str
    log_stream: str
    start_time: datetime
    end_time: datetime | None


@stored(
    "late_reports", sa.Index(None, "run_uid"), sa.ForeignKeyConstraint(["run_uid"], ["runs.uid"])
)
@dataclass(slots=True)
class LateReport(Row):
    """A report that came after the end: kept for the record, applied to nothing."""

    uid: UUID
    run_uid: UUID
    reporter: UUID
    sequence: int
    time: datetime
    subject: str
    content: dict[str, Any]


@stored(
    "launches",
    sa.Index(None, "state"),
    sa.UniqueConstraint("workload"),
    sa.ForeignKeyConstraint(["run_uid"], ["runs.uid"]),
    _in("state", ("QUEUED", "INTENDED", "SUBMITTED", "CANCELLING", "ENDED"), "state"),
    key=("run_uid",),
)
@dataclass(slots=True)
class Launch(Row):
    """That a workload manager is to execute a run: written with the run, acted on after.

    QUEUED waits for its project's other runs. `start_by` is when its runner must have spoken;
    None while nobody has the workload, or its manager has no place for it. `manager` is the uid of
    the one that has the workload or is to get it, as soon as one was chosen.
    """

    run_uid: UUID
    project: str
    run: str
    workload: str
    state: str
    cancel_time: datetime | None = None
    start_by: datetime | None = None
    manager: str = ""


# Imported for their effect on the metadata: these tables live in files of their own.
from workspace.store import schema_alerters as schema_alerters  # noqa: E402, PLC0414 - likewise
from workspace.store import schema_artifacts as schema_artifacts  # noqa: E402, PLC0414 - likewise
from workspace.store import schema_build_launches as schema_build_launches  # noqa: E402, PLC0414
from workspace.store import schema_code_repositories as schema_code_repositories  # noqa: E402, PLC0414
from workspace.store import schema_conditions as schema_conditions  # noqa: E402, PLC0414
from workspace.store import schema_connectors as schema_connectors  # noqa: E402, PLC0414 - likewise
from workspace.store import schema_feed_positions as schema_feed_positions  # noqa: E402, PLC0414
from workspace.store import schema_logs as schema_logs  # noqa: E402, PLC0414 - re-exported
from workspace.store import schema_models as schema_models  # noqa: E402, PLC0414 - re-exported
from workspace.store import schema_quotas as schema_quotas  # noqa: E402, PLC0414 - likewise
from workspace.store import schema_replicas as schema_replicas  # noqa: E402, PLC0414 - likewise
from workspace.store import schema_retention as schema_retention  # noqa: E402, PLC0414 - likewise
from workspace.store import schema_saved_views as schema_saved_views  # noqa: E402, PLC0414
from workspace.store import schema_schedules as schema_schedules  # noqa: E402, PLC0414 - likewise
from workspace.store import schema_secrets as schema_secrets  # noqa: E402, PLC0414 - likewise
from workspace.store import schema_snapshots as schema_snapshots  # noqa: E402, PLC0414
from workspace.store import schema_stacks as schema_stacks  # noqa: E402, PLC0414 - re-exported
from workspace.store import schema_statistics as schema_statistics  # noqa: E402, PLC0414
from workspace.store import schema_step_launches as schema_step_launches  # noqa: E402, PLC0414
from workspace.store import schema_triggers as schema_triggers  # noqa: E402, PLC0414 - likewise
from workspace.store import schema_values as schema_values  # noqa: E402, PLC0414 - likewise
from workspace.store import schema_webhooks as schema_webhooks  # noqa: E402, PLC0414 - likewise
