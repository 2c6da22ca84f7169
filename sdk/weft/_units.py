"""What the engine schedules, and the only place where states change and reports are numbered."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from weft._arguments import Argument, Results, lineage
from weft._attempt import FailedAttempt
from weft._cache import DISABLED, CacheDecision
from weft._definition import StepDefinition
from weft._dispatch import Dispatch
from weft._graph import Node
from weft._records import (
    ArtifactVersion,
    CacheCandidate,
    Failure,
    RunRecorder,
    RunReport,
    StepReport,
    now,
)
from weft._states import RUN_TRANSITIONS, STEP_TRANSITIONS, RunState, StepState


@dataclass(slots=True, eq=False)
class Unit:
    """One step of the run: a node of the graph, or one item of a fan-out.

    Attributes:
        occupation: Counts what it was busy with; an event of an older one comes too late.
        waiting: Items of a fan-out that its concurrency holds back.
        open_children: Items of a fan-out that have not ended.
        stopped: That a person stopped it, as what depends on it hears of it.
        is_apart: That its attempts are executed in workloads of their own.
        error: What its last attempt raised, where that was in this process.
        waits: Seconds before each retry.
        is_ending: That its attempt is over, and hooks are called before what follows.
        queued_at: Since when an attempt has waited for a place, where that has a limit.
        queue_left_s: Seconds that its attempt may still wait for a workload of its own.
        memory_bytes: What its next attempt gets, where it has grown; 0 for what the step says.
    """

    id: str
    node: Node
    parent: Unit | None = None
    index: int | None = None
    arguments: dict[str, Argument] = field(default_factory=dict)
    state: StepState = StepState.PENDING
    attempt: int = 0
    decision: CacheDecision | None = None
    dispatch: Dispatch | None = None
    is_busy: bool = False
    occupation: int = 0
    outputs: Mapping[str, ArtifactVersion] = field(default_factory=dict)
    failure: Failure | None = None
    error: BaseException | None = None
    waits: list[float] = field(default_factory=list)
    children: list[Unit] = field(default_factory=list)
    waiting: deque[Unit] = field(default_factory=deque)
    open_children: int = 0
    stopped: Failure | None = None
    is_apart: bool = False
    is_ending: bool = False
    queued_at: float | None = None
    queue_left_s: float | None = None
    memory_bytes: int = 0

    @classmethod
    def of(cls, id_: str, node: Node, parent: Unit | None = None, *, has_apart: bool) -> Unit:
        """Make the unit of a node; where there is a place apart, steps that ask for it go there."""
        # A fan-out itself only draws its items.
        is_whole = node.fan_out is not None and parent is None
        is_apart = has_apart and node.step.isolated() == "workload" and not is_whole
        return cls(id_, node, parent, is_apart=is_apart)

    @property
    def step(self) -> StepDefinition:
        """The step that it runs, with the memory that its attempts have grown to."""
        step = self.node.step
        if not self.memory_bytes:
            return step
        return replace(step, resources=replace(step.resources, memory=self.memory_bytes))

    @property
    def may_retry(self) -> bool:
        """Whether it has attempts left."""
        return self.attempt <= self.step.retry.max

    def prepare_retry(self, failure: Failure, random: Callable[[], float]) -> tuple[float, str]:
        """Give the seconds until the next attempt, and why it waits."""
        self._learn(failure)
        retry = self.step.retry
        delay = retry.delay_s(self.attempt, random)
        self.waits.append(delay)
        return delay, f"attempt {self.attempt} of {retry.max + 1} failed; the next in {delay:.1f} s"

    def _learn(self, failure: Failure) -> None:
        """Have the next attempt get more of what this one ran out of, where the step says so."""
        step = self.step
        if self.is_apart and failure.code == "OUT_OF_MEMORY" and step.resources.memory_bytes:
            self.memory_bytes = step.retry.grown(step.resources.memory_bytes)

    @property
    def is_fan_out(self) -> bool:
        """Whether it only gathers its items."""
        return self.node.fan_out is not None and self.parent is None

    @property
    def tolerates_failures(self) -> bool:
        """Whether it, or the fan-out it is an item of, puts failures into the result."""
        return self.node.fan_out is not None and self.node.fan_out.return_exceptions

    @property
    def how_it_broke(self) -> str:
        """What is said of it where it did not end well."""
        return "was stopped" if self.stopped else "failed"

    @property
    def is_broken(self) -> bool:
        """Whether it has ended without results."""
        return self.state.is_final and not self.state.has_outputs

    @property
    def is_in_stopped(self) -> bool:
        """Whether it is an item of a fan-out that a person stopped as a whole."""
        return self.parent is not None and self.parent.stopped is not None

    def overdue(self) -> FailedAttempt:
        """Say that its attempt took longer than it may."""
        message = f"step {self.id} did not end within {self.step.timeout_s:g} s"
        failure = Failure("USER", "TIMEOUT", message, "TimeoutError", self.step.location)
        return FailedAttempt(failure, issubclass(TimeoutError, self.step.retry.retry_on))

    def past_queue(self) -> FailedAttempt:
        """Say that no place came free for it in all the time that it may wait."""
        limit = self.step.queue_timeout_s
        message = f"step {self.id} waited {limit:g} s for a place among the steps of its run"
        return FailedAttempt(Failure("INFRASTRUCTURE", "QUEUE_TIMEOUT", message, "TimeoutError"))

    def past_deadline(self) -> FailedAttempt:
        """Say that all its attempts and waits together took longer than they may."""
        limit = self.step.deadline_s
        message = f"step {self.id} did not end within {limit:g} s, its attempts and waits together"
        return FailedAttempt(
            Failure("USER", "DEADLINE", message, "TimeoutError", self.step.location)
        )

    def let_go(self) -> None:
        """End its attempt as far as possible, and do not wait for it."""
        if self.dispatch is not None:
            self.dispatch.force_stop()

    def result(self) -> Results | list[Results]:
        """Give outputs by name, or a failure; for a fan-out, a list of them."""
        if self.is_fan_out:
            return [child.failure or child.outputs for child in self.children]
        return self.outputs

    @property
    def is_incomplete(self) -> bool:
        """Whether items of it neither ended well nor broke: the run closed before."""
        unfinished = {StepState.STOPPED, StepState.SKIPPED}
        return any(child.state in unfinished and not child.failure for child in self.children)

    def failure_of_items(self) -> Failure | None:
        """Say why a fan-out failed whose items have all ended; None where it did not."""
        broken = [(child.id, child.failure) for child in self.children if child.failure]
        if not broken or self.tolerates_failures:
            return None
        first, failure = broken[0]
        message = f"{len(broken)} of {len(self.children)} items failed, first {first}"
        return Failure(failure.kind, "ITEM_FAILED", message, step=first)

    def outputs_of_items(self) -> dict[str, tuple[ArtifactVersion, ...]]:
        """Give the outputs of the items that have any, by name."""
        done = [child.outputs for child in self.children if child.outputs]
        return {name: tuple(item[name] for item in done) for name in self.step.outputs.names}


class Ledger:
    """States of one run and its units: checks every change, numbers and hands over every report."""

    def __init__(self, recorder: RunRecorder) -> None:
        self._recorder = recorder
        self._numbers = itertools.count(1)
        self.run_state = RunState.PENDING

    def move_run(
        self, state: RunState, *, reason: str = "", failure: Failure | None = None
    ) -> None:
        """Change the state of the run."""
        assert state in RUN_TRANSITIONS[self.run_state], f"{self.run_state} -> {state}"
        self.run_state = state
        report = RunReport(next(self._numbers), state, now(), reason, failure)
        self._recorder.report_run(report)

    def move(self, unit: Unit, state: StepState, **details: Any) -> None:
        """Change the state of a unit; `details` are fields of `StepReport`."""
        assert state in STEP_TRANSITIONS[unit.state], f"{unit.id}: {unit.state} -> {state}"
        unit.state = state
        self._report(unit, state, details)

    def cached(self, unit: Unit, decision: CacheDecision, found: CacheCandidate) -> None:
        """An earlier result stands in."""
        self.move(
            unit,
            StepState.CACHED,
            reason=decision.reason,
            inputs=lineage(unit.arguments),
            outputs=found.outputs,
            cache_key=decision.key,
            cached_from=found.step,
            cache_reason=decision.explain(),
        )

    def succeeded(self, unit: Unit) -> None:
        """An attempt ended well."""
        decision = unit.decision or DISABLED
        self.move(
            unit,
            StepState.SUCCEEDED,
            outputs={name: (version,) for name, version in unit.outputs.items()},
            cache_key=decision.key,
            cache_components=decision.components,
        )

    def failed(self, unit: Unit, failure: Failure) -> None:
        """It ended badly, perhaps before its first attempt."""
        unit.attempt = max(unit.attempt, 1)
        self.move(unit, StepState.FAILED, failure=failure)

    def stopped(self, unit: Unit, reason: str) -> None:
        """It was under way, or about to be tried again, and ended because it was to."""
        if unit.state is not StepState.STOPPING:
            self.move(unit, StepState.STOPPING, reason=reason)
        self.move(unit, StepState.STOPPED, reason=reason)

    def gathered(self, unit: Unit, failure: Failure | None) -> None:
        """All items of a fan-out have ended."""
        unit.failure = failure
        if failure is not None:
            self.move(unit, StepState.FAILED, failure=failure)
        else:
            self.move(unit, StepState.SUCCEEDED, outputs=unit.outputs_of_items())

    def begin(self, unit: Unit, **details: Any) -> None:
        """An attempt runs; one that is executed apart says itself when it does."""
        if not unit.is_apart:
            self.move(unit, StepState.RUNNING, **details)
            return
        unit.state = StepState.RUNNING
        self._report(unit, StepState.PROVISIONING, details)

    def _report(self, unit: Unit, state: StepState, details: dict[str, Any]) -> None:
        number = next(self._numbers)
        self._recorder.report_step(
            StepReport(number, unit.id, unit.attempt, state, now(), **details)
        )


class Schedule:
    """Which units may start: those whose upstream has ended well, within the limits of fan-outs.

    `heard` is told of each that may.
    """

    def __init__(self, units: Mapping[str, Unit], heard: Callable[[Unit], None]) -> None:
        self.ready: deque[Unit] = deque()
        self._heard = heard
        self._units = dict(units)
        self._missing = {unit.id: len(unit.node.upstream) for unit in units.values()}
        self._downstream: dict[str, list[str]] = {unit_id: [] for unit_id in units}
        for unit in units.values():
            for upstream in unit.node.upstream:
                self._downstream[upstream].append(unit.id)
        self.let(*(unit for unit in units.values() if not unit.node.upstream))

    def let(self, *units: Unit) -> None:
        """Let these start, or be tried again, as soon as there is a place."""
        self.ready.extend(units)
        for unit in units:
            self._heard(unit)

    def add(self, unit: Unit) -> None:
        """Let a step start that is called only now, once those that it waits for have ended."""
        self._units[unit.id] = unit
        self._downstream[unit.id] = []
        upstream = [self._units[id_] for id_ in unit.node.upstream]
        waiting = [one for one in upstream if not one.state.has_outputs]
        self._missing[unit.id] = len(waiting)
        for one in waiting:
            self._downstream[one.id].append(unit.id)
        if not waiting:
            self.let(unit)

    def forget(self, steps: Collection[str]) -> None:
        """Let these not start: they have ended already."""
        self.ready = deque(unit for unit in self.ready if unit.id not in steps)

    def ended_well(self, unit: Unit) -> None:
        """Let those start that waited for this one last."""
        for step in self._downstream.get(unit.id, ()) if unit.parent is None else ():
            self._missing[step] -= 1
            if not self._missing[step]:
                self.let(self._units[step])

    def add_items(self, fan_out: Unit) -> None:
        """Let the items of a fan-out start, as many at a time as it allows."""
        limit = fan_out.node.fan_out.concurrency if fan_out.node.fan_out else None
        first = fan_out.children if limit is None else fan_out.children[:limit]
        self.let(*first)
        fan_out.waiting.extend(fan_out.children[len(first) :])

    def item_ended(self, item: Unit, fan_out: Unit) -> None:
        """Let the next item that was held back start; unless this one was held back itself."""
        if item.stopped and item in fan_out.waiting:
            fan_out.waiting.remove(item)
        elif fan_out.waiting:
            self.let(fan_out.waiting.popleft())
