"""Attempts in workloads of their own: asked for here, executed there, heard of by the run's watch.

What executes an attempt (`weft.step_runner`) tells the workspace itself how it ended; this
process may be deaf for a while, or the workspace away, and nothing is lost.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from weft import _json, _late
from weft._attempt import Attempt, AttemptResult, FailedAttempt, Succeeded
from weft._backoff import Backoff, persist
from weft._connection import Endpoint
from weft._failures import stopped_by_person
from weft._records import ArtifactVersion, Failure
from weft._streams import watch_run
from weft.errors import ApiError, ArgumentError, WeftError

if TYPE_CHECKING:
    from weftapi.workspace.v1 import run_types_pb2

_log = logging.getLogger("weft")
_SETTLE_S = 30.0
_MOST_ARGUMENT_BYTES = 262_144
Deliver = Callable[[AttemptResult], None]
Begun = Callable[[], None]
Key = tuple[str, int]


class Apart:
    """Has attempts of one run (a name) executed apart.

    `hand_over` does a thing after all that was told before, `settle` waits until what was told is
    durable, `read` gives artifact versions by their names.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        run: str,
        *,
        hand_over: Callable[[Callable[[], None]], None],
        settle: Callable[[float], bool],
        read: Callable[[Mapping[str, str]], dict[str, tuple[ArtifactVersion, ...]]],
    ) -> None:
        self._endpoint = endpoint
        self._run = run
        self._hand_over = hand_over
        self._settle = settle
        self._read = read
        self._lock = threading.Lock()
        self._waiting: dict[Key, tuple[Attempt, Deliver]] = {}
        # Of those that nobody executes yet.
        self._begun: dict[Key, Begun] = {}
        self._watch: threading.Thread | None = None
        self._closed = threading.Event()

    def start(self, attempt: Attempt, deliver: Deliver, begun: Begun) -> WorkloadDispatch:
        """Has an attempt executed; `deliver` gets its result, in another thread, at most once.

        `begun` is called there when its workload has taken it up.
        """
        key = (attempt.context.step, attempt.context.attempt)
        with self._lock:
            self._waiting[key], self._begun[key] = (attempt, deliver), begun
            if self._watch is None:
                self._watch = threading.Thread(target=self._follow, name="weft-apart", daemon=True)
                self._watch.start()
        self._hand_over(lambda: self._launch(key, attempt))
        return WorkloadDispatch(self, key)

    def forget(self, key: Key) -> None:
        """Nobody waits for the attempt any more."""
        with self._lock:
            self._waiting.pop(key, None)
            self._begun.pop(key, None)

    def close(self) -> None:
        """Hears nothing more."""
        self._closed.set()

    def _launch(self, key: Key, attempt: Attempt) -> None:
        # That the step is PROVISIONING in this attempt must be on record.
        while not self._settle(_SETTLE_S):
            if self._closed.is_set():
                return
        try:
            self._ask(key, attempt)
        except WeftError as error:
            if isinstance(error, ApiError) and Backoff().forgives(error):
                raise
            code = error.reason if isinstance(error, ApiError) else ""
            failure = Failure("SYSTEM", code or "NOT_LAUNCHED", str(error))
            self._deliver(key, lambda _: FailedAttempt(failure))

    def _ask(self, key: Key, attempt: Attempt) -> None:
        from weft._spec import duration, pod_settings
        from weftapi.workspace.v1 import (
            step_attempts_pb2,
            step_attempts_pb2_grpc,
            step_settings_pb2,
        )

        wanted = attempt.step.resources
        resources = step_settings_pb2.ResourceSpec(
            cpu_millis=wanted.cpu_millis, memory_bytes=wanted.memory_bytes, gpu_count=wanted.gpu
        )
        request = step_attempts_pb2.LaunchStepAttemptRequest(
            step=f"{self._run}/steps/{key[0]}",
            attempt=key[1],
            arguments=arguments_of(attempt),
            resources=resources,
            pod=pod_settings(attempt.step.pod.said()),
            queue_timeout=duration(attempt.queue_s),
        )
        stub = self._endpoint.stub(step_attempts_pb2_grpc.StepAttemptServiceStub)
        self._endpoint.call(stub.LaunchStepAttempt, request)

    def _follow(self) -> None:
        backoff = Backoff()
        while not self._closed.is_set():
            try:
                for event in watch_run(self._endpoint, self._run):
                    if event.HasField("step"):
                        self._hear(event.step)
            except ApiError as error:
                if not backoff.forgives(error):
                    _log.warning("steps in workloads of their own are out of sight: %s", error)
                backoff.wait(self._closed)
            else:
                return

    def _hear(self, step: run_types_pb2.Step) -> None:
        from weftapi.workspace.v1 import run_types_pb2

        key = (step.step_id, step.attempt_count)
        if step.attempt_outcome:
            self._deliver(key, lambda attempt: self._result(attempt, step))
        # A watch may leave out states that did not last: one that waits for a person runs, too.
        elif step.state in (run_types_pb2.STEP_STATE_RUNNING, run_types_pb2.STEP_STATE_PAUSED):
            with self._lock:
                begun = self._begun.pop(key, None)
            if begun:
                begun()

    def _deliver(self, key: Key, result: Callable[[Attempt], AttemptResult]) -> None:
        with self._lock:
            found = self._waiting.pop(key, None)
            self._begun.pop(key, None)
        if found:
            attempt, deliver = found
            deliver(result(attempt))

    def _result(self, attempt: Attempt, step: run_types_pb2.Step) -> AttemptResult:
        from weft import _wire
        from weftapi.workspace.v1 import run_types_pb2

        outcome = step.attempt_outcome
        if outcome == run_types_pb2.STEP_STATE_SUCCEEDED:
            return self._outputs(attempt, step)
        if outcome == run_types_pb2.STEP_STATE_STOPPED:
            failure = stopped_by_person(attempt.context.step, step.state_reason)
            return FailedAttempt(failure, is_stopped=True)
        failure = _wire.read_failure(step.failure)
        # Nobody but its own process knows what else was raised.
        died = failure.kind == "INFRASTRUCTURE" and Exception in attempt.step.retry.retry_on
        is_retryable = outcome == run_types_pb2.STEP_STATE_RETRYING or died
        return FailedAttempt(failure, is_retryable=is_retryable)

    def _outputs(self, attempt: Attempt, step: run_types_pb2.Step) -> AttemptResult:
        names = {name: step.outputs[name] for name in attempt.step.outputs.names}
        try:
            found = persist(lambda: self._read(names), stop=self._closed)
        except WeftError as error:
            return attempt.failed(error)
        return Succeeded({name: versions[0] for name, versions in found.items()})


class WorkloadDispatch:
    """An attempt in a workload of its own.

    It is asked to end, and ended, by what its run says of the step: the workspace ends the
    workload of a step that is STOPPING, and of an attempt that is over, whoever says so.
    """

    def __init__(self, apart: Apart, key: Key) -> None:
        self._apart = apart
        self._key = key

    def request_stop(self) -> None:
        """The step is STOPPING: the workspace asks its workload."""

    def force_stop(self) -> None:
        """The attempt is over: the workspace ends its workload."""
        self._apart.forget(self._key)


def arguments_of(attempt: Attempt) -> str:
    """What the process of an attempt is told of its arguments: JSON.

    Raises:
        ArgumentError: It is more than a workspace takes.
    """
    given = {name: _json.encode(item) for name, item in attempt.arguments.items()}
    text = json.dumps(given | (_late.told(attempt.step) if attempt.is_late else {}))
    if len(text) > _MOST_ARGUMENT_BYTES:
        raise ArgumentError(
            f"the arguments of step {attempt.context.step} are too large to be handed to a "
            "workload: have an earlier step return them"
        )
    return text
