"""Signs of life of attempts that are executed apart, and what becomes of those that give none.

A step that its runner executes is as silent as its run.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from meshkit.session import Session
from workspace.operations import step_launches as operations
from workspace.operations.liveness import Patience
from workspace.operations.moves import Moves
from workspace.operations.step_attempts import is_over
from workspace.store import runs as run_store
from workspace.store import step_launches as store
from workspace.store import steps as step_store
from workspace.store.schema import Run, Step
from workspace.store.schema_step_launches import StepLaunch


def note_alive(session: Session, alive: Sequence[tuple[store.Key, int]]) -> None:
    """Writes signs of life down: (step's uid, attempt) and how many milliseconds ago each came."""
    store.touch(session, alive)
    silent = step_store.silent(session, [uid for (uid, _), _ in alive])
    runs = run_store.lock_many(session, [(step.project, step.run) for step in silent])
    moves = Moves(session)
    for step in silent:
        run = runs.get((step.project, step.run))
        current = step_store.get(session, step.run_uid, step.id) if run else None
        if current:
            moves.hear_step(current)
    moves.save()


def silent(session: Session, patience: Patience, now_ms: int) -> list[StepLaunch]:
    """As that of runs."""
    since_ms = now_ms - patience.silence // timedelta(milliseconds=1)
    found = store.silent(session, since_ms)
    return [row for row, step, run in found if _is_due(row, step, run, patience, now_ms)]


def judge(session: Session, rows: Sequence[StepLaunch], patience: Patience, now_ms: int) -> int:
    """As that of runs."""
    run_store.lock_many(session, [(row.project, row.run) for row in rows])
    return sum(_judge(session, row, patience, now_ms) for row in rows)


def _is_due(row: StepLaunch, step: Step, run: Run, patience: Patience, now_ms: int) -> bool:
    # What was never heard is its manager's to judge, by its workload.
    is_heard = bool(row.reporter and row.heartbeat_ms)
    return is_heard and not is_over(row, step, run) and _silence(row, now_ms) >= patience.silence


def _judge(session: Session, launch: StepLaunch, patience: Patience, now_ms: int) -> int:
    # It may have spoken between the look and the lock.
    found = operations.held(session, launch)
    if found is None or not _is_due(*found, patience, now_ms):
        return 0
    row, step, run = found
    if patience.may_end and _silence(row, now_ms) >= patience.lease:
        operations.fell_silent(session, row, step, run, patience.lease)
        return 1
    if not patience.may_flag or step.unresponsive_since:
        return 0
    step.unresponsive_since = datetime.fromtimestamp(row.heartbeat_ms / 1000, UTC)
    moves = Moves(session)
    moves.change_step(step, "unresponsive")
    moves.save()
    return 1


def _silence(row: StepLaunch, now_ms: int) -> timedelta:
    return timedelta(milliseconds=now_ms - row.heartbeat_ms)
