"""What it means that an attempt at a step is executed apart, in a workload of its own.

The runner of the run alone moves its steps; an attempt that is executed apart leaves outputs and
its outcome at the step, which the runner hears of by the watch of its run.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from meshkit.errors import FailedPrecondition, PermissionDenied
from meshkit.session import Session
from workspace import names
from workspace.lifecycle import RUN_TERMINAL, STEP_TERMINAL, StepState
from workspace.operations.moves import Moves
from workspace.operations.refusals import absent, fenced, illegal, taken
from workspace.operations.run_values import RunValues, merged
from workspace.store import artifacts as artifact_store
from workspace.store import runs as run_store
from workspace.store import stacks as stack_store
from workspace.store import step_launches as store
from workspace.store import steps as step_store
from workspace.store.base import insert
from workspace.store.schema import Run, Step
from workspace.store.schema_artifacts import LineageEdge
from workspace.store.schema_step_launches import StepLaunch
from workspace.store.stacks import Resolved

# How an attempt ends; RETRYING says that it failed and that another one may help.
OUTCOMES = frozenset({StepState.SUCCEEDED, StepState.FAILED, StepState.RETRYING, StepState.STOPPED})


@dataclass(frozen=True, slots=True)
class AttemptKey:
    """An attempt as names and tokens say it; `run_attempt` is that of the token, 0 without one."""

    project: str
    run: str
    step: str
    number: int
    run_attempt: int = 0

    @property
    def name(self) -> str:
        return names.attempt(names.step(self.project, self.run, self.step), self.number)


@dataclass(frozen=True, slots=True)
class Claimed:
    """What the process of an attempt is told."""

    launch: StepLaunch
    run: Run
    step: Step
    stack: Resolved | None


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended; `outputs` name artifact versions."""

    outcome: StepState
    failure: dict[str, Any] | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)


def launch(
    session: Session,
    key: AttemptKey,
    *,
    arguments: str,
    resources: dict[str, Any],
    pod: dict[str, Any] | None,
    patience: timedelta | None = None,
) -> StepLaunch:
    """Writes down that an attempt is to be executed apart; once, however often it is asked for.

    `patience` is how long it may wait for a process that takes it up; None for no limit of its own.
    """
    run, step = _held(session, key)
    if run.workload and not key.run_attempt:
        raise PermissionDenied(
            "NOT_THE_RUNNER", "The runner of the run alone has its steps executed apart."
        )
    known = store.get(session, step.uid, key.number)
    if known:
        before = (known.arguments, known.resources, known.pod)
        if known.state != "ENDED" and before != (arguments, resources, pod):
            raise taken(key.name)
        return known
    is_now = step.state == StepState.PROVISIONING and step.attempt_count == key.number
    if run.state in RUN_TERMINAL or not is_now:
        raise illegal(step.name, step.state, StepState.PROVISIONING)
    _require_code(run)
    row = StepLaunch(
        step_uid=step.uid,
        attempt=key.number,
        run_uid=run.uid,
        project=run.project,
        run=run.id,
        step=step.id,
        # Follows from the attempt: submitting it again finds the same one.
        workload=f"step-{step.uid.hex}-{key.number}",
        arguments=arguments,
        resources=resources,
        # Beside its runner, which can see it there.
        manager=run.manager,
        pod=pod,
        queue_until=session.now + patience if patience else None,
    )
    insert(session, [row])
    step.workload, step.attempt_outcome = row.workload, ""
    moves = Moves(session)
    moves.change_step(step, "workload")
    moves.save()
    return row


def claim(
    session: Session, key: AttemptKey, *, reporter: UUID, host: str, log_stream: str
) -> Claimed:
    """Lets the first process of an attempt in; Aborted `ATTEMPT_FENCED` for any other."""
    run, step, row = _admitted(session, key, reporter)
    if names.outside(run.project, [log_stream] if log_stream else []):
        raise absent(log_stream)
    if row.reporter is None:
        row.reporter, row.start_by = reporter, None
        store.save(session, row)
    moves = Moves(session)
    if log_stream and log_stream != step.log_stream:
        step.log_stream = log_stream
        moves.change_step(step, "log_stream")
    if step.state == StepState.PROVISIONING:
        moves.move_step(run, step, StepState.RUNNING)
    moves.attempt(step, key.number, host=host, time=session.now)
    moves.save()
    stack = stack_store.resolved(session, run.stack) if run.stack else None
    return Claimed(row, run, step, stack)


def hear(session: Session, key: AttemptKey, reporter: UUID) -> tuple[Run, Step]:
    """The run and the step of an attempt that still counts; Aborted for everybody else."""
    run = run_store.get(session, key.project, key.run)
    step = step_store.get(session, run.uid, key.step) if run else None
    row = store.get(session, step.uid, key.number) if step else None
    if run is None or step is None or row is None:
        raise absent(key.name)
    if row.reporter != reporter or is_over(row, step, run):
        raise fenced(key.name)
    return run, step


def complete(session: Session, key: AttemptKey, reporter: UUID, ending: Ending) -> StepLaunch:
    """Takes down how an attempt ended; the first word counts."""
    run, step, row = _admitted(session, key, reporter, is_ended_welcome=True)
    if row.reporter is None:
        raise fenced(key.name)
    if row.outcome:
        return row
    versions = _versions(session, run, ending.outputs)
    row.outcome, row.over_time = ending.outcome.value, session.now
    store.save(session, row)
    step.outputs = {**step.outputs, **ending.outputs}
    step.metadata = merged(step.name, step.metadata, ending.metadata)
    artifact_store.add_edges(
        session, [LineageEdge(step.uid, True, slot, uid) for slot, uid in versions.items()]
    )
    moves = Moves(session)
    of_run = RunValues(session, moves)
    of_run.log(run, step, dict(ending.metadata))
    _show(moves, step, ending.outcome, ending.failure)
    of_run.save()
    return row


def show(session: Session, step: Step, outcome: StepState, failure: dict[str, Any] | None) -> None:
    """Shows at the step how its newest attempt ended, for its runner to hear."""
    _show(Moves(session), step, outcome, failure)


def _show(moves: Moves, step: Step, outcome: StepState, failure: dict[str, Any] | None) -> None:
    step.attempt_outcome, step.failure = outcome.value, failure
    moves.hear_step(step)
    moves.change_step(step, "attempt_outcome", "failure", "outputs", "metadata")
    moves.save()


def is_over(row: StepLaunch, step: Step, run: Run) -> bool:
    """Whether nobody waits for an attempt any more."""
    is_past = step.attempt_count != row.attempt or step.state == StepState.RETRYING
    is_ended = step.state in STEP_TERMINAL or run.state in RUN_TERMINAL
    return bool(row.outcome) or is_past or is_ended


def _held(session: Session, key: AttemptKey) -> tuple[Run, Step]:
    run = run_store.lock(session, key.project, key.run)
    step = step_store.get(session, run.uid, key.step) if run else None
    if run is None or step is None:
        raise absent(names.step(key.project, key.run, key.step))
    if key.run_attempt not in (0, run.attempt):
        raise fenced(run.name)
    return run, step


def _admitted(
    session: Session, key: AttemptKey, reporter: UUID, *, is_ended_welcome: bool = False
) -> tuple[Run, Step, StepLaunch]:
    run, step = _held(session, key)
    row = store.get(session, step.uid, key.number)
    if row is None:
        raise absent(key.name)
    # Whoever repeats what it said last, because the answer was lost, is answered.
    is_repeated = is_ended_welcome and row.reporter == reporter and bool(row.outcome)
    is_other = row.reporter not in (None, reporter)
    if is_other or (is_over(row, step, run) and not is_repeated):
        raise fenced(key.name)
    return run, step, row


def _require_code(run: Run) -> None:
    if not run.snapshot:
        raise FailedPrecondition(
            "SNAPSHOT_WITHOUT_CODE",
            "The run has no snapshot: only its maker has the code of its steps.",
            metadata={"resource": run.name},
        )


def _versions(session: Session, run: Run, outputs: Mapping[str, str]) -> dict[str, UUID]:
    outside = names.outside(run.project, outputs.values())
    if outside:
        raise absent(outside)
    keys = {slot: names.version_key(name) for slot, name in outputs.items()}
    known = artifact_store.uids(session, run.project, set(keys.values()))
    for slot, key in keys.items():
        if key not in known:
            raise absent(outputs[slot])
    return {slot: known[key] for slot, key in keys.items()}
