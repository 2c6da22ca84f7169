"""Runs a pipeline's function beside its run, where what it does depends on results of steps."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

from weft import _arguments
from weft._arguments import NodeResult
from weft._attempt import Stopper
from weft._definition import StepDefinition
from weft._failures import failure_of
from weft._graph import Binding, Constant, FanOut, FromStep, Graph, Node
from weft._handles import Handle
from weft._records import ArtifactVersion, Failure
from weft._states import StepState, StopMode
from weft._tracing import Trace
from weft._units import Unit
from weft.errors import StepFailedError, StepStoppedError, TracingError

_CANCEL_GRACE_S = 10.0


class Host(Protocol):
    """The engine that executes what the function calls."""

    def add(self, node: Node) -> None:
        """Execute one more step; from any thread."""

    def stop_step(self, step: str, mode: StopMode, reason: str = "", *, grace_s: float) -> None:
        """Stop a step that nobody waits for any more."""

    def result_of(self, step: str) -> NodeResult:
        """Give the outputs of a step that has ended."""

    def read(self, version: ArtifactVersion) -> Any:
        """Load a stored value."""

    def concluded(self, ending: Binding | BaseException) -> None:
        """Hear how the function ended; from its own thread."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a function gave, or why the run fails; `error` is what it raised of its own."""

    result: Binding = Constant(None)  # noqa: RUF009 - it is frozen
    failure: Failure | None = None
    reason: str = ""
    error: BaseException | None = None


class Author:
    """The function of one run, in a thread of its own.

    Attributes:
        is_open: Whether it may still call steps.
        is_cut_short: Whether it ended because the run was stopped.
    """

    def __init__(self, graph: Graph, host: Host) -> None:
        assert graph.author is not None
        self.is_open = True
        self.is_cut_short = False
        # Steps whose failures the function was told of, and what failed before them.
        self._heard: set[str] = set()
        self._function = graph.author
        self._host = host
        self._trace = LiveTrace(host, self._heard)
        self._stopper = Stopper()
        run = contextvars.copy_context().run
        name = f"weft-{graph.pipeline}"
        self._thread = threading.Thread(target=run, args=(self._run,), name=name, daemon=True)

    def start(self) -> None:
        """Begin; the host hears of the end."""
        self._thread.start()

    def ended(self, unit: Unit) -> None:
        """Tell the function that a step has ended."""
        if unit.parent is None:
            self._trace.promises[unit.id].fulfil(unit)

    def judges(self, failed: Unit) -> bool:
        """Whether the function was told of a failure, or may still be: it may catch it."""
        return self.is_open or failed.id in self._heard

    def conclude(self, ending: Binding | BaseException, units: Iterable[Unit]) -> Verdict:
        """Say what the end of the function means for the run."""
        self.is_open = False
        if not isinstance(ending, BaseException):
            broken = (u for u in units if u.parent is None and u.failure)
            missed = next((unit for unit in broken if unit.id not in self._heard), None)
            if missed is None or missed.failure is None:
                return Verdict(ending)
            failure = replace(missed.failure, step=missed.failure.step or missed.id)
            return Verdict(ending, failure, f"{missed.id} {missed.how_it_broke}")
        error = _root(ending)
        if isinstance(error, StepStoppedError):
            self.is_cut_short = True
            return Verdict()
        reason = f"the pipeline's function raised {_name(error)}"
        if isinstance(error, StepFailedError):
            return Verdict(failure=error.failure, reason=reason)
        return Verdict(failure=failure_of(error), reason=reason, error=error)

    def stop(self) -> None:
        """Cancel the function where it is async; another one hears of it at its next look."""
        self._stopper.force()

    def _run(self) -> None:
        try:
            result = self._function(self._trace)
            if inspect.iscoroutine(result):
                result = self._stopper.run(result)
            ending: Any = self._trace.bind_value(result, "the result of the pipeline")
        except BaseException as error:  # noqa: BLE001 - whatever it was, the run must end
            ending = error
        self._host.concluded(ending)


class Promise:
    """The end of one step, for whoever waits."""

    def __init__(self) -> None:
        self._unit: Unit | None = None
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._callbacks: list[Callable[[], None]] = []

    def fulfil(self, unit: Unit) -> None:
        """The step has ended."""
        with self._lock:
            self._unit = unit
            self._is_over.set()
        for callback in self._callbacks:
            callback()

    def wait(self) -> Unit:
        """Wait for it."""
        self._is_over.wait()
        assert self._unit is not None
        return self._unit

    async def arrival(self) -> None:
        """Wait for it, and let a loop go on meanwhile."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            with suppress(RuntimeError):  # nobody waits: the loop is closed
                loop.call_soon_threadsafe(_settle, waiter)

        with self._lock:
            if not self._is_over.is_set():
                self._callbacks.append(wake)
        if not self._is_over.is_set():
            await waiter


class LiveTrace(Trace):
    """A trace whose steps are executed as they are noted, and whose results can be looked at.

    What is called after a look depends on it: the step that was looked at is among its upstream.
    """

    def __init__(self, host: Host, heard: set[str]) -> None:
        super().__init__()
        self.promises: dict[str, Promise] = {}
        self._host = host
        self._heard = heard
        self._lock = threading.Lock()
        # Looked at, and upstream of nothing else that was.
        self._seen: dict[str, None] = {}
        self._has_looked = False

    def call(
        self,
        step: StepDefinition,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        *,
        after: Iterable[Any] = (),
        fan_out: FanOut | None = None,
    ) -> Handle[Any]:
        """Note one call of a step, and have it executed."""
        with self._lock:
            handle = super().call(step, args, kwargs, after=after, fan_out=fan_out)
            node = self.nodes[next(reversed(self.nodes))]
            upstream, node.is_late = set(node.upstream), self._has_looked
            node.after.extend(id_ for id_ in self._seen if id_ not in upstream)
            self.promises[node.id] = Promise()
            self._host.add(node)
        return handle

    def order(self, node: Node, others: Iterable[Any]) -> None:
        """Refuse: the step is under way.

        Raises:
            TracingError: Always.
        """
        names = ", ".join(self.node_ids(others))
        raise TracingError(
            f"step {node.id} was called already: where a pipeline looks at results, write "
            f"`{node.step.name}.after(...)(...)` to have it wait for {names}"
        )

    def open(self, reference: FromStep, how: str, advice: str = "") -> Any:  # noqa: ARG002
        """Wait for a step, and give its result.

        Raises:
            StepFailedError: It failed, or something that it needs did.
            StepStoppedError: The run, or the step, was stopped.
        """
        self._look(self.promises[reference.step].wait())
        argument = _arguments.resolve(reference, self._host.result_of)
        return _arguments.load(argument, self._host.read)

    async def arrive(self, step: str) -> None:
        """Wait for a step as `open` does; whoever is cancelled meanwhile has it stopped."""
        promise = self.promises[step]
        try:
            await promise.arrival()
        except asyncio.CancelledError:
            reason = "what waited for it was cancelled"
            self._heard.add(step)
            self._host.stop_step(step, StopMode.GRACEFUL, reason, grace_s=_CANCEL_GRACE_S)
            raise
        self._look(promise.wait())

    def _look(self, unit: Unit) -> None:
        with self._lock:
            self._has_looked = True
            before = self._before(unit.id)
            if unit.state.has_outputs:
                self._seen = {id_: None for id_ in self._seen if id_ not in before}
                self._seen[unit.id] = None
                return
            self._heard |= before | {unit.id}
        causes = [unit, *(self.promises[id_].wait() for id_ in sorted(before))]
        failed = next((cause for cause in causes if cause.failure and not cause.stopped), None)
        if failed is None or failed.failure is None:
            raise StepStoppedError(f"step {unit.id} is {unit.state}")
        raise StepFailedError(failed.id, failed.failure)

    def _before(self, step: str) -> set[str]:
        """Give what a step depends on, up to what has been looked at."""
        found: set[str] = set()
        waiting = [step]
        while waiting:
            for upstream in self.nodes[waiting.pop()].upstream:
                if upstream not in found:
                    found.add(upstream)
                    if upstream not in self._seen:
                        waiting.append(upstream)
        return found


def is_cut_short(units: Iterable[Unit], author: Author | None) -> bool:
    """Whether a run that was asked to stop has left anything undone."""
    stopped = any(unit.state is StepState.STOPPED for unit in units)
    return stopped or (author is not None and author.is_cut_short)


def _settle(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _root(error: BaseException) -> BaseException:
    """Give the first exception of a group, such as a TaskGroup raises."""
    return _root(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _name(error: BaseException) -> str:
    return type(error).__name__
