"""What conditions mean: a step asks people, somebody answers, and the step goes on or fails."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from meshkit.errors import PermissionDenied
from meshkit.feed import ChangeKind
from meshkit.ids import new_uid
from meshkit.session import Session
from workspace import names
from workspace.lifecycle import RUN_TERMINAL, RunState, StepState
from workspace.operations import changes, parameters
from workspace.operations.moves import Moves, close_condition, save_conditions
from workspace.operations.refusals import absent, fenced, illegal, invalid, taken
from workspace.store import conditions as store
from workspace.store import runs as run_store
from workspace.store import steps as step_store
from workspace.store.base import insert
from workspace.store.schema import Run, Step
from workspace.store.schema_conditions import ConditionState, RunCondition

_AT_ONCE = 200
_MAX_REASON = 1024


@dataclass(frozen=True, slots=True)
class NewCondition:
    """A condition to make. `attempt` is that of the run token, 0 without one."""

    project: str
    run: str
    id: str
    question: str
    step: str = ""
    answer_schema: dict[str, Any] | None = None
    approvers: list[str] = field(default_factory=list)
    expire_time: datetime | None = None
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody says to a condition; `value` is wrapped, None where there is none."""

    is_approval: bool
    resolver: str
    value: dict[str, Any] | None = None
    comment: str = ""


def create(session: Session, new: NewCondition) -> RunCondition:
    """Asks; what was asked under this id before is answered as it stands."""
    run = _held_run(session, new.project, new.run)
    if new.attempt not in (0, run.attempt):
        raise fenced(run.name)
    known = store.in_run(session, run.uid, new.id)
    if known:
        if (known.question, known.step) != (new.question, new.step):
            raise taken(known.name)
        return known
    if run.state in RUN_TERMINAL:
        raise illegal(run.name, run.state, RunState.PAUSED)
    row = RunCondition(
        uid=new_uid(),
        run_uid=run.uid,
        project=run.project,
        run=run.id,
        id=new.id,
        question=new.question,
        step=new.step,
        create_time=session.now,
        update_time=session.now,
        answer_schema=new.answer_schema,
        approvers=new.approvers,
        expire_time=new.expire_time,
    )
    moves = Moves(session)
    _wait(session, moves, run, row)
    moves.save()
    insert(session, [row])
    session.emit(ChangeKind.CREATED, row)
    return row


def resolve(
    session: Session, project: str, run_id: str, condition: str, *, answer: Answer, etag: str
) -> RunCondition:
    """Answers a condition, once and for all."""
    run = _held_run(session, project, run_id)
    row = store.in_run(session, run.uid, condition)
    if row is None:
        raise absent(f"{run.name}/conditions/{condition}")
    changes.check_etag(row, etag)
    if row.approvers and answer.resolver not in row.approvers:
        raise PermissionDenied(
            "NOT_AN_APPROVER",
            "The condition names who may answer it, and you are not among them.",
            metadata={"resource": row.name},
        )
    state = ConditionState.APPROVED if answer.is_approval else ConditionState.DENIED
    is_late = row.expire_time is not None and session.now >= row.expire_time
    if row.state != ConditionState.OPEN or is_late:
        current = ConditionState.EXPIRED if row.state == ConditionState.OPEN else row.state
        raise illegal(row.name, current, state)
    _check_value(row, answer)
    row.resolver, row.answer, row.comment = answer.resolver, answer.value, answer.comment
    _close(session, run, row, state)
    session.audited(resource=row.name, fields=("state",))
    return row


def expire(session: Session) -> int:
    """Ends the conditions whose time has come; answers how many."""
    due = store.due(session, session.now, _AT_ONCE)
    runs = run_store.lock_many(session, {(row.project, row.run) for row in due})
    expired = 0
    for seen in due:
        run = runs.get((seen.project, seen.run))
        # It may have been answered between the look and the lock.
        row = store.in_run(session, run.uid, seen.id) if run else None
        if run and row and row.state == ConditionState.OPEN:
            _close(session, run, row, ConditionState.EXPIRED)
            expired += 1
    return expired


def cancel_of_step(session: Session, moves: Moves, run: Run, step: Step) -> None:
    """What a step asks is moot once somebody stops it; the caller saves the moves."""
    rows = [row for row in store.open_of(session, [run.uid]) if row.step == step.id]
    for row in rows:
        close_condition(session, row, ConditionState.CANCELLED)
    save_conditions(session, rows)
    _count_down(moves, run, len(rows))


def _check_value(row: RunCondition, answer: Answer) -> None:
    if not answer.is_approval:
        return
    if row.answer_schema is None:
        if answer.value is not None:
            raise invalid("answer", "is not asked for")
        return
    parameters.check_value(row.answer_schema, (answer.value or {}).get("value"), "answer")


def _held_run(session: Session, project: str, run: str) -> Run:
    row = run_store.lock(session, project, run)
    if row is None:
        raise absent(names.run(project, run))
    return row


def _wait(session: Session, moves: Moves, run: Run, row: RunCondition) -> None:
    """The run says what it waits for, and the step that does shows as PAUSED."""
    reason = f"Waits for an answer: {row.question}"[:_MAX_REASON]
    run.open_condition_count += 1
    run.state_reason = reason
    moves.change_run(run, "open_condition_count", "state_reason")
    if not row.step:
        return
    step = step_store.get(session, run.uid, row.step)
    if step is None:
        raise absent(names.step(run.project, run.id, row.step))
    if step.state == StepState.RUNNING:
        moves.move_step(run, step, StepState.PAUSED, reason=reason)


def _close(session: Session, run: Run, row: RunCondition, state: ConditionState) -> None:
    close_condition(session, row, state)
    save_conditions(session, [row])
    moves = Moves(session)
    _count_down(moves, run, 1)
    step = step_store.get(session, run.uid, row.step) if row.step else None
    if step and step.state == StepState.PAUSED:
        moves.move_step(run, step, StepState.RUNNING, reason=f"The answer: {state.lower()}.")
    moves.save()


def _count_down(moves: Moves, run: Run, count: int) -> None:
    """The run waits for fewer answers."""
    run.open_condition_count = max(0, run.open_condition_count - count)
    if not run.open_condition_count and run.state == RunState.RUNNING:
        run.state_reason = ""
    moves.change_run(run, "open_condition_count", "state_reason")
