"""Records runs in a workspace: steps and states over one stream, logs and artifacts beside it."""

from __future__ import annotations

import logging
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING

from weft import _alerts
from weft._apart import Apart
from weft._asking import Asker
from weft._backoff import persist
from weft._connection import Endpoint
from weft._given import given_results
from weft._log_shipper import LogShipper
from weft._models import ModelLinks
from weft._noted import Noted
from weft._records import (
    Alert,
    CacheCandidate,
    Given,
    Listener,
    LogBatch,
    Metadata,
    Metric,
    RunRecord,
    RunReport,
    StepRecord,
    StepReport,
)
from weft._reporter import Reporter
from weft._run_ref import RunRef
from weft._states import StepState, StopMode
from weft._versions import Versions
from weft._wishes import Wishes
from weft.errors import ApiError, RecordingError, WeftError

if TYPE_CHECKING:
    from weft._approval import Question, Verdict
    from weftapi.workspace.v1 import reports_pb2, run_types_pb2

_log = logging.getLogger("weft")
_LOG_TIMEOUT_S = 10.0
# A run that a workload manager started has nowhere else to leave its record.
CLOSE_TIMEOUT_S = 600.0
Work = Callable[[], None]
_BEGINNINGS = frozenset({StepState.PROVISIONING, StepState.RUNNING})


class RemoteRecorder:
    """Records runs of this process in a workspace.

    With `existing` the run is there already and this process was started to execute it.
    `on_token` gets fresh run tokens as heartbeats bring them. With `replays` a run of the past
    is told again from its start: what the workspace has of it counts once. `close_timeout_s` is
    how long the end of a run waits for a workspace that is away.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        existing: bool = False,
        on_token: Callable[[str], None] | None = None,
        replays: bool = False,
        close_timeout_s: float = CLOSE_TIMEOUT_S,
    ) -> None:
        self._endpoint = endpoint
        self._existing = existing
        self._on_token = on_token
        self._replays = replays
        self._close_timeout_s = close_timeout_s
        self._reporter = str(uuid.uuid4())

    def begin(self, run: RunRecord, listener: Listener) -> RemoteRun:
        """Creates the run where it does not exist, and takes it; raises ApiError."""
        ref = RunRef(run.project, run.name)
        if not self._existing:
            # Who replays the record of this run later goes on as the same reporter.
            self._reporter = run.uid
            self._create_once(ref, run)
        instructions = self._take(ref.name)
        heartbeat_s = instructions.heartbeat_interval.ToTimedelta().total_seconds()
        return RemoteRun(
            self._endpoint,
            run,
            self._reporter,
            first=0 if self._replays else instructions.acked_sequence,
            heartbeat_s=heartbeat_s or 20.0,
            replays=self._replays,
            close_timeout_s=self._close_timeout_s,
            listener=listener,
            on_token=self._on_token,
            steps=instructions.steps,
            is_runner=self._existing,
        )

    def _take(self, run: str) -> reports_pb2.RunInstructions:
        from weftapi.workspace.v1 import reports_pb2

        try:
            return self.claim(run)
        except ApiError as error:
            # A replay of a run that has ended is compared with what is there, and adds to it.
            if not (self._replays and error.reason == "ILLEGAL_TRANSITION"):
                raise
            return reports_pb2.RunInstructions()

    def claim(self, run: str) -> reports_pb2.RunInstructions:
        """Takes a run for this process, once or again; raises ApiError."""
        from weftapi.workspace.v1 import reports_pb2, reports_pb2_grpc

        stub = self._endpoint.stub(reports_pb2_grpc.ReportServiceStub)
        request = reports_pb2.ClaimRunRequest(name=run, reporter=self._reporter)
        request.host = socket.gethostname()
        return self._endpoint.call(stub.ClaimRun, request)

    def _create_once(self, ref: RunRef, run: RunRecord) -> None:
        try:
            self._create(ref, run)
        except ApiError as error:
            # A creation whose answer was lost, or that an earlier replay made: claiming tells
            # whether it is ours.
            if error.reason != "RESOURCE_EXISTS":
                raise

    def _create(self, ref: RunRef, run: RunRecord) -> None:
        from weft import _spec
        from weftapi.workspace.v1 import runs_pb2, runs_pb2_grpc

        request = runs_pb2.CreateRunRequest(
            parent=ref.parent, run_id=ref.run, request_id=str(uuid.uuid4())
        )
        request.run.CopyFrom(_spec.new_run(run))
        stub = self._endpoint.stub(runs_pb2_grpc.RunServiceStub)
        self._endpoint.call(stub.CreateRun, request)


class RemoteRun:
    """One run being recorded. What the engine hands over is sent by threads of its own."""

    def __init__(
        self,
        endpoint: Endpoint,
        run: RunRecord,
        reporter: str,
        *,
        first: int,
        heartbeat_s: float,
        replays: bool,
        close_timeout_s: float,
        listener: Listener,
        on_token: Callable[[str], None] | None,
        steps: Sequence[run_types_pb2.Step],
        is_runner: bool,
    ) -> None:
        self._endpoint = endpoint
        self._run = run
        self._ref = ref = RunRef(run.project, run.name)
        self._reporter_id = reporter
        self._listener = listener
        self._on_token = on_token
        self._wishes = Wishes(listener)
        self._steps = steps
        self._groups: dict[str, str] = {}
        self._versions = Versions(endpoint, run)
        self._noted = Noted(endpoint, ref.name, is_live=not replays)
        self._logs = LogShipper(endpoint, ref)
        self._model = ModelLinks(endpoint, ref, run.model)
        self._reports = Reporter(
            endpoint,
            ref.name,
            reporter,
            first=first,
            on_answer=self._obey_all,
            on_failure=self._fail,
        )
        self._work: SimpleQueue[Work | None] = SimpleQueue()
        self._apart = (
            Apart(
                endpoint,
                ref.name,
                hand_over=self._work.put,
                settle=self._reports.settle,
                read=self._versions.read,
            )
            if is_runner
            else None
        )
        self._failure: WeftError | None = None
        self._replays = replays
        self._close_timeout_s = close_timeout_s
        self._closing = threading.Event()
        self._abandoned = threading.Event()
        self._sender = threading.Thread(target=self._send, name="weft-recorder", daemon=True)
        self._sender.start()
        threading.Thread(target=self._beat, args=(heartbeat_s,), daemon=True).start()

    def add_steps(self, steps: Sequence[StepRecord]) -> None:
        """Declares steps."""
        self._groups |= {step.id: step.parent for step in steps if step.parent}
        batches = [steps[i : i + 1000] for i in range(0, len(steps), 1000)]
        for batch in batches:
            self._work.put(lambda batch=batch: self._add_steps(batch))  # type: ignore[misc]

    def report_run(self, report: RunReport) -> None:
        """Tells a state of the run."""
        self._work.put(lambda: self._reports.send(self._message(report)))

    def report_step(self, report: StepReport) -> None:
        """Tells a state of a step."""
        self._work.put(lambda: self._report_step(report))

    def append_logs(self, batch: LogBatch) -> None:
        """Hands over lines."""
        self._logs.append(batch)

    def write_metadata(self, metadata: Metadata) -> None:
        """Keeps values; they travel with the step's next state."""
        values = metadata.by_name
        self._work.put(lambda: self._noted.note(metadata.step, metadata.attempt, values))

    def write_metrics(self, metrics: Sequence[Metric]) -> None:
        """Keeps figures; the newest of each name travels with the step's next state."""
        for m in metrics:
            self._work.put(partial(self._noted.note, m.step, m.attempt, {m.name: m.value}))

    def write_alert(self, alert: Alert) -> None:
        """Has people told something, whatever becomes of it."""
        self._work.put(lambda: _alerts.send(self._endpoint, self._ref.name, alert))

    def lookup_cache(self, step: str, key: str, max_age_s: float | None) -> CacheCandidate | None:
        """Finds an earlier result in the workspace; a workspace that cannot say has none."""
        from weft import _wire
        from weftapi.workspace.v1 import steps_pb2, steps_pb2_grpc

        request = steps_pb2.LookupStepCacheRequest(
            parent=self._ref.parent,
            cache_key=key,
            pipeline=f"{self._ref.parent}/pipelines/{self._run.pipeline}",
            step_id=step,
        )
        if max_age_s is not None:
            request.max_age.FromMilliseconds(int(max_age_s * 1000))
        stub = self._endpoint.stub(steps_pb2_grpc.StepServiceStub)
        try:
            answer = self._endpoint.call(stub.LookupStepCache, request)
            if answer.HasField("step"):
                return _wire.candidate(answer.step, {}, self._versions.read(answer.step.outputs))
        except ApiError as error:
            # A cache is a convenience: without it the step runs.
            _log.warning("no cached result was looked for: %s", error)
            return None
        if not answer.HasField("nearest"):
            return None
        return _wire.candidate(answer.nearest, answer.nearest_key_parts, {})

    def given(self) -> Mapping[str, Given]:
        """Results of steps that this run does not run again."""
        return given_results(self._steps, self._versions.read)

    @property
    def ask(self) -> Callable[[Question, threading.Event], Verdict]:
        """Asks people through the workspace."""
        return Asker(self._endpoint, self._ref.name, self._work.put, self._reports.settle).ask

    @property
    def apart(self) -> Apart | None:
        """Has attempts executed in workloads of their own, where a workload executes this run."""
        return self._apart

    def close(self) -> None:
        """Makes everything durable; raises RecordingError where that cannot be in time."""
        deadline = time.monotonic() + self._close_timeout_s

        def left_s() -> float:
            return max(0.0, deadline - time.monotonic())

        try:
            self._work.put(None)
            self._sender.join(left_s())
            is_handed_over = not self._sender.is_alive()
            log_error = self._logs.close(left_s() if is_handed_over else 0.0)
            is_reported = self._reports.close(left_s() if is_handed_over else 0.0)
        finally:
            # Also when Ctrl-C ends the waiting: no thread goes on for a run that is over.
            self._closing.set()
            self._abandoned.set()
            if self._apart:
                self._apart.close()
        error = self._failure or self._reports.error or log_error
        if error is not None or not (is_handed_over and is_reported):
            why = (
                error or f"{self._endpoint.target} did not answer for {self._close_timeout_s:.0f} s"
            )
            raise RecordingError(f"the workspace did not take the whole record: {why}")

    def _send(self) -> None:
        """Does what was handed over, in order, so that nothing is told before what it rests on."""
        while (work := self._work.get()) is not None:
            if self._failure is None:
                try:
                    # A workspace that is away for a while stops no run: what waits is kept.
                    persist(work, stop=self._abandoned)
                except WeftError as error:
                    self._fail(error)
                except Exception as error:  # noqa: BLE001 - nobody else would ever hear of it
                    self._fail(WeftError(f"the record cannot be sent: {error!r}"))

    def _fail(self, error: WeftError) -> None:
        """What cannot be recorded should not go on as if it were."""
        if self._failure is None and not self._abandoned.is_set():
            self._failure = error
            self._listener.stop(StopMode.FORCE, f"the workspace refused the record: {error}")

    def _add_steps(self, steps: Sequence[StepRecord]) -> None:
        from weft import _wire
        from weftapi.workspace.v1 import reports_pb2, reports_pb2_grpc

        request = reports_pb2.BatchCreateStepsRequest(
            parent=self._ref.name, steps=[_wire.new_step(step) for step in steps]
        )
        stub = self._endpoint.stub(reports_pb2_grpc.ReportServiceStub)
        try:
            self._endpoint.call(stub.BatchCreateSteps, request)
        except ApiError as error:
            # A run that has ended takes no steps; a replay of it finds those that it has.
            if not (self._replays and error.reason == "ILLEGAL_TRANSITION"):
                raise

    def _report_step(self, report: StepReport) -> None:
        if report.attempt and report.state in _BEGINNINGS:
            self._logs.open(report.step, report.attempt)
        if report.attempt and (report.state.is_final or report.state is StepState.RETRYING):
            # Whoever sees that the attempt is over can read all of its log.
            self._logs.finish(report.step, report.attempt, _LOG_TIMEOUT_S)
        if report.state is StepState.SUCCEEDED:
            self._versions.create(self._groups.get(report.step, report.step), report.outputs)
        if report.state.is_final:
            made = [version for versions in report.outputs.values() for version in versions]
            self._model.add(map(self._versions.name_of, made))
        message = self._message(report)
        if report.attempt:
            message.step.log_stream = self._ref.log_stream(report.step, report.attempt)
        if values := self._noted.take(report.step, report.attempt):
            message.step.metadata.update(values)
        self._reports.send(message)

    def _message(self, report: RunReport | StepReport) -> reports_pb2.Report:
        from weft import _wire

        return _wire.report(report, self._versions.name_of)

    def _beat(self, interval_s: float) -> None:
        """Says that the runner lives, and hears what it should do, also when nothing happens."""
        from weftapi.workspace.v1 import reports_pb2, reports_pb2_grpc

        request = reports_pb2.HeartbeatRequest(run=self._ref.name, reporter=self._reporter_id)
        while not self._closing.wait(interval_s):
            stub = self._endpoint.stub(reports_pb2_grpc.ReportServiceStub)
            try:
                answer = self._endpoint.call(stub.Heartbeat, request)
            except ApiError:
                # The reports' stream finds out what is wrong; silence is seen by the workspace.
                continue
            if answer.run_token and self._on_token is not None:
                self._on_token(answer.run_token)
            # A run may be older than the CA that signs the workspace's next certificate.
            self._endpoint.trust(answer.trust_bundle_pem)
            self._wishes.obey(answer.directives)

    def _obey_all(self, answer: reports_pb2.StreamReportsResponse) -> None:
        for result in answer.results:
            if result.HasField("error"):
                _log.warning("a report was refused: %s", result.error.message)
        self._wishes.obey(answer.directives)
