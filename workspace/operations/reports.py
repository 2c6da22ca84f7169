"""What reporters say of runs and steps, applied for many reporters at once.

A subject (a run or a step) keeps the newest sequence about it: an equal one is a duplicate, a
lower one stale. Nothing is ever undone; what comes after the end is kept beside it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from meshkit.errors import MeshError
from meshkit.ids import new_uid
from meshkit.session import Session
from workspace import names
from workspace.lifecycle import (
    RUN_EDGES,
    RUN_TERMINAL,
    STEP_EDGES,
    STEP_TERMINAL,
    RunState,
    StepState,
    before_attempt,
    may_move,
)
from workspace.operations.moves import Moves
from workspace.operations.refusals import absent, fenced, illegal
from workspace.operations.run_values import RunValues, too_much
from workspace.operations.wishes import Wishes, wishes
from workspace.store import artifacts as artifact_store
from workspace.store import runs as run_store
from workspace.store import steps as step_store
from workspace.store.base import insert
from workspace.store.schema import LateReport, Run, Step
from workspace.store.schema_artifacts import CacheUse, LineageEdge

APPLIED, DUPLICATE, STALE, RECORDED, REJECTED = (
    "APPLIED",
    "DUPLICATE",
    "STALE",
    "RECORDED",
    "REJECTED",
)


@dataclass(frozen=True, slots=True)
class RunReport:
    """A run's new state."""

    state: RunState
    reason: str = ""
    failure: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class StepReport:
    """A step's new state; `inputs` and `outputs` name artifact versions."""

    step_id: str
    attempt: int
    state: StepState
    reason: str = ""
    failure: dict[str, Any] | None = None
    log_stream: str = ""
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    cache_key: str = ""
    cache_key_parts: dict[str, str] = field(default_factory=dict)
    cached_from: str = ""
    cache_reason: str = ""
    host: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """One thing that happened; `time` is None where the reporter gave none."""

    sequence: int
    subject: RunReport | StepReport
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What one reporter says of one run. `attempt` is that of its run token, 0 without one."""

    project: str
    run: str
    reporter: UUID
    reports: Sequence[Report]
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a report."""

    sequence: int
    outcome: str
    error: MeshError | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a batch, and what the runner should do about the run."""

    outcomes: list[Outcome]
    acked_sequence: int
    wishes: Wishes


def apply(session: Session, batches: list[Batch]) -> list[Applied | MeshError]:
    """Applies batches in the order of their callers; grouped by the write door."""
    work = _Work(session, batches)
    results = [work.apply(item, batch) for item, batch in enumerate(batches)]
    work.save()
    return results


def admit(run: Run, reporter: UUID, attempt: int) -> MeshError | None:
    """Lets the first reporter of a run attempt in, and no other."""
    if attempt not in (0, run.attempt) or run.reporter not in (None, reporter):
        return fenced(run.name)
    run.reporter = reporter
    return None


class _Work:
    """All batches of one transaction: what they need is read at once, and written at once."""

    def __init__(self, session: Session, batches: list[Batch]) -> None:
        self._session = session
        self._moves = Moves(session)
        self._values = RunValues(session, self._moves)
        self._late: list[LateReport] = []
        self._edges: list[LineageEdge] = []
        self._reuses: list[CacheUse] = []
        keys = ((batch.project, batch.run) for batch in batches)
        self._runs = run_store.lock_many(session, keys)
        self._steps = self._read_steps(batches)
        self._versions = self._read_versions(batches)

    def apply(self, item: int, batch: Batch) -> Applied | MeshError:
        run = self._runs.get((batch.project, batch.run))
        if run is None:
            return absent(names.run(batch.project, batch.run))
        refusal = admit(run, batch.reporter, batch.attempt)
        if refusal:
            return refusal
        self._moves.hear_run(run, item=item)
        outcomes = [self._one(run, report, item) for report in batch.reports]
        _acknowledge(run, batch.reports)
        self._moves.note_run(run)
        return Applied(outcomes, run.acked_sequence, wishes(run))

    def save(self) -> None:
        self._moves.save()
        self._values.save()
        artifact_store.add_edges(self._session, self._edges)
        artifact_store.add_cache_uses(self._session, self._reuses)
        insert(self._session, self._late)

    def _one(self, run: Run, report: Report, item: int) -> Outcome:
        subject = report.subject
        if isinstance(subject, RunReport):
            result = self._run(run, report, subject, item)
        else:
            result = self._step(run, report, subject, item)
        if isinstance(result, MeshError):
            return Outcome(report.sequence, REJECTED, result)
        return Outcome(report.sequence, result)

    def _run(self, run: Run, report: Report, said: RunReport, item: int) -> str | MeshError:
        if report.sequence <= run.last_sequence:
            return DUPLICATE if report.sequence == run.last_sequence else STALE
        if run.state in RUN_TERMINAL:
            run.last_sequence = report.sequence
            return self._record(run, run.name, report)
        current = RunState(run.state)
        # Its last step ended before the runner heard that it should pause.
        is_through = current is RunState.PAUSED and said.state in RUN_TERMINAL
        if is_through and not may_move(RUN_EDGES, current, said.state):
            self._moves.move_run(run, RunState.RUNNING, reason="Its steps have ended.", item=item)
            current = RunState.RUNNING
        if not may_move(RUN_EDGES, current, said.state):
            return illegal(run.name, current, said.state)
        run.last_sequence = report.sequence
        if said.state in RUN_TERMINAL:
            self._end(run, report, said, item)
        elif said.state is not current:
            time = report.time or self._session.now
            self._moves.move_run(run, said.state, reason=said.reason, time=time, item=item)
        return APPLIED

    def _end(self, run: Run, report: Report, said: RunReport, item: int) -> None:
        steps = sorted(
            (step for (uid, _), step in self._steps.items() if uid == run.uid),
            key=lambda step: step.ordinal,
        )
        self._moves.end_run(
            run,
            said.state,
            steps,
            reason=said.reason,
            failure=said.failure,
            time=report.time,
            item=item,
        )

    def _step(self, run: Run, report: Report, said: StepReport, item: int) -> str | MeshError:
        step = self._steps.get((run.uid, said.step_id))
        if step is None:
            return absent(names.step(run.project, run.id, said.step_id))
        if report.sequence <= step.last_sequence:
            return DUPLICATE if report.sequence == step.last_sequence else STALE
        is_over = step.state in STEP_TERMINAL or run.state in RUN_TERMINAL
        if is_over or 0 < said.attempt < step.attempt_count:
            step.last_sequence = report.sequence
            self._moves.note_step(step)
            return self._record(run, step.name, report) if is_over else STALE
        said = _as_it_counts(step, said)
        refusal = self._refusal(run, step, said)
        if refusal:
            return refusal
        step.last_sequence = report.sequence
        self._advance(run, step, report, said, item)
        return APPLIED

    def _refusal(self, run: Run, step: Step, said: StepReport) -> MeshError | None:
        current = _as_its_runner_sees_it(step)
        origin = before_attempt(current) if 0 < step.attempt_count < said.attempt else current
        if not may_move(STEP_EDGES, origin, said.state):
            return illegal(step.name, current, said.state)
        mentioned = (*said.inputs.values(), *said.outputs.values())
        for name in mentioned:
            if (run.project, *names.version_key(name)) not in self._versions:
                return absent(name)
        others = filter(None, (said.log_stream, said.cached_from))
        if outside := names.outside(run.project, (*mentioned, *others)):
            return absent(outside)
        return too_much(step.name, step.metadata, said.metadata)

    def _advance(self, run: Run, step: Step, report: Report, said: StepReport, item: int) -> None:
        time = report.time or self._session.now
        moves = self._moves
        if said.attempt > step.attempt_count:
            self._next_attempt(run, step, said, time, item)
        if said.log_stream:
            step.log_stream = said.log_stream
            moves.change_step(step, "log_stream", item=item)
        changed = self._take_data(run, step, said)
        if "metadata" in changed:
            self._values.log(run, step, said.metadata, item=item)
        if changed:
            moves.change_step(step, *changed, item=item)
        if _as_its_runner_sees_it(step) != step.state and said.state is not StepState.RUNNING:
            moves.move_step(run, step, StepState.RUNNING, time=time, item=item)
        if said.state.value != step.state:
            moves.move_step(
                run,
                step,
                said.state,
                reason=said.reason,
                failure=said.failure,
                time=time,
                item=item,
            )
        elif not changed:
            moves.note_step(step)
        if said.attempt:
            moves.attempt(step, said.attempt, host=said.host, time=time)

    def _next_attempt(
        self, run: Run, step: Step, said: StepReport, time: datetime, item: int
    ) -> None:
        """Begins an attempt; the one before is over, whether or not that was said."""
        current = StepState(step.state)
        if step.attempt_count and before_attempt(current) is not current:
            reason = f"Attempt {said.attempt} began."
            self._moves.move_step(
                run, step, StepState.RETRYING, reason=reason, time=time, item=item
            )
            self._moves.attempt(step, step.attempt_count, time=time)
        step.attempt_count = said.attempt
        step.workload = step.attempt_outcome = ""
        self._moves.change_step(step, "attempt_count", item=item)

    def _take_data(self, run: Run, step: Step, said: StepReport) -> list[str]:
        """Takes over what the report says beside the state; answers the fields that changed."""
        changed = []
        for name in ("inputs", "outputs", "metadata"):
            new = getattr(said, name)
            known = getattr(step, name)
            if new and not new.items() <= known.items():
                setattr(step, name, {**known, **new})
                changed.append(name)
        for name in ("cache_key", "cached_from", "cache_reason"):
            new = getattr(said, name)
            if new and new != getattr(step, name):
                setattr(step, name, new)
                changed.append(name)
        if said.cache_key_parts:
            step.cache_key_parts = said.cache_key_parts
            changed.append("cache_key")
        self._edges += self._lineage(run, step, said)
        return changed

    def _lineage(self, run: Run, step: Step, said: StepReport) -> Iterator[LineageEdge]:
        for slot, name in said.inputs.items():
            yield LineageEdge(step.uid, False, slot, self._version(run, name))
        # A cached step takes over what another one made: it made nothing itself.
        if said.state is StepState.CACHED:
            versions = {self._version(run, name) for name in said.outputs.values()}
            self._reuses += [CacheUse(step.uid, version) for version in versions]
            return
        for slot, name in said.outputs.items():
            yield LineageEdge(step.uid, True, slot, self._version(run, name))

    def _version(self, run: Run, name: str) -> UUID:
        return self._versions[(run.project, *names.version_key(name))]

    def _record(self, run: Run, subject: str, report: Report) -> str:
        """Keeps a report that came after the end."""
        said = report.subject
        content: dict[str, Any] = {"state": said.state.value, "reason": said.reason}
        if said.failure:
            content["failure"] = said.failure
        if isinstance(said, StepReport):
            content |= {name: getattr(said, name) for name in ("attempt", "outputs", "metadata")}
        assert run.reporter is not None
        time = report.time or self._session.now
        late = LateReport(new_uid(), run.uid, run.reporter, report.sequence, time, subject, content)
        self._late.append(late)
        return RECORDED

    def _read_steps(self, batches: Iterable[Batch]) -> dict[tuple[UUID, str], Step]:
        reported, ending = dict[tuple[UUID, str], None](), dict[UUID, None]()
        for batch in batches:
            run = self._runs.get((batch.project, batch.run))
            for report in batch.reports if run else ():
                assert run is not None
                if isinstance(report.subject, StepReport):
                    reported[run.uid, report.subject.step_id] = None
                elif report.subject.state in RUN_TERMINAL:
                    ending[run.uid] = None
        found: list[Step] = []
        if ending:
            found += step_store.unsettled(self._session, list(ending))
        if reported:
            found += step_store.some(self._session, reported)
        # The later one of two copies of a step goes: one step is one object.
        steps: dict[tuple[UUID, str], Step] = {}
        for step in found:
            steps.setdefault((step.run_uid, step.id), step)
        return steps

    def _read_versions(self, batches: Iterable[Batch]) -> dict[tuple[str, str, int], UUID]:
        wanted: dict[str, set[tuple[str, int]]] = {}
        for batch in batches:
            prefix = f"projects/{batch.project}/"
            for report in batch.reports:
                said = report.subject
                if isinstance(said, StepReport) and (said.inputs or said.outputs):
                    mentioned = (*said.inputs.values(), *said.outputs.values())
                    own = {names.version_key(name) for name in mentioned if name.startswith(prefix)}
                    wanted.setdefault(batch.project, set()).update(own)
        return {
            (project, *key): uid
            for project, keys in wanted.items()
            for key, uid in artifact_store.uids(self._session, project, keys).items()
        }


def _as_its_runner_sees_it(step: Step) -> StepState:
    """A step that waits for people is PAUSED here; to its runner it simply runs."""
    current = StepState(step.state)
    return StepState.RUNNING if current is StepState.PAUSED else current


def _as_it_counts(step: Step, said: StepReport) -> StepReport:
    """What is said of a step that somebody stops: until it ends it is STOPPING.

    Its runner may not have heard yet, and begin another attempt meanwhile.
    """
    if step.state == StepState.STOPPING and step.stop_request and said.state not in STEP_TERMINAL:
        return replace(said, state=StepState.STOPPING, reason=step.state_reason)
    return said


def _acknowledge(run: Run, reports: Iterable[Report]) -> None:
    """Moves the mark up to which all reports have come."""
    for sequence in sorted(report.sequence for report in reports):
        if sequence == run.acked_sequence + 1:
            run.acked_sequence = sequence
