"""What a workload manager says of the workloads of runs, and what that means for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from meshkit.session import Session
from workspace.lifecycle import RUN_TERMINAL, RunState
from workspace.operations.moves import Moves
from workspace.store import launches as store
from workspace.store import runs as run_store
from workspace.store import steps as step_store
from workspace.store.schema import Launch, Run
from workspace.store.schema_step_launches import StepLaunch

QUEUED, INTENDED, SUBMITTED = "QUEUED", "INTENDED", "SUBMITTED"
CANCELLING, ENDED = "CANCELLING", "ENDED"


@dataclass(frozen=True, slots=True)
class Observed:
    """A workload as its manager sees it; `outcome` is empty until it has ended.

    `outcome` is SUCCEEDED, FAILED, CANCELLED or LOST, `words` are the engine's own, `code` says
    to programs what failed, `last_words` is the end of what the workload itself wrote. By
    `start_by` its runner must have spoken; None where its manager has no place for it yet. It
    counts only of the `manager` (its uid) that has the launch.
    """

    workload: str
    outcome: str = ""
    words: str = ""
    code: str = "WORKLOAD_FAILED"
    last_words: str = ""
    start_by: datetime | None = None
    manager: str = ""


def place(session: Session, launches: Sequence[Launch | StepLaunch], manager: str) -> None:
    """Writes down which manager (its uid) has launches, or is to get them."""
    for launch in launches:
        if isinstance(launch, Launch) and launch.state != INTENDED:
            _show_manager(session, launch, manager)
    store.place(session, launches, manager)


def submitted(session: Session, launch: Launch, start_by: datetime) -> None:
    """The manager has the workload."""
    run = run_store.lock(session, launch.project, launch.run)
    current = store.get(session, launch.run_uid)
    if run is None or current is None or current.state != INTENDED:
        return
    current.state, current.start_by = SUBMITTED, start_by
    store.save(session, current)
    moves = Moves(session)
    if run.state == RunState.PENDING:
        moves.move_run(run, RunState.PROVISIONING, reason="Its workload was submitted.")
    _name_manager(moves, run, current.manager)
    moves.save()


def delayed(session: Session, launch: Launch, words: str, give_up: datetime | None) -> None:
    """The manager cannot be asked now: nothing is wrong with the run, and it says why it waits.

    `give_up` is until when it is asked at most.
    """
    run = run_store.lock(session, launch.project, launch.run)
    current = store.get(session, launch.run_uid)
    if current and current.state == INTENDED and current.start_by != give_up:
        current.start_by = give_up
        store.save(session, current)
    if run and run.state == RunState.PENDING:
        _explain(session, run, words)


def never_started(session: Session, launch: Launch, patience: timedelta) -> None:
    """Nobody spoke for the run in all this time: it ends, with what its manager last said."""
    run = run_store.lock(session, launch.project, launch.run)
    if run is None or run.state in RUN_TERMINAL or run.reporter:
        return
    minutes = round(patience.total_seconds() / 60)
    message = f"Its runner did not start within {minutes} minutes. {run.state_reason}".strip()
    failure = {"kind": "INFRASTRUCTURE", "code": "NOT_STARTED", "message": message}
    moves = Moves(session)
    steps = step_store.unsettled(session, [run.uid])
    moves.end_run(run, RunState.FAILED, steps, reason=message, failure=failure)
    moves.save()


def refused(session: Session, launch: Launch, words: str) -> None:
    """The manager will not have the workload, now or later."""
    code = "WORKLOAD_REFUSED"
    _end(session, Observed(launch.workload, "FAILED", words, code, manager=launch.manager))


def cancelling(session: Session, launch: Launch) -> None:
    """The manager was told to cancel the workload."""
    current = store.get(session, launch.run_uid)
    if current and current.state in (INTENDED, SUBMITTED):
        current.state, current.cancel_time = CANCELLING, session.now
        store.save(session, current)


def observed(session: Session, seen: Observed) -> None:
    """The manager says where the workload stands."""
    if seen.outcome:
        _end(session, seen)
        return
    launch = store.by_workload(session, seen.workload, seen.manager)
    run = run_store.lock(session, launch.project, launch.run) if launch else None
    if launch is None or run is None:
        return
    if launch.state == SUBMITTED and bool(launch.start_by) != bool(seen.start_by):
        launch.start_by = seen.start_by
        store.save(session, launch)
    if run.state == RunState.PROVISIONING and seen.words:
        _explain(session, run, seen.words)


def _show_manager(session: Session, launch: Launch, manager: str) -> None:
    run = run_store.lock(session, launch.project, launch.run)
    if run:
        moves = Moves(session)
        _name_manager(moves, run, manager)
        moves.save()


def _name_manager(moves: Moves, run: Run, manager: str) -> None:
    if run.manager != manager:
        run.manager = manager
        moves.change_run(run, "workload_manager")


def _explain(session: Session, run: Run, words: str) -> None:
    if words == run.state_reason:
        return
    moves = Moves(session)
    run.state_reason = words
    moves.change_run(run, "state_reason")
    moves.save()


def _end(session: Session, seen: Observed) -> None:
    """Nothing executes the run any more: if it has not ended itself, it ends now."""
    launch = store.by_workload(session, seen.workload, seen.manager)
    if launch is None:
        return
    launch.state = ENDED
    store.save(session, launch)
    run = run_store.lock(session, launch.project, launch.run)
    if run is None or run.state in RUN_TERMINAL:
        return
    steps = step_store.unsettled(session, [run.uid])
    moves = Moves(session)
    if run.stop_request and seen.outcome in ("CANCELLED", "SUCCEEDED", "FAILED"):
        _through_stopping(moves, run)
        moves.end_run(run, RunState.STOPPED, steps, reason=seen.words)
    else:
        message = seen.words or f"Its workload ended {seen.outcome} before the run did."
        failure = {"kind": "INFRASTRUCTURE", "code": seen.code, "message": message}
        if seen.last_words:
            failure["traceback"] = seen.last_words
        moves.end_run(run, RunState.FAILED, steps, reason=message, failure=failure)
    moves.save()


def _through_stopping(moves: Moves, run: Run) -> None:
    if run.state not in (RunState.STOPPING, RunState.PENDING):
        moves.move_run(run, RunState.STOPPING, reason="Its workload was cancelled.")
