"""Executes one attempt at a step: what a workload manager starts (`python -m weft.step_runner`).

It learns everything from its environment, as `weft.runner` does: WEFT_STEP_ATTEMPT says which
attempt, and WEFT_RUN_TOKEN_FILE holds a token for that attempt alone. It tells the workspace
itself what it logs and how it ended; the runner of the run hears of that by the run's watch.
"""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import sys
import tempfile
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf.json_format import MessageToDict

from weft import _json, _late, _secrets
from weft._attempt import Attempt, AttemptResult, FailedAttempt, Stopper, Succeeded
from weft._backoff import persist
from weft._capture import Capture, router
from weft._connection import Endpoint
from weft._context import StepContext
from weft._failures import failure_of
from weft._log_shipper import LogShipper
from weft._models import of_run
from weft._records import LogBatch, LogLine
from weft._remote import CLOSE_TIMEOUT_S
from weft._run_ref import RunRef
from weft._settings import settings
from weft._stack_store import access_of
from weft._step_notes import StepNotes
from weft._store import open_store
from weft._versions import Versions
from weft.errors import ApiError, WeftError
from weft.runner import RunToken, load_pipeline, patience, record_of, snapshot_of

if TYPE_CHECKING:
    from weftapi.workspace.v1 import step_attempts_pb2 as pb

_LOG_TIMEOUT_S = 30.0
# How long code goes on after nobody waits for it any more.
_LEFT_S = 30.0


class Told:
    """What the workspace is told of one attempt, and tells."""

    def __init__(self, endpoint: Endpoint, attempt: str, token: RunToken) -> None:
        self.endpoint = endpoint
        self.name = attempt
        self._token = token
        self._reporter = str(uuid.uuid4())
        run, _, rest = attempt.partition("/steps/")
        self.ref: RunRef = RunRef.parse(run)
        step, _, number = rest.partition("/attempts/")
        self.step: str = step
        self.number: int = int(number)
        self._is_over = threading.Event()

    @property
    def _stub(self) -> Any:
        from weftapi.workspace.v1 import step_attempts_pb2_grpc

        return self.endpoint.stub(step_attempts_pb2_grpc.StepAttemptServiceStub)

    def claim(self) -> pb.StepInstructions:
        """Takes the attempt for this process; raises ApiError where another one holds it."""
        from weftapi.workspace.v1 import step_attempts_pb2 as pb

        request = pb.ClaimStepAttemptRequest(
            name=self.name,
            reporter=self._reporter,
            host=socket.gethostname(),
            log_stream=self.ref.log_stream(self.step, self.number),
        )
        # A workspace that restarts at this very moment is waited for.
        call = self._stub.ClaimStepAttempt
        told: pb.StepInstructions = persist(
            lambda: self.endpoint.call(call, request), stop=patience()
        )
        return told

    def beat(self, interval_s: float, stopper: Stopper) -> None:
        """Says that this process lives, until the attempt is over; then it should not be here."""
        from weftapi.workspace.v1 import step_attempts_pb2 as pb

        request = pb.HeartbeatStepAttemptRequest(name=self.name, reporter=self._reporter)
        while not self._is_over.wait(interval_s):
            try:
                answer = self.endpoint.call(self._stub.HeartbeatStepAttempt, request)
            except ApiError as error:
                if error.reason == "ATTEMPT_FENCED":
                    self._leave(stopper)
                continue
            if answer.run_token:
                self._token.renew(answer.run_token)
            self.endpoint.trust(answer.trust_bundle_pem)

    def complete(self, request: pb.CompleteStepAttemptRequest) -> None:
        """Says how the attempt ended; raises ApiError where nobody wants to know."""
        request.name, request.reporter = self.name, self._reporter
        stop = threading.Event()
        timer = threading.Timer(CLOSE_TIMEOUT_S, stop.set)
        timer.daemon = True
        timer.start()
        persist(lambda: self.endpoint.call(self._stub.CompleteStepAttempt, request), stop=stop)
        self._is_over.set()
        timer.cancel()

    def _leave(self, stopper: Stopper) -> None:
        stopper.request()
        if not self._is_over.wait(_LEFT_S):
            os._exit(1)


def main() -> int:
    """Executes the attempt; 0 says that its end, good or bad, is on record."""
    # What it has said is there to be read also where it is killed the next moment.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)
    token = RunToken(Path(os.environ.pop("WEFT_RUN_TOKEN_FILE")))
    ca_pem = Path(os.environ["WEFT_CA_FILE"]).read_text(encoding="utf-8")
    endpoint = Endpoint(os.environ["WEFT_ENDPOINT"], ca_pem=ca_pem, token=token)
    told = Told(endpoint, os.environ["WEFT_STEP_ATTEMPT"], token)
    try:
        instructions = told.claim()
    except ApiError as error:
        sys.stderr.write(f"{told.name} is not for this process: {error}\n")
        return 1
    os.environ["WEFT_ARTIFACT_STORE"] = instructions.artifact_store_uri
    if instructions.pickle_refused:
        os.environ["WEFT_ALLOW_PICKLE"] = "0"
    _secrets.source.endpoint = endpoint
    of_run.set((endpoint, told.ref.parent))
    stopper = Stopper()
    signal.signal(signal.SIGTERM, lambda *_: stopper.request())
    interval_s = instructions.heartbeat_interval.ToTimedelta().total_seconds() or 20.0
    threading.Thread(target=told.beat, args=(interval_s, stopper), daemon=True).start()
    try:
        told.complete(_execute(told, instructions, stopper))
    except WeftError as error:
        sys.stderr.write(f"the end of {told.name} is not on record: {error}\n")
        return 1
    return 0


def _execute(
    told: Told, instructions: pb.StepInstructions, stopper: Stopper
) -> pb.CompleteStepAttemptRequest:
    """Executes the attempt in a thread, so that this one hears signals; gives its end."""
    logs = LogShipper(told.endpoint, told.ref)
    notes = StepNotes(told.endpoint, told.ref, told.step, told.number)
    ended: list[AttemptResult] = []

    def sink(lines: tuple[LogLine, ...]) -> None:
        logs.append(LogBatch(told.step, told.number, lines))

    def work() -> None:
        with router.installed(), router.routed(Capture(sink, echo=True)):
            ended.append(_attempt(told, instructions, notes, stopper))

    thread = threading.Thread(target=work, name=f"weft-{told.step}", daemon=True)
    thread.start()
    thread.join()
    values = notes.close()
    logs.finish(told.step, told.number, _LOG_TIMEOUT_S)
    logs.close(_LOG_TIMEOUT_S)
    return _end(told, instructions, ended[0], values)


def _attempt(
    told: Told, instructions: pb.StepInstructions, notes: StepNotes, stopper: Stopper
) -> AttemptResult:
    # Left to the end of the process: the step's code may be imported late.
    directory = tempfile.mkdtemp(prefix="weft-code-")
    try:
        attempt = _load(told, instructions, notes, stopper, Path(directory))
        secrets = persist(attempt.read_secrets, stop=patience())
        os.environ.update(_secrets.resolved(dict(attempt.step.environment), secrets))
    except BaseException as error:  # noqa: BLE001 - also of sys.exit() in a module of the code
        return FailedAttempt(failure_of(error))
    return attempt.execute()


def _load(
    told: Told,
    instructions: pb.StepInstructions,
    notes: StepNotes,
    stopper: Stopper,
    directory: Path,
) -> Attempt:
    """The attempt as the runner of the run would make it: of the same code and the same graph."""
    from weft._step_settings import with_settings

    run, step = instructions.run, instructions.step
    # As with the claim: a workspace that restarts now is no failure of the step.
    snapshot = persist(lambda: snapshot_of(told.endpoint, run), stop=patience())
    pipeline = load_pipeline(snapshot, directory)
    graph = with_settings(pipeline.trace(MessageToDict(run.parameters)), run.step_settings)
    arguments = json.loads(instructions.arguments or "{}")
    found = _late.take(arguments) or graph.nodes[step.map_group or step.step_id].step
    record = record_of(run)
    context = StepContext(
        record.project,
        record.pipeline,
        record.name,
        told.step,
        told.number,
        step.map_index if step.map_group else None,
        notes,
        stopper.event,
        notes.ask,
    )
    access = access_of(told.endpoint, instructions.stack, instructions.artifact_store_uri)
    return Attempt(
        found,
        {name: _json.decode(item) for name, item in arguments.items()},
        context,
        open_store(instructions.artifact_store_uri, access),
        settings().allow_pickle,
        stopper,
    )


def _end(
    told: Told,
    instructions: pb.StepInstructions,
    result: AttemptResult,
    values: dict[str, Any],
) -> pb.CompleteStepAttemptRequest:
    """What is said of the end; what the step put out is on record before."""
    from weft import _wire
    from weftapi.workspace.v1 import run_types_pb2
    from weftapi.workspace.v1 import step_attempts_pb2 as pb

    request = pb.CompleteStepAttemptRequest(outcome=run_types_pb2.STEP_STATE_SUCCEEDED)
    if values:
        request.metadata.update(values)
    if isinstance(result, Succeeded):
        step = instructions.step
        versions = Versions(told.endpoint, record_of(instructions.run))
        outputs = {name: (version,) for name, version in result.outputs.items()}
        persist(lambda: versions.create(step.map_group or step.step_id, outputs), stop=patience())
        request.outputs.update({n: versions.name_of(v) for n, v in result.outputs.items()})
        return request
    if result.is_stopped:
        request.outcome = run_types_pb2.STEP_STATE_STOPPED
        return request
    request.outcome = (
        run_types_pb2.STEP_STATE_RETRYING
        if result.is_retryable
        else run_types_pb2.STEP_STATE_FAILED
    )
    request.failure.CopyFrom(_wire.failure(result.failure))
    return request


if __name__ == "__main__":
    sys.exit(main())
