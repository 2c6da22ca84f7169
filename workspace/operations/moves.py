"""Changes of runs and their steps within one operation: collected, then written set-wise.

Whoever uses it holds the runs (`store.runs.lock...`), and so their steps too. Rows are changed
in place, their maps and lists only by new ones: an event may still show the old.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from meshkit.feed import ChangeKind, Transition
from meshkit.session import Session
from workspace.lifecycle import RUN_TERMINAL, STEP_TERMINAL, RunState, StepState, settled
from workspace.store import conditions as condition_store
from workspace.store import runs as run_store
from workspace.store import statistics
from workspace.store import steps as step_store
from workspace.store.base import update
from workspace.store.schema import Run, Step, StepAttempt
from workspace.store.schema_conditions import ConditionState, RunCondition
from workspace.tally import Tally

R = TypeVar("R", Run, Step)
Failure = dict[str, Any]

# What every report moves. The rest changes seldom, and the state stands in many indexes.
_RUN_PROGRESS = (
    "step_counts",
    "unresponsive_since",
    "reporter",
    "acked_sequence",
    "last_sequence",
    "changes",
    "update_time",
)
_RUN_COLUMNS = (
    *_RUN_PROGRESS,
    "state",
    "state_reason",
    "failure",
    "start_time",
    "end_time",
    "stop_request",
    "pause_request",
    "step_stops",
    "open_condition_count",
    "metadata",
    "manager",
)
_STEP_COLUMNS = (
    "state",
    "state_reason",
    "failure",
    "attempt_count",
    "last_sequence",
    "start_time",
    "end_time",
    "log_stream",
    "workload",
    "attempt_outcome",
    "unresponsive_since",
    "update_time",
)
# Most reports say nothing about these, and they can be long.
STEP_DATA = (
    "cache_key",
    "cached_from",
    "cache_reason",
    "inputs",
    "outputs",
    "metadata",
    "cache_key_parts",
    "stop_request",
)


@dataclass(slots=True)
class _Pending:
    """An event that has not been emitted: later changes of the row may still join it."""

    row: Run | Step
    item: int
    fields: set[str] = field(default_factory=set)
    transition: Transition | None = None


class Moves:
    """Collects changes; nothing is in the database before `save`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._runs: dict[UUID, Run] = {}
        self._moved_runs: set[UUID] = set()
        self._steps: dict[UUID, Step] = {}
        self._with_data: set[UUID] = set()
        self._versioned: set[UUID] = set()
        self._events: dict[UUID, _Pending] = {}
        self._attempts: dict[tuple[UUID, int], StepAttempt] = {}
        self._counters: dict[tuple[str, str], int] = defaultdict(int)
        self._tally = Tally()
        self._without_answer: list[UUID] = []

    def note_run(self, run: Run) -> None:
        """The run's columns changed in a way that nobody outside sees."""
        self._runs[run.uid] = run

    def note_step(self, step: Step) -> None:
        """As `note_run`."""
        self._steps[step.uid] = step

    def change_run(self, run: Run, *fields: str, item: int = 0) -> None:
        """Fields of the run changed visibly."""
        if run.uid not in self._versioned:
            self._versioned.add(run.uid)
            run.changes += 1
            run.update_time = self._session.now
        self._pend(run, item).fields.update(fields)
        self.note_run(run)
        if not _PROGRESS.issuperset(fields):
            self._moved_runs.add(run.uid)

    def change_step(self, step: Step, *fields: str, item: int = 0) -> None:
        """Fields of the step changed visibly."""
        step.update_time = self._session.now
        self._pend(step, item).fields.update(fields)
        self.note_step(step)
        if not fields or not _PLAIN.issuperset(fields):
            self._with_data.add(step.uid)

    def hear_run(self, run: Run, *, item: int = 0) -> None:
        """A sign of life: a run that was shown as silent is so no more."""
        if run.unresponsive_since:
            run.unresponsive_since = None
            self.change_run(run, "unresponsive", item=item)

    def hear_step(self, step: Step, *, item: int = 0) -> None:
        """A sign of life: a step that was shown as silent is so no more."""
        if step.unresponsive_since:
            step.unresponsive_since = None
            self.change_step(step, "unresponsive", item=item)

    def move_run(
        self,
        run: Run,
        state: RunState,
        *,
        reason: str = "",
        failure: Failure | None = None,
        time: datetime | None = None,
        item: int = 0,
    ) -> None:
        """Puts the run into a state; whether it may go there has been decided."""
        time = time or self._session.now
        self._transit(run, state, reason, item)
        self._counters[run.project, run.state] -= 1
        self._counters[run.project, state.value] += 1
        run.state, run.state_reason = state.value, reason
        run.failure = failure or run.failure
        if state is RunState.RUNNING and run.start_time is None:
            run.start_time = time
            self._tally.run_started(run)
        if state is not RunState.PAUSED:
            run.pause_request = None
        if state in RUN_TERMINAL:
            run.end_time = time
            self.hear_run(run, item=item)
            self._tally.run_ended(run)
            self._end_conditions(run)
        self.change_run(run, "state", item=item)

    def move_step(
        self,
        run: Run,
        step: Step,
        state: StepState,
        *,
        reason: str = "",
        failure: Failure | None = None,
        time: datetime | None = None,
        item: int = 0,
    ) -> None:
        """Puts a step into a state, and counts it in its run."""
        time = time or self._session.now
        self._transit(step, state, reason, item)
        counts = {**run.step_counts, state.value: run.step_counts.get(state.value, 0) + 1}
        counts[step.state] = counts.get(step.state, 0) - 1
        run.step_counts = {name: count for name, count in counts.items() if count > 0}
        self.change_run(run, "step_counts", item=item)
        step.state, step.state_reason = state.value, reason
        self.hear_step(step, item=item)
        step.failure = failure or (step.failure if state in STEP_TERMINAL else None)
        if state is StepState.RUNNING and step.start_time is None:
            step.start_time = time
        if state in STEP_TERMINAL:
            step.end_time = time
            self._tally.step_ended(step)
            if step.id in run.step_stops:
                self.wish_stops(run, {i: w for i, w in run.step_stops.items() if i != step.id})
        self.change_step(step, "state", item=item)

    def wish_stops(self, run: Run, wishes: dict[str, Any]) -> None:
        """Sets which steps of a run its runner is to stop; only the runner sees this."""
        run.step_stops = wishes
        self.note_run(run)
        self._moved_runs.add(run.uid)

    def attempt(self, step: Step, number: int, *, host: str = "", time: datetime) -> None:
        """Writes down where an attempt at the step stands: where the step stands now."""
        ended = step.state in STEP_TERMINAL or step.state == StepState.RETRYING
        known = self._attempts.get((step.uid, number))
        self._attempts[step.uid, number] = StepAttempt(
            step_uid=step.uid,
            number=number,
            state=step.state,
            failure=step.failure,
            host=host or (known.host if known else ""),
            log_stream=step.log_stream,
            start_time=known.start_time if known else time,
            end_time=time if ended else None,
        )

    def end_run(
        self,
        run: Run,
        state: RunState,
        steps: Iterable[Step],
        *,
        reason: str = "",
        failure: Failure | None = None,
        time: datetime | None = None,
        item: int = 0,
    ) -> None:
        """Ends a run, and with it every step that has not ended."""
        steps = list(steps)
        if state is RunState.FAILED:
            failure = _failure_of_run(steps, failure, reason)
        for step in steps:
            now = time or self._session.now
            self._settle(run, step, state, failure=failure, time=now, item=item)
        self.move_run(run, state, reason=reason, failure=failure, time=time, item=item)

    def save(self) -> None:
        """Writes everything down and emits the events, steps before their runs."""
        session = self._session
        plain = [step for uid, step in self._steps.items() if uid not in self._with_data]
        update(session, plain, _STEP_COLUMNS)
        update(session, [self._steps[uid] for uid in self._with_data], _STEP_COLUMNS + STEP_DATA)
        progressed = [run for uid, run in self._runs.items() if uid not in self._moved_runs]
        update(session, progressed, _RUN_PROGRESS)
        update(session, [self._runs[uid] for uid in self._moved_runs], _RUN_COLUMNS)
        step_store.save_attempts(session, list(self._attempts.values()))
        self._cancel_conditions()
        run_store.count(session, self._counters)
        statistics.add(session, self._tally)
        for event in sorted(self._events.values(), key=_steps_first):
            self._emit(event)

    def _settle(
        self,
        run: Run,
        step: Step,
        end: RunState,
        *,
        failure: Failure | None,
        time: datetime,
        item: int,
    ) -> None:
        state = settled(StepState(step.state), end, step.attempt_outcome)
        if state.value == step.state:
            return
        is_failed = state is StepState.FAILED
        reason = f"The run ended {end.value} before this step was reported to have ended."
        self.move_step(
            run,
            step,
            state,
            reason=reason,
            failure=failure if is_failed else None,
            time=time,
            item=item,
        )
        if step.attempt_count:
            self.attempt(step, step.attempt_count, time=time)

    def _end_conditions(self, run: Run) -> None:
        """What a run that is over waited for is moot."""
        if run.open_condition_count:
            run.open_condition_count = 0
            self._without_answer.append(run.uid)

    def _cancel_conditions(self) -> None:
        if not self._without_answer:
            return
        rows = condition_store.open_of(self._session, self._without_answer)
        for row in rows:
            close_condition(self._session, row, ConditionState.CANCELLED)
        save_conditions(self._session, rows)

    def _transit(self, row: R, state: str, reason: str, item: int) -> None:
        """Notes the transition; one that waits already is emitted first, as things were then."""
        pending = self._pend(row, item)
        if pending.transition:
            self._emit(replace_row(pending))
            pending.fields = set()
        pending.transition = Transition(row.state, str(state), reason)
        pending.item = item

    def _pend(self, row: Run | Step, item: int) -> _Pending:
        pending = self._events.get(row.uid)
        if pending is None:
            pending = self._events[row.uid] = _Pending(row, item)
        return pending

    def _emit(self, event: _Pending) -> None:
        self._session.emit(
            ChangeKind.UPDATED,
            event.row,
            fields=tuple(sorted(event.fields)),
            transition=event.transition,
            item=event.item,
        )


def close_condition(session: Session, row: RunCondition, state: ConditionState) -> None:
    """Gives a condition its final state; `save_conditions` writes it down."""
    row.state = state.value
    row.resolve_time = row.update_time = session.now
    row.changes += 1
    transition = Transition(ConditionState.OPEN.value, row.state)
    session.emit(ChangeKind.UPDATED, row, fields=("state",), transition=transition)


def save_conditions(session: Session, rows: Sequence[RunCondition]) -> None:
    update(session, rows, _CONDITION_COLUMNS)


_CONDITION_COLUMNS = (
    "state",
    "resolver",
    "resolve_time",
    "answer",
    "comment",
    "changes",
    "update_time",
)
_PROGRESS = frozenset({"step_counts", "unresponsive"})
_PLAIN = frozenset(
    {
        "state",
        "failure",
        "log_stream",
        "attempt_count",
        "workload",
        "attempt_outcome",
        "unresponsive",
    }
)


def replace_row(pending: _Pending) -> _Pending:
    """The same event about a copy of its row, which no longer changes."""
    return _Pending(replace(pending.row), pending.item, pending.fields, pending.transition)


def _steps_first(event: _Pending) -> bool:
    return isinstance(event.row, Run)


def _failure_of_run(steps: Sequence[Step], failure: Failure | None, reason: str) -> Failure:
    """What a failed run says: its reporter's words, with the first step that failed."""
    step = next((step for step in steps if step.state == StepState.FAILED), None)
    if failure:
        code_of_step = failure.get("code") == "STEP_FAILED" and not failure.get("step")
        return {**failure, "step": step.id} if step and code_of_step else failure
    if step is None:
        message = reason or "The run was reported to have failed, without a word on why."
        return {"kind": "USER", "code": "RUN_FAILED", "message": message}
    own = step.failure or {}
    message = own.get("message") or step.state_reason or "no reason was given"
    return {
        **own,
        "kind": own.get("kind", "USER"),
        "code": "STEP_FAILED",
        "message": f"Step {step.id} failed: {message}"[:4096],
        "step": step.id,
    }
