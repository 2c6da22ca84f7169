"""Runs an attempt in a process of its own: it can be killed, and its crash is only its own.

The child gets its work as one JSON line on stdin, and answers on a pipe with JSON lines: log
records, metrics, questions to people, and at the end the result. stdin stays open, so a child whose
parent has died sees it close and ends; `stop` on it asks politely, all else answers a question.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from weft import _json, _secrets
from weft._approval import Question
from weft._attempt import Attempt, AttemptResult, FailedAttempt, Succeeded
from weft._capture import Capture, router
from weft._definition import StepDefinition
from weft._describe import entrypoint
from weft._records import Alert, Failure, LogStreamName, Metadata, Metric
from weft.errors import WeftError

if TYPE_CHECKING:
    from weft._objects import Access
    from weft._store import ArtifactStore

Deliver = Callable[[AttemptResult], None]
_TERM_GRACE_S = 5.0


class ProcessDispatch:
    """An attempt in a process group of its own."""

    def __init__(self, attempt: Attempt, capture: Capture, deliver: Deliver) -> None:
        self._attempt = attempt
        self._capture = capture
        self._deliver = deliver
        self._result: AttemptResult | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._is_forced = False
        threading.Thread(target=self._run, name=f"weft-{attempt.context.step}", daemon=True).start()

    def request_stop(self) -> None:
        """Tell the child; its step reads `context().stop_requested`."""
        # Who waits here for an answer on its behalf waits no longer.
        self._attempt.stopper.request()
        process = self._process
        if process is not None and process.stdin is not None:
            _tell(process.stdin, b"stop\n")

    def force_stop(self) -> None:
        """Terminate the group, and kill it if it is still there after five seconds."""
        self._attempt.stopper.request()
        with self._lock:
            self._is_forced = True
            process = self._process
        self._capture.close()
        if process is not None:
            _signal(process, signal.SIGTERM)
            killer = threading.Timer(_TERM_GRACE_S, _signal, (process, signal.SIGKILL))
            killer.daemon = True
            killer.start()

    def _run(self) -> None:
        try:
            result = self._supervise()
        except Exception as error:  # noqa: BLE001 - no interpreter, no memory for a process, ...
            failure = Failure("INFRASTRUCTURE", "PROCESS_DIED", f"{type(error).__name__}: {error}")
            result = FailedAttempt(failure, is_retryable=True)
        self._capture.close()
        self._deliver(result)

    def _supervise(self) -> AttemptResult:
        try:
            # The child gets the values and no token: what it starts must not speak for the run.
            secrets = self._attempt.read_secrets()
            environment = _secrets.resolved(dict(self._attempt.step.environment), secrets)
        except WeftError as error:
            return self._attempt.failed(error)
        job = json.dumps({**_job(self._attempt), "secrets": secrets}).encode() + b"\n"
        read_end, write_end = os.pipe()
        with os.fdopen(read_end, "rb") as events:
            try:
                process = self._spawn(write_end, environment)
            finally:
                os.close(write_end)
            with process:
                self._process = process
                readers = self._start_readers(process, events)
                assert process.stdin is not None
                _tell(process.stdin, job)
                if self._is_forced:
                    _signal(process, signal.SIGTERM)
                self._wait(process, readers)
        return self._result or self._died(process.returncode)

    def _wait(self, process: subprocess.Popen[bytes], readers: list[threading.Thread]) -> None:
        """Wait for the child's end and for its last words.

        Processes that it left behind hold its pipes open; they end with it.
        """
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # its group id stays taken
        for number in (None, signal.SIGTERM, signal.SIGKILL):
            if number is not None:
                _signal(process, number)
            for reader in readers:
                reader.join(timeout=1.0)
            if not any(reader.is_alive() for reader in readers):
                break
        process.wait()

    def _spawn(self, write_end: int, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        own = {"PYTHONUNBUFFERED": "1", "WEFT_EVENTS_FD": str(write_end)}
        paths = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [sys.executable, "-m", "weft._child"],
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            pass_fds=(write_end,),
            env={**os.environ, **paths, **environment, **own},
            start_new_session=True,
        )

    def _start_readers(
        self, process: subprocess.Popen[bytes], events: IO[bytes]
    ) -> list[threading.Thread]:
        work: list[tuple[Callable[..., None], tuple[Any, ...]]] = [
            (self._read_text, ("stdout", process.stdout)),
            (self._read_text, ("stderr", process.stderr)),
            (self._read_events, (events,)),
        ]
        threads = [threading.Thread(target=f, args=args, daemon=True) for f, args in work]
        for thread in threads:
            thread.start()
        return threads

    def _read_text(self, stream: LogStreamName, pipe: Any) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        while data := os.read(pipe.fileno(), 65_536):
            text = decoder.decode(data)
            self._capture.write(stream, text)
            if self._capture.echo:
                router.echo(stream, text)

    def _read_events(self, events: IO[bytes]) -> None:
        for line in events:
            if line.endswith(b"\n"):
                self._take(json.loads(line))

    def _take(self, event: dict[str, Any]) -> None:
        if "log" in event:
            self._capture.emit(*event["log"])
        elif "record" in event:
            record = _json.decode(event["record"])
            notes = self._attempt.context.notes
            if isinstance(record, Metadata):
                notes.write_metadata(record)
            elif isinstance(record, Metric):
                notes.write_metrics([record])
            elif isinstance(record, Alert):
                notes.write_alert(record)
        elif "ask" in event:
            # In a thread: what the step says meanwhile is heard.
            threading.Thread(target=self._ask, args=(event["ask"],), daemon=True).start()
        elif "renew" in event:
            threading.Thread(target=self._renew, args=(event["renew"],), daemon=True).start()
        else:
            self._result = self._read_result(event)

    def _ask(self, asked: dict[str, Any]) -> None:
        """Asks people on behalf of the child, which has no token to do so."""
        ask = self._attempt.context.ask
        assert ask is not None
        answer: dict[str, Any] = {"id": asked["id"]}
        try:
            question = Question(**{**asked, "approvers": tuple(asked["approvers"])})
            answer["verdict"] = asdict(ask(question, self._attempt.stopper.event))
        except WeftError as error:
            answer["error"] = str(error)
        self._answer(answer)

    def _renew(self, id_: str) -> None:
        """Has credentials issued for the child, which has no token to do so."""
        answer: dict[str, Any] = {"id": id_}
        try:
            answer["credentials"] = _credentials(self._attempt.store)
        except WeftError as error:
            answer["error"] = str(error)
        self._answer(answer)

    def _answer(self, answer: Mapping[str, Any]) -> None:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        _tell(process.stdin, json.dumps(answer).encode() + b"\n")

    def _read_result(self, event: dict[str, Any]) -> AttemptResult:
        if "outputs" in event:
            return Succeeded(_json.decode(event["outputs"]))
        return FailedAttempt(
            _json.decode(event["failure"]), event["is_retryable"], event["is_stopped"]
        )

    def _died(self, code: int) -> FailedAttempt:
        if code < 0:
            how = f"was ended by {signal.Signals(-code).name}"
            if -code == signal.SIGKILL:
                how += ", often the kernel's answer to too little memory"
        else:
            how = f"ended with exit code {code}"
        step = self._attempt.context.step
        failure = Failure("INFRASTRUCTURE", "PROCESS_DIED", f"the process of step {step} {how}")
        return FailedAttempt(failure, is_retryable=Exception in self._attempt.step.retry.retry_on)


def _job(attempt: Attempt) -> dict[str, Any]:
    step, c = attempt.step, attempt.context
    if "<locals>" in step.function.__qualname__:
        raise ValueError(
            f"step {step.name} is defined inside a function; a process of its own can only import "
            "what stands at the top of a module"
        )
    return {
        "entrypoint": entrypoint(step),
        "file": str(Path(step.function.__code__.co_filename).resolve()),
        "arguments": {name: _json.encode(item) for name, item in attempt.arguments.items()},
        "context": [c.project, c.pipeline, c.run, c.step, c.attempt, c.index],
        "retry_on": _names(step),
        "store": attempt.store.root,
        "access": _access(attempt.store),
        "allow_pickle": attempt.allow_pickle,
        "can_ask": c.ask is not None,
    }


def _access(store: ArtifactStore) -> dict[str, Any] | None:
    """How the child reaches the store: it asks here when its credentials end."""
    access: Access | None = getattr(store, "access", None)
    if access is None:
        return None
    return {"options": dict(access.options), "credentials": _credentials(store)}


def _credentials(store: ArtifactStore) -> dict[str, Any] | None:
    """Short-lived credentials of the store; None where it is reached by others."""
    access: Access | None = getattr(store, "access", None)
    if access is None or access.credentials is None:
        return None
    found = dict(access.credentials())
    return {**found, "expires_at": found["expires_at"].isoformat()}


def _names(step: StepDefinition) -> list[str]:
    return [_json.class_name(error) for error in step.retry.retry_on]


def _tell(stdin: IO[bytes], data: bytes) -> None:
    try:
        stdin.write(data)
        stdin.flush()
    except (BrokenPipeError, ValueError):
        pass  # it has ended; its exit says how


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has ended
        os.killpg(process.pid, number)
