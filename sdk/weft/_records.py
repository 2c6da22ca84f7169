"""What a run tells the workspace: plain values, one per message of the wire, and the protocol.

`weft._spec` converts them to protobuf; `weft._spool` keeps them as JSON lines.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from weft._models import Model
from weft._states import RunState, StepState, StopMode

if TYPE_CHECKING:
    from weft._apart import Apart
    from weft._approval import Question, Verdict

Json = Any
LogStreamName = Literal["stdout", "stderr", "structured"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


def now() -> dt.datetime:
    """Give the time in UTC."""
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run or an attempt failed.

    Attributes:
        kind: USER for the step's own code, SYSTEM for everything of ours around it, INFRASTRUCTURE
            for what it ran on.
        code: EXCEPTION, TIMEOUT, QUEUE_TIMEOUT, DEADLINE, OUTPUT, MATERIALIZER, ARTIFACT,
            ITEM_FAILED or PROCESS_DIED.
        exception: Qualified type of the exception.
        message: What it said, at most 4 KiB.
        location: `file:line in function` of the user's code.
        excerpt: Lines around it, the guilty one marked.
        traceback: The whole Python traceback.
        step: The failed step, in the failure of a run.
    """

    kind: Literal["USER", "SYSTEM", "INFRASTRUCTURE"]
    code: str
    message: str
    exception: str = ""
    location: str = ""
    excerpt: str = ""
    traceback: str = ""
    step: str = ""


@dataclass(frozen=True, slots=True)
class ArtifactVersion:
    """One stored value.

    Attributes:
        uri: Directory of its files, in the artifact store.
        data_type: `module.Name` of the Python type.
        materializer: Name and version of what wrote it, such as `json/1`.
        format: `json`, `npy`, `parquet`, ...; `pickle` is the flagged one.
        content_hash: SHA-256 in hex over all files (see `weft._store`).
        size_bytes: Size of all files.
        schema: Columns, shape and dtype, ... where cheap.
        statistics: Counts and ranges where cheap.
        libraries: Versions that wrote it, with `python`.
        visualizations: Names of files in the directory that a browser can show.
        is_pickled: Whether reading it runs code that is stored in it.
        resource: Its name in the workspace, where it was read from there.
    """

    uid: str
    name: str
    uri: str
    data_type: str
    materializer: str
    format: str
    content_hash: str
    size_bytes: int
    type: Literal["DATA", "MODEL"] = "DATA"
    schema: Mapping[str, Json] = field(default_factory=dict)
    statistics: Mapping[str, Json] = field(default_factory=dict)
    libraries: Mapping[str, str] = field(default_factory=dict)
    visualizations: tuple[str, ...] = ()
    is_pickled: bool = False
    producer_run: str = ""
    producer_step: str = ""
    resource: str = ""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as it is created."""

    uid: str
    name: str
    project: str
    pipeline: str
    parameters: Mapping[str, Json]
    execution_mode: str
    create_time: dt.datetime
    environment: Mapping[str, str]
    parameters_schema: Mapping[str, Json] = field(default_factory=dict)
    entrypoint: str = ""
    model: Model | None = None


@dataclass(frozen=True, slots=True)
class StepRecord:
    """A step as it is declared; an item of a fan-out names its `parent` and `index`.

    Attributes:
        outputs, output_types: Names and `module.Name` of the declared types.
        inputs: Where each argument comes from; empty for items of a fan-out, whose own differ.
        map_over: Arguments whose items a fan-out is run for.
    """

    id: str
    upstream: tuple[str, ...]
    entrypoint: str
    outputs: tuple[str, ...]
    output_types: tuple[str, ...] = ()
    inputs: Mapping[str, Json] = field(default_factory=dict)
    max_retries: int = 0
    retry_backoff_s: float = 0.0
    retry_max_backoff_s: float = 0.0
    timeout_s: float | None = None
    queue_timeout_s: float | None = None
    deadline_s: float | None = None
    cache_enabled: bool = True
    cache_max_age_s: float | None = None
    cache_policy: str = ""
    cpu_millis: int = 0
    memory_bytes: int = 0
    gpus: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    map_over: tuple[str, ...] = ()
    map_concurrency: int = 0
    secrets: tuple[str, ...] = ()
    isolation: str = ""
    pod: Mapping[str, Json] = field(default_factory=dict)
    retry_memory_growth: float = 1.0
    retry_max_memory_bytes: int = 0
    description: str = ""
    source: str = ""
    parent: str = ""
    index: int | None = None


@dataclass(frozen=True, slots=True)
class RunReport:
    """A new state of the run. `sequence` counts all reports of one reporter, without gaps."""

    sequence: int
    state: RunState
    time: dt.datetime
    reason: str = ""
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class StepReport:
    """A new state of a step in one attempt (1 is the first; 0 where none was made).

    Attributes:
        failure: Of the attempt, with RETRYING and FAILED.
        inputs: Artifact versions that the attempt read, by argument: the lineage.
        outputs: Artifact versions by output; several where a fan-out gathers its items.
        cache_key: Set where the step may be cached.
        cached_from: The step whose outputs stand in, with CACHED.
        cache_reason: Why an earlier result was, or was not, taken; on a miss, what differs.
        cache_components: Digests that make up the key, so that a later miss can be explained.
    """

    sequence: int
    step: str
    attempt: int
    state: StepState
    time: dt.datetime
    reason: str = ""
    failure: Failure | None = None
    inputs: Mapping[str, tuple[ArtifactVersion, ...]] = field(default_factory=dict)
    outputs: Mapping[str, tuple[ArtifactVersion, ...]] = field(default_factory=dict)
    cache_key: str = ""
    cached_from: str = ""
    cache_reason: str = ""
    cache_components: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of output; a longer one continues in the next, which says `continued`."""

    time: dt.datetime
    level: LogLevel
    stream: LogStreamName
    message: str
    continued: bool = False
    origin: Literal["USER", "SYSTEM"] = "USER"
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogBatch:
    """Lines of one attempt; step "" is the run itself."""

    step: str
    attempt: int
    lines: tuple[LogLine, ...]


@dataclass(frozen=True, slots=True)
class Metadata:
    """Values about a step, or with `output` about one of its outputs."""

    step: str
    attempt: int
    values: Mapping[str, Json]
    time: dt.datetime
    output: str = ""

    @property
    def by_name(self) -> dict[str, Json]:
        """The values by what they are called at the step."""
        prefix = f"{self.output}." if self.output else ""
        return {f"{prefix}{name}": value for name, value in self.values.items()}


@dataclass(frozen=True, slots=True)
class Metric:
    """One point of a curve; without `x` it is the step's final figure."""

    step: str
    attempt: int
    name: str
    value: float
    time: dt.datetime
    x: float | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """Something to tell people; `id` is the same however often it is handed over."""

    step: str
    attempt: int
    id: str
    text: str
    time: dt.datetime
    alerter: str = ""


@dataclass(frozen=True, slots=True)
class CacheCandidate:
    """An earlier result of a step: the one that matches, or the latest that does not.

    Attributes:
        step: Resource name: `projects/<id>/runs/<id>/steps/<id>`.
    """

    key: str
    step: str
    create_time: dt.datetime
    components: Mapping[str, str]
    outputs: Mapping[str, tuple[ArtifactVersion, ...]]


@dataclass(frozen=True, slots=True)
class Given:
    """A result that a step has from an earlier run; a fan-out has those of its items, in order."""

    outputs: Mapping[str, ArtifactVersion]
    items: Mapping[str, Mapping[str, ArtifactVersion]] = field(default_factory=dict)


Record = RunRecord | StepRecord | RunReport | StepReport | LogBatch | Metadata | Metric | Alert


class Listener(Protocol):
    """Hears what people want of a run, from any thread."""

    def stop(self, mode: StopMode, reason: str) -> None:
        """The run should stop."""

    def stop_step(self, step: str, mode: StopMode, reason: str, *, grace_s: float) -> None:
        """One step should stop; one that is told has this long before it is cancelled."""

    def pause(self, *, is_paused: bool) -> None:
        """Nothing new should start, or what waits should go on."""


class Nobody:
    """Hears nothing: there is nothing to stop."""

    def stop(self, mode: StopMode, reason: str) -> None:
        """It is over."""

    def stop_step(self, step: str, mode: StopMode, reason: str, *, grace_s: float) -> None:
        """Likewise."""

    def pause(self, *, is_paused: bool) -> None:
        """Likewise."""


class RunRecorder(Protocol):
    """Takes what one run tells. Calls never block on a network and come from any thread.

    Records of one step arrive in the order they were handed over; `close` returns when everything
    is where it survives this process.
    """

    def add_steps(self, steps: Sequence[StepRecord]) -> None:
        """Declare steps: all at the start, items of a fan-out when they are known."""

    def report_run(self, report: RunReport) -> None:
        """Tell a state of the run."""

    def report_step(self, report: StepReport) -> None:
        """Tell a state of a step; a final one carries the outputs."""

    def append_logs(self, batch: LogBatch) -> None:
        """Hand over lines of one attempt."""

    def write_metadata(self, metadata: Metadata) -> None:
        """Keep values about a step or an output."""

    def write_metrics(self, metrics: Sequence[Metric]) -> None:
        """Keep points of curves."""

    def write_alert(self, alert: Alert) -> None:
        """Have people told something."""

    def lookup_cache(self, step: str, key: str, max_age_s: float | None) -> CacheCandidate | None:
        """Find the result with this key, else the step's most recent one, else None.

        This one may wait for a network; it is called in the step's own thread.
        """

    def given(self) -> Mapping[str, Given]:
        """Results that steps of this run have from an earlier one, by step; mostly none."""

    @property
    def ask(self) -> Callable[[Question, threading.Event], Verdict] | None:
        """Asks people a question and waits, until stopped; None where nobody can be asked."""

    @property
    def apart(self) -> Apart | None:
        """Executes attempts in workloads of their own; None where nobody can."""

    def close(self) -> None:
        """Make everything durable and let go."""


class Recorder(Protocol):
    """Where runs are recorded: the workspace, or the spool of this machine."""

    def begin(self, run: RunRecord, listener: Listener) -> RunRecorder:
        """Create the run; the listener is told when people want something of it."""
