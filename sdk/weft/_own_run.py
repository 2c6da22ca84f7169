"""A run that no pipeline makes: a notebook or a script that records what it does."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from weft import _context, _json
from weft._artifact import Artifact
from weft._capture import Captures, router
from weft._describe import own_run_record
from weft._failures import failure_of
from weft._forks import ForkSafeRun
from weft._ids import resource_id
from weft._recording import choose_recorder
from weft._records import (
    ArtifactVersion,
    Failure,
    Nobody,
    RunRecord,
    RunRecorder,
    RunReport,
    StepRecord,
    StepReport,
    now,
)
from weft._settings import Settings, settings
from weft._states import RunState, StepState, StopMode
from weft._store import Place, open_store
from weft._tracing import active as tracing
from weft._values import save_value
from weft.errors import StepStoppedError, TracingError


class OwnRun:
    """A run that is under way here; its only step is `main`.

    Attributes:
        name: Readable name, such as `brave-otter-4f2a`.
    """

    step = "main"

    def __init__(self, record: RunRecord, recording: RunRecorder, local: Settings) -> None:
        self.name: str = record.name
        self._record = record
        self._recording = recording
        self._local = local
        self._store = open_store(local.artifact_store, local.store_access)
        self._outputs: dict[str, ArtifactVersion] = {}
        self._numbers = itertools.count(1)

    def log_artifact(self, name: str, value: Any) -> Artifact[Any]:
        """Store a value; it is on record when the run has ended.

        Args:
            name: An identifier; logged again, the last one counts.
            value: Whatever a step may return.

        Raises:
            ValueError: The name is no identifier.
            PickleRefusedError: Only pickle could store it, and the policy refuses that.
        """
        if not name.isidentifier():
            raise ValueError(f"{name!r} is no identifier, as names of outputs are")
        place = Place(self._record.project, self.name, self.step, 1, name)
        version = save_value(self._store, place, value, allow_pickle=self._local.allow_pickle)
        self._outputs[name] = version
        return Artifact(version, store=self._local.artifact_store)

    def begin(self) -> None:
        """Say that it runs."""
        self._recording.add_steps([StepRecord(self.step, (), "", ())])
        self._run(RunState.RUNNING)
        self._step(StepState.RUNNING)

    def end(self, error: BaseException | None) -> None:
        """Say how it ended."""
        if error is None:
            outputs = {name: (version,) for name, version in self._outputs.items()}
            self._step(StepState.SUCCEEDED, outputs=outputs)
            self._run(RunState.SUCCEEDED)
        elif isinstance(error, KeyboardInterrupt | StepStoppedError):
            for step, run in (
                (StepState.STOPPING, RunState.STOPPING),
                (StepState.STOPPED, RunState.STOPPED),
            ):
                self._step(step, reason="interrupted")
                self._run(run, reason="interrupted")
        else:
            failure = failure_of(error)
            self._step(StepState.FAILED, failure=failure)
            self._run(RunState.FAILED, failure=failure, reason=f"step {self.step} failed")

    def _step(self, state: StepState, **details: Any) -> None:
        report = StepReport(next(self._numbers), self.step, 1, state, now(), **details)
        self._recording.report_step(report)

    def _run(self, state: RunState, *, reason: str = "", failure: Failure | None = None) -> None:
        self._recording.report_run(RunReport(next(self._numbers), state, now(), reason, failure))


class _ForRun(Nobody):
    """Hears that somebody wants the run to stop: `weft.context().stop_requested` says so."""

    def __init__(self) -> None:
        self.event = threading.Event()

    def stop(self, mode: StopMode, reason: str) -> None:  # noqa: ARG002
        self.event.set()

    def stop_step(self, step: str, mode: StopMode, reason: str, *, grace_s: float) -> None:  # noqa: ARG002
        self.event.set()


@contextmanager
def start_run(
    name: str = "notebook", *, parameters: Mapping[str, Any] | None = None
) -> Iterator[OwnRun]:
    """Record what happens in a `with`: metrics, metadata, artifacts, what is printed.

    Inside, everything works that works inside a step: `log_metric`, `log_metadata`, `progress`,
    `context`. The run is recorded where runs of this process are: in the workspace in use, or on
    this machine until `weft sync`.

    Args:
        name: What the run is a run of; it becomes a pipeline of the project.
        parameters: Plain values to record with it.

    Raises:
        TracingError: A step runs here, or a pipeline is drawn.
        TypeError: A parameter is no plain value.
    """
    if _context.active.get() is not None or tracing.get() is not None:
        raise TracingError("a run of its own cannot start inside of a pipeline or a step")
    plain = {key: _json.encode(value) for key, value in (parameters or {}).items()}
    recorder, local = choose_recorder(settings())
    record = own_run_record(resource_id(name), local.project, plain)
    heard = _ForRun()
    recording = ForkSafeRun(recorder.begin(record, heard))
    try:
        run = OwnRun(record, recording, local)
        run.begin()
        with _inside(run, record, recording, heard.event, echo=local.echo):
            yield run
    finally:
        recording.close()


@contextmanager
def _inside(
    run: OwnRun, record: RunRecord, recording: RunRecorder, stop: threading.Event, *, echo: bool
) -> Iterator[None]:
    """Give what happens a context and a log, and tell how it ends."""
    ids = (record.project, record.pipeline, record.name, run.step, 1, None)
    token = _context.active.set(_context.StepContext(*ids, recording, stop))
    capture = Captures(recording.append_logs, echo=echo).of(run.step, 1)
    error: BaseException | None = None
    try:
        with router.installed(), router.routed(capture):
            yield
    except BaseException as raised:
        error = raised
        raise
    finally:
        _context.active.reset(token)
        run.end(error)
