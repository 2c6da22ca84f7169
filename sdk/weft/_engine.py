"""Runs a graph: one thread decides and reports, others run attempts and only send events.

All state lives in the coordinator, which takes events from one queue; so reports are in order, and
nothing needs a lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from weft import _arguments
from weft._arguments import NodeResult
from weft._attempt import AttemptResult, FailedAttempt, Succeeded
from weft._author import Author, is_cut_short
from weft._beginnings import attempts_of, decided, take_over
from weft._cache import DISABLED, CacheDecision, CacheOutcome
from weft._capture import Captures, router
from weft._describe import item_record, step_record
from weft._dispatch import dispatch
from weft._fan_out import Expansion, expand
from weft._graph import Binding, Graph, Node
from weft._halting import Halting
from weft._limits import how_it_failed
from weft._loop import Loop
from weft._options import Options
from weft._places import Places
from weft._records import ArtifactVersion, Failure, RunRecord, RunRecorder
from weft._states import ExecutionMode, RunState, StepState, StopMode
from weft._step_hooks import StepHooks
from weft._store import ArtifactStore
from weft._time_limits import TimeLimits
from weft._units import Ledger, Schedule, Unit
from weft._values import load_value
from weft._work import Work
from weft.errors import StepStoppedError


class Engine:
    """One execution of a graph: `run` it once, `stop` it from any thread."""

    def __init__(
        self,
        graph: Graph,
        record: RunRecord,
        *,
        recorder: RunRecorder,
        store: ArtifactStore,
        options: Options,
    ) -> None:
        # Of a graph with an author, all nodes are called while the run executes.
        self._nodes = dict(graph.nodes) if graph.author is None else {}
        self.graph = replace(graph, nodes=self._nodes)
        self.record = record
        self.units: dict[str, Unit] = {}
        self.failure: Failure | None = None
        self.error: BaseException | None = None  # what the pipeline's function raised of its own
        self._recorder = recorder
        self.store = store
        self._options = options
        self._apart = recorder.apart
        self._unit = partial(Unit.of, has_apart=self._apart is not None)
        self.units |= {node.id: self._unit(node.id, node) for node in self.graph.in_order()}
        self._places = Places(options.max_workers, options.max_workloads, graph.limits.max_parallel)
        self._ledger = Ledger(recorder)
        self._new_attempt = attempts_of(record, recorder, store, allow_pickle=options.allow_pickle)
        # A function that thinks is not idle: no clock may skip to the end of its time.
        is_timed = bool(graph.author and graph.limits.timeout_s)
        self._loop = Loop(options.clock, lambda: self._places.are_free and not is_timed)
        free, end = self._places.release, self._give_up
        self._times = TimeLimits(self._loop, release=free, settle=self._settle)
        self._schedule = Schedule(dict(self.units), self._times.ready)
        self._halting = Halting(self.units, self._ledger, self._loop, release=free, give_up=end)
        self._captures = Captures(recorder.append_logs, echo=options.echo)
        self._author = Author(graph, self) if graph.author else None
        self._given = recorder.given()
        self._open = len(self.units) + (self._author is not None)
        self._hooks = StepHooks(record, recorder)
        self._work = Work(self._loop, self._places, self._fail)
        self._closed_to_new = ""  # why nothing new may start
        self._stop_mode: StopMode | None = None

    @property
    def state(self) -> RunState:
        """State of the run."""
        return self._ledger.run_state

    def stop(self, mode: StopMode, reason: str = "") -> None:
        """Stop the run: GRACEFUL lets running steps end, FORCE does not wait for them."""
        self._loop.put(lambda: self._stop(mode, reason))

    def stop_step(self, step: str, mode: StopMode, reason: str = "", *, grace_s: float) -> None:
        """Stop one step: what depends on it fares as if it had failed.

        GRACEFUL tells it, and does not wait for it any longer than the grace; FORCE not at all.
        """
        self._loop.put(lambda: self._halting.stop_step(step, mode, reason, grace_s))

    def pause(self, *, is_paused: bool) -> None:
        """Start nothing new, or go on; what runs is left alone."""
        pause = self._times.pause if is_paused else self._times.resume
        self._loop.put(lambda: pause(self._schedule.ready))

    def run(self) -> RunState:
        """Execute the graph, and return the final state of the run."""
        self._ledger.move_run(RunState.RUNNING)
        self._open -= take_over(self.units, self._schedule, self._given)
        self._leave_out(list(self.units.values()))
        if self._author:
            self._author.start()
        if (limit := self.graph.limits.timeout_s) is not None:
            self._loop.after(limit, self._overdue)
        with router.installed():
            self._start_ready()
            while self._open:
                self._loop.take()()
                self._start_ready()
        self._finish()
        return self.state

    # The pipeline's function

    def add(self, node: Node) -> None:
        """Execute a step that is called only now; from any thread."""
        self._loop.put(lambda: self._add(self.graph.late(node)))

    def concluded(self, ending: Binding | BaseException) -> None:
        """Hear how the pipeline's function ended; from its own thread."""
        self._loop.put(lambda: self._conclude(ending))

    def _add(self, node: Node) -> None:
        self._nodes[node.id] = node
        unit = self.units[node.id] = self._unit(node.id, node)
        self._open += 1
        self._recorder.add_steps([step_record(node)])
        self._schedule.add(unit)
        self._open -= take_over({unit.id: unit}, self._schedule, self._given)
        broken = next((up for up in node.upstream if self.units[up].is_broken), "")
        if unit.state.has_outputs:
            self._hear_of(unit)
        elif self._closed_to_new:
            self._schedule.forget([unit.id])
            self._give_up(unit)
        elif broken:
            self._skip(unit, f"{broken} {self.units[broken].how_it_broke}")
        else:
            self._leave_out([unit])

    def _leave_out(self, units: list[Unit]) -> None:
        for unit in units if (only := self._options.only) else ():
            if unit.id != only:
                self._skip(unit, f"only {only} is run again")

    def _conclude(self, ending: Binding | BaseException) -> None:
        if self._author is None or not self._author.is_open:
            return
        self._open -= 1
        verdict = self._author.conclude(ending, self.units.values())
        self.graph, self.error = replace(self.graph, result=verdict.result), verdict.error
        if verdict.failure is not None:
            self._close(verdict.failure, verdict.reason)

    def _hear_of(self, unit: Unit) -> None:
        if self._author is not None:
            self._author.ended(unit)

    # Starting

    def _start_ready(self) -> None:
        if self._times.are_paused:
            return
        while not self._closed_to_new and (unit := self._places.next(self._schedule.ready)):
            if unit.state is StepState.PENDING:
                self._admit(unit)
            elif unit.state is StepState.RETRYING:
                self._start_attempt(unit)

    def _admit(self, unit: Unit) -> None:
        if unit.parent is None:
            inputs = unit.node.inputs.items()
            unit.arguments = {n: _arguments.resolve(b, self.result_of) for n, b in inputs}
        if unit.is_fan_out:
            self._ledger.move(unit, StepState.RUNNING, inputs=_arguments.lineage(unit.arguments))
            items = partial(expand, unit.node, unit.arguments, self.read)
            self._work.start(unit, items, self._expanded)
        elif self._options.cache and unit.step.cache.enabled:
            decision = partial(decided, unit, self._recorder, self.store)
            self._work.start(unit, decision, self._decided)
        else:
            unit.decision = DISABLED
            self._start_attempt(unit)

    def result_of(self, step: str) -> NodeResult:
        """Give the outputs of a step that has ended."""
        unit = self.units[step]
        return unit.step.outputs, unit.result()

    def read(self, version: ArtifactVersion) -> Any:
        """Load a stored value."""
        return load_value(self.store, version, allow_pickle=self._options.allow_pickle)

    def _decided(self, unit: Unit, decision: CacheDecision) -> None:
        unit.decision = decision
        if decision.outcome is CacheOutcome.UNCACHEABLE:
            capture = self._captures.of(unit.id, unit.attempt)
            capture.emit("WARNING", decision.reason, {"logger": "weft"})
        if self._closed_to_new or unit.stopped:
            self._give_up(unit)
        elif decision.outcome is CacheOutcome.HIT and decision.candidate is not None:
            unit.outputs = {n: found[0] for n, found in decision.candidate.outputs.items()}
            self._ledger.cached(unit, decision, decision.candidate)
            self._ended(unit)
        else:
            self._start_attempt(unit)

    def _start_attempt(self, unit: Unit) -> None:
        unit.attempt += 1
        unit.failure = unit.error = None
        self._times.taken(unit)
        reason = unit.decision.explain() if unit.decision and unit.attempt == 1 else ""
        self._ledger.begin(unit, cache_reason=reason, inputs=_arguments.lineage(unit.arguments))
        number, put = self._places.occupy(unit), self._loop.put
        unit.dispatch = dispatch(
            self._new_attempt(unit),
            self._captures.of(unit.id, unit.attempt),
            lambda result: put(lambda: self._attempted(unit, number, result)),
            self._apart if unit.is_apart else None,
            lambda: put(lambda: self._begun(unit, number)),
        )

    def _begun(self, unit: Unit, number: int) -> None:
        self._hooks.started(unit)
        self._times.begun(unit, number)

    def _attempted(self, unit: Unit, number: int, result: AttemptResult) -> None:
        if not self._places.release(unit, number):
            return  # an attempt that was given up has ended after all
        self._settle(unit, result)

    def _settle(self, unit: Unit, result: AttemptResult) -> None:
        """Let what follows from the end of an attempt wait for its hooks."""
        unit.is_ending = True
        if hook := self._hooks.of_end(unit, result):
            self._work.start(unit, hook, lambda unit, _: self._settled(unit, result))
        else:
            self._settled(unit, result)

    def _settled(self, unit: Unit, result: AttemptResult) -> None:
        unit.is_ending = False
        if isinstance(result, Succeeded):
            self._succeed(unit, result.outputs)
            return
        unit.error = result.error
        if result.is_stopped or unit.stopped:
            self._give_up(unit)
        else:
            self._failed_attempt(unit, result)

    def _failed_attempt(self, unit: Unit, result: FailedAttempt) -> None:
        if not (result.is_retryable and unit.may_retry) or self._closed_to_new:
            self._fail(unit, result.failure)
            return
        delay, reason = unit.prepare_retry(result.failure, self._options.random)
        self._ledger.move(unit, StepState.RETRYING, reason=reason, failure=result.failure)
        self._loop.after(delay, lambda: self._schedule.let(unit))

    # Endings

    def _succeed(self, unit: Unit, outputs: Mapping[str, ArtifactVersion]) -> None:
        unit.outputs = outputs
        self._ledger.succeeded(unit)
        self._ended(unit)

    def _fail(self, unit: Unit, failure: Failure) -> None:
        self._ledger.failed(unit, failure)
        self._broke(unit, failure)

    def _broke(self, unit: Unit, failure: Failure) -> None:
        """Do what follows from the bad end of a unit."""
        unit.failure = failure
        self._ended(unit)
        if unit.parent is not None and (unit.tolerates_failures or unit.is_in_stopped):
            return
        top = unit.parent or unit
        for step in self.graph.downstream([top.id]):
            self._skip(self.units[step], f"{unit.id} {unit.how_it_broke}")
        # What the pipeline's function was told of, or may still be, is for it to judge.
        if self._author is None or not self._author.judges(top):
            self._close(replace(failure, step=unit.id), f"{unit.id} {unit.how_it_broke}")

    def _close(self, failure: Failure, why: str) -> None:
        """Let the run fail, and its other steps fare as its mode says."""
        self.failure = self.failure or failure
        mode = self.graph.mode
        if mode is ExecutionMode.CONTINUE or self._closed_to_new:
            return
        self._closed_to_new = f"{why} and the run is {mode}"
        self._hooks.is_closing = True
        for unit in list(self.units.values()):
            self._skip(unit, self._closed_to_new)
        if mode is ExecutionMode.FAIL_FAST:
            self._halting.ask_all(self._closed_to_new)
            self._loop.after(self._options.fail_fast_grace_s, self._halting.force_all)

    def _skip(self, unit: Unit, reason: str) -> None:
        if unit.state is StepState.PENDING and not unit.is_busy:
            self._ledger.move(unit, StepState.SKIPPED, reason=reason)
            self._ended(unit)
        elif unit.state is StepState.RETRYING and self._closed_to_new:
            self._give_up(unit)

    def _give_up(self, unit: Unit) -> None:
        """End a unit that was stopped, or that had not started when the run closed."""
        # Where the whole run stops, nothing follows from one step any more.
        own = unit.stopped if not self._closed_to_new else None
        reason = own.message if own else self._closed_to_new
        if unit.state is StepState.PENDING:
            stopped = own is not None or self._stop_mode is not None
            final = StepState.STOPPED if stopped else StepState.SKIPPED
            self._ledger.move(unit, final, reason=reason)
        else:
            self._ledger.stopped(unit, reason)
        if own:
            self._broke(unit, own)
        else:
            self._ended(unit)

    def _ended(self, unit: Unit) -> None:
        self._open -= 1
        self._hear_of(unit)
        if unit.state.has_outputs:
            self._schedule.ended_well(unit)
        if unit.parent is not None:
            unit.parent.open_children -= 1
            self._schedule.item_ended(unit, unit.parent)
            if not unit.parent.open_children:
                self._gather(unit.parent)

    # Fan-out

    def _expanded(self, unit: Unit, expansion: Expansion) -> None:
        if self._closed_to_new or unit.stopped:
            self._give_up(unit)
            return
        for index, arguments in enumerate(expansion):
            child = self._unit(f"{unit.id}-{index}", unit.node, unit)
            child.index, child.arguments = index, arguments
            unit.children.append(child)
        if not unit.children:
            self._gather(unit)
            return
        items = [item_record(child.id, unit.node, child.index or 0) for child in unit.children]
        self._recorder.add_steps(items)
        self.units |= {child.id: child for child in unit.children}
        unit.open_children = len(unit.children)
        self._open += len(unit.children)
        self._schedule.add_items(unit)

    def _gather(self, unit: Unit) -> None:
        """End a fan-out whose items have all ended."""
        failure = unit.failure_of_items()
        if unit.stopped or (failure is None and unit.is_incomplete):
            self._give_up(unit)
            return
        self._ledger.gathered(unit, failure)
        self._ended(unit)

    # Stopping

    def _stop(self, mode: StopMode, reason: str = "") -> None:
        if self._stop_mode is None:
            self._closed_to_new = f"stopped{': ' if reason else ''}{reason}"
            self._ledger.move_run(RunState.STOPPING, reason=reason)
            if self._author:
                self._author.stop()
        self._stop_mode = mode
        for unit in list(self.units.values()):
            if not unit.is_busy and unit.state in {StepState.PENDING, StepState.RETRYING}:
                self._give_up(unit)
        self._halting.ask_all(self._closed_to_new)
        if mode is StopMode.FORCE:
            self._halting.force_all()
            self._conclude(StepStoppedError(self._closed_to_new))

    def _overdue(self) -> None:
        if self._stop_mode is None:
            self.failure = self.failure or self.graph.limits.overdue()
            self._stop(StopMode.GRACEFUL, self.graph.limits.overdue().message)
            self._loop.after(self._options.fail_fast_grace_s, lambda: self._stop(StopMode.FORCE))

    def _finish(self) -> None:
        if (failure := self.failure) is not None:
            self._ledger.move_run(RunState.FAILED, reason=how_it_failed(failure), failure=failure)
        elif self._stop_mode and is_cut_short(self.units.values(), self._author):
            self._ledger.move_run(RunState.STOPPED, reason=self._closed_to_new)
        else:
            self._ledger.move_run(RunState.SUCCEEDED)
