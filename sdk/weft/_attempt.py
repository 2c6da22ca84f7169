"""One attempt of a step: load arguments, call the function, store outputs."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from weft import _arguments, _context, _secrets
from weft._arguments import Argument, Stored
from weft._artifact import Artifact, is_artifact_hint
from weft._definition import StepDefinition
from weft._failures import failure_of
from weft._graph import Constant
from weft._parameters import type_hints
from weft._records import ArtifactVersion, Failure
from weft._store import ArtifactStore, Place
from weft._values import load_value, save_value
from weft.errors import NonRetryableError, OutputError, SecretError, StepStoppedError


@dataclass(frozen=True, slots=True)
class Succeeded:
    """Outputs by name."""

    outputs: Mapping[str, ArtifactVersion]


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """Why the attempt failed, and whether another may help.

    Attributes:
        error: What it raised, where that was in this process.
    """

    failure: Failure
    is_retryable: bool = False
    is_stopped: bool = False
    error: BaseException | None = field(default=None, repr=False, compare=False)


AttemptResult = Succeeded | FailedAttempt


class Stopper:
    """Tells a running attempt to stop: politely, then by cancelling, where it is async."""

    def __init__(self) -> None:
        self.event: threading.Event = threading.Event()
        self._lock = threading.Lock()
        self._cancel: Callable[[], object] | None = None
        self._is_forced = False

    def request(self) -> None:
        """Ask."""
        self.event.set()

    def force(self) -> None:
        """Cancel what can be cancelled."""
        self.event.set()
        with self._lock:
            self._is_forced = True
            if self._cancel is not None:
                self._cancel()

    def run(self, coroutine: Any) -> Any:
        """Run a coroutine in a loop of its own, so that `force` can cancel it."""
        import asyncio

        try:
            return asyncio.run(self._supervise(coroutine))
        except asyncio.CancelledError:
            if not self._is_forced:
                raise
            raise StepStoppedError("the step was cancelled") from None

    async def _supervise(self, coroutine: Any) -> Any:
        import asyncio

        task = asyncio.ensure_future(coroutine)
        loop = asyncio.get_running_loop()
        with self._lock:
            self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
            if self._is_forced:
                task.cancel()
        try:
            return await task
        finally:
            with self._lock:
                self._cancel = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """Everything one attempt needs.

    Attributes:
        place: Where outputs go; its `output` is replaced by each output's name.
    """

    step: StepDefinition
    arguments: Mapping[str, Argument]
    context: _context.StepContext
    store: ArtifactStore
    allow_pickle: bool
    stopper: Stopper = field(default_factory=Stopper)
    # Of the secrets that the step names; None where they are still to be read.
    secrets: _secrets.Values | None = None
    # Whether no drawn graph has the step.
    is_late: bool = False
    # Seconds that it may wait for a workload of its own to take it up; None for no limit.
    queue_s: float | None = None

    def execute(self) -> AttemptResult:
        """Run the attempt; every failure is a result, never an exception."""
        token = _context.active.set(self.context)
        try:
            return self._execute()
        except BaseException as error:  # noqa: BLE001 - sys.exit() in a step must not end the run
            return self.failed(error)
        finally:
            _context.active.reset(token)

    def call(self) -> Any:
        """Call the function and give what it returns: nothing is stored, and errors are raised."""
        secrets = self.read_secrets()
        context, token = _context.active.set(self.context), _secrets.active.set(secrets)
        try:
            return self._call(self._load_arguments(secrets))
        finally:
            _secrets.active.reset(token)
            _context.active.reset(context)

    def read_secrets(self) -> _secrets.Values:
        """Read the secrets that the step names, in options or references."""
        if self.secrets is not None:
            return self.secrets
        return _secrets.source.fetch(_secrets.needed(self.step, self.arguments))

    def _execute(self) -> AttemptResult:
        secrets = self.read_secrets()
        token = _secrets.active.set(secrets)
        try:
            return Succeeded(self._store_outputs(self._call(self._load_arguments(secrets))))
        finally:
            _secrets.active.reset(token)

    def _load_arguments(self, secrets: _secrets.Values) -> dict[str, Any]:
        hints = type_hints(self.step.function)
        values = {
            name: self._load(argument, hints.get(name)) for name, argument in self.arguments.items()
        }
        if not secrets:
            return values
        # Data that other steps made is left as it is.
        constants = {n for n, a in self.arguments.items() if isinstance(a, Constant)}
        return {
            name: _secrets.resolved(value, secrets) if name in constants else value
            for name, value in values.items()
        }

    def _load(self, argument: Argument, hint: Any) -> Any:
        if is_artifact_hint(hint) and isinstance(argument, Stored):
            return Artifact(argument.version, allow_pickle=self.allow_pickle)
        return _arguments.load(argument, self._read)

    def _read(self, version: ArtifactVersion) -> Any:
        return load_value(self.store, version, allow_pickle=self.allow_pickle)

    def _call(self, values: Mapping[str, Any]) -> Any:
        result = self.step.call(values)
        return self.stopper.run(result) if inspect.iscoroutine(result) else result

    def _store_outputs(self, result: Any) -> dict[str, ArtifactVersion]:
        c = self.context
        stored = {}
        for name, value in self.step.outputs.split(result).items():
            place = Place(c.project, c.run, c.step, c.attempt, name)
            stored[name] = save_value(self.store, place, value, allow_pickle=self.allow_pickle)
        return stored

    def failed(self, error: BaseException) -> FailedAttempt:
        """Say what an exception means for the attempt."""
        final = NonRetryableError | OutputError | SecretError | StepStoppedError
        never = isinstance(error, final)
        asked = self.context.stop_requested
        return FailedAttempt(
            failure_of(error),
            is_retryable=not never and isinstance(error, self.step.retry.retry_on),
            is_stopped=asked and isinstance(error, StepStoppedError),
            error=error,
        )
