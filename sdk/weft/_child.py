"""The process of one attempt: `python -m weft._child`, started by `weft._process` only."""

from __future__ import annotations

import fcntl
import importlib
import importlib.util
import json
import logging
import os
import queue
import sys
import tempfile
import threading
import uuid
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import IO, TYPE_CHECKING, Any

from weft import _json, _secrets
from weft._approval import Question, Verdict
from weft._attempt import Attempt, AttemptResult, Stopper, Succeeded
from weft._capture import level_name
from weft._context import StepContext
from weft._definition import StepDefinition
from weft._failures import failure_of
from weft._records import Alert, Metadata, Metric
from weft._store import open_store
from weft.errors import ApprovalError, ArtifactStoreError

if TYPE_CHECKING:
    from weft._objects import Access

# obstore asks for new credentials when those that it has end within five minutes.
_MARGIN = timedelta(minutes=5)


class Events:
    """The pipe to the parent."""

    def __init__(self, pipe: IO[str]) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()
        # Processes that the step forks speak over the pipe too: one at a time, and none of them
        # with half a line of the other, or a lock that nobody releases.
        self._turn = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        os.register_at_fork(
            before=self._lock.acquire,
            after_in_parent=self._lock.release,
            after_in_child=self._lock.release,
        )
        self._answers: dict[str, queue.SimpleQueue[dict[str, Any]]] = {}

    def send(self, event: dict[str, Any]) -> None:
        """Send one line."""
        line = json.dumps(event) + "\n"
        with self._lock:
            fcntl.lockf(self._turn, fcntl.LOCK_EX)
            self._pipe.write(line)
            self._pipe.flush()
            fcntl.lockf(self._turn, fcntl.LOCK_UN)

    def write_metadata(self, metadata: Metadata) -> None:
        """Hand metadata to the parent."""
        self.send({"record": _json.encode(metadata)})

    def write_metrics(self, metrics: Sequence[Metric]) -> None:
        """Hand metrics to the parent."""
        for metric in metrics:
            self.send({"record": _json.encode(metric)})

    def write_alert(self, alert: Alert) -> None:
        """Hand an alert to the parent."""
        self.send({"record": _json.encode(alert)})

    def ask(self, question: Question, _stop: threading.Event) -> Verdict:
        """Have the parent ask people, and wait: it answers also when the step is to stop."""
        waiting = self._answers[question.id] = queue.SimpleQueue()
        self.send({"ask": asdict(question)})
        answer = waiting.get()
        if "error" in answer:
            raise ApprovalError(answer["error"])
        return Verdict(**answer["verdict"])

    def renewed(self) -> dict[str, Any]:
        """New credentials of the artifact store: the parent, who may have them issued, is asked."""
        id_ = uuid.uuid4().hex
        waiting = self._answers[id_] = queue.SimpleQueue()
        self.send({"renew": id_})
        answer = waiting.get()
        del self._answers[id_]
        if "error" in answer:
            raise ArtifactStoreError(answer["error"])
        return _dated(answer["credentials"])

    def take(self, answer: dict[str, Any]) -> None:
        """What the parent says to a question."""
        self._answers[answer["id"]].put(answer)


class _Handler(logging.Handler):
    """Hands log records to the parent."""

    def __init__(self, events: Events) -> None:
        super().__init__()
        self._events = events

    def emit(self, record: logging.LogRecord) -> None:
        attributes = {"logger": record.name, "location": f"{record.filename}:{record.lineno}"}
        level = level_name(record.levelno)
        self._events.send({"log": [level, self.format(record), attributes]})


def main() -> None:
    """Run the attempt that stdin describes."""
    with os.fdopen(int(os.environ.pop("WEFT_EVENTS_FD")), "w") as pipe:
        events = Events(pipe)
        orders = _own_stdin()
        job = json.loads(orders.readline())
        stopper = Stopper()
        threading.Thread(target=_listen, args=(orders, stopper, events), daemon=True).start()
        root = logging.getLogger()
        root.setLevel(logging.INFO)
        root.addHandler(_Handler(events))
        try:
            result: AttemptResult = _attempt(job, events, stopper).execute()
            event = _event(result)
        except Exception as error:  # noqa: BLE001 - the module of the step does not import
            failure = _json.encode(failure_of(error))
            event = {"failure": failure, "is_retryable": False, "is_stopped": False}
        sys.stdout.flush()
        sys.stderr.flush()
        events.send(event)


def _attempt(job: dict[str, Any], events: Events, stopper: Stopper) -> Attempt:
    step = _load_step(job["entrypoint"], job["file"])
    retry_on = tuple(_classes(job["retry_on"]))
    step = replace(step, retry=replace(step.retry, retry_on=retry_on))
    project, pipeline, run, step_id, number, index = job["context"]
    ask = events.ask if job["can_ask"] else None
    place = (project, pipeline, run, step_id, number, index)
    context = StepContext(*place, events, stopper.event, ask)
    arguments = {name: _json.decode(data) for name, data in job["arguments"].items()}
    store = open_store(job["store"], _access(job["access"], events))
    secrets: _secrets.Values = job["secrets"]
    _secrets.hide(secrets)
    return Attempt(step, arguments, context, store, job["allow_pickle"], stopper, secrets)


def _access(told: dict[str, Any] | None, events: Events) -> Access | None:
    """How the store is reached: with the credentials that came with the work, then newer ones."""
    if told is None:
        return None
    from weft._objects import Access

    found = told["credentials"]
    if found is None:
        return Access(told["options"])
    first = _dated(found)

    def credentials() -> dict[str, Any]:
        is_good = first["expires_at"] > datetime.now(UTC) + _MARGIN
        return first if is_good else events.renewed()

    return Access(told["options"], credentials)


def _dated(told: dict[str, Any]) -> dict[str, Any]:
    """Credentials as obstore takes them."""
    return {**told, "expires_at": datetime.fromisoformat(told["expires_at"])}


def _load_step(entrypoint: str, file: str) -> StepDefinition:
    module, _, qualname = entrypoint.partition(":")
    found: Any = _import(module, file)
    for part in qualname.split("."):
        found = getattr(found, part)
    definition: StepDefinition = found.definition
    return definition


def _import(name: str, file: str) -> Any:
    """Import the step's module: by name where that finds the same file, else from the file."""
    spec = importlib.util.find_spec(name) if "." not in name else None
    if "." in name or (spec is not None and spec.origin == file):
        return importlib.import_module(name)
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _classes(names: list[str]) -> list[type[BaseException]]:
    found = []
    for name in names:
        module, _, qualname = name.partition(":")
        value: Any = importlib.import_module(module)
        for part in qualname.split("."):
            value = getattr(value, part)
        found.append(value)
    return found


def _event(result: AttemptResult) -> dict[str, Any]:
    if isinstance(result, Succeeded):
        return {"outputs": _json.encode(dict(result.outputs))}
    return {
        "failure": _json.encode(result.failure),
        "is_retryable": result.is_retryable,
        "is_stopped": result.is_stopped,
    }


def _own_stdin() -> IO[bytes]:
    """What the parent says; the step reads nothing of it.

    A process that the step forks closes `sys.stdin`, and would wait for ever for the thread that
    reads from it here, and is not there.
    """
    orders = os.fdopen(os.dup(0), "rb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return orders


def _listen(orders: IO[bytes], stopper: Stopper, events: Events) -> None:
    """Hear `stop` and answers; when stdin closes, the parent is gone and nobody takes a result."""
    for line in orders:
        if line.strip() == b"stop":
            stopper.request()
        else:
            events.take(json.loads(line))
    os._exit(1)


if __name__ == "__main__":
    main()
