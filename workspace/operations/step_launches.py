"""What a workload manager says of the workloads of attempts, and what that means for them."""

from datetime import datetime, timedelta

from meshkit.session import Session
from workspace.lifecycle import StepState
from workspace.operations.launches import Observed
from workspace.operations.moves import Moves
from workspace.operations.step_attempts import is_over, show
from workspace.store import runs as run_store
from workspace.store import step_launches as store
from workspace.store import steps as step_store
from workspace.store.schema import Run, Step
from workspace.store.schema_step_launches import StepLaunch

INTENDED, SUBMITTED, STOPPING = "INTENDED", "SUBMITTED", "STOPPING"
CANCELLING, ENDED = "CANCELLING", "ENDED"


def submitted(session: Session, launch: StepLaunch, start_by: datetime) -> None:
    """The manager has the workload."""
    current = store.get(session, launch.step_uid, launch.attempt)
    if current and current.state == INTENDED:
        current.state = SUBMITTED
        current.start_by = None if current.reporter else start_by
        store.save(session, current)


def delayed(session: Session, launch: StepLaunch, words: str, give_up: datetime | None) -> None:
    """The manager cannot be asked now; `give_up` is until when it is asked at most."""
    current = store.get(session, launch.step_uid, launch.attempt)
    if current and current.state == INTENDED and current.start_by != give_up:
        current.start_by = give_up
        store.save(session, current)
    observed(session, Observed(launch.workload, words=words, manager=launch.manager))


def asked_to_end(session: Session, launch: StepLaunch, state: str) -> None:
    """The manager was told to end the workload: STOPPING with all its time, or CANCELLING."""
    current = store.get(session, launch.step_uid, launch.attempt)
    if current and current.state != ENDED:
        current.state = state
        store.save(session, current)


def left(session: Session, launch: StepLaunch) -> None:
    """Nobody waits for the attempt any more: from now on its workload has little time."""
    current = store.get(session, launch.step_uid, launch.attempt)
    if current and current.over_time is None:
        current.over_time = session.now
        store.save(session, current)


def refused(session: Session, launch: StepLaunch, words: str) -> None:
    """The manager will not have the workload, now or later."""
    code = "WORKLOAD_REFUSED"
    observed(session, Observed(launch.workload, "FAILED", words, code, manager=launch.manager))


def never_started(session: Session, launch: StepLaunch, patience: timedelta) -> None:
    """No process spoke for the attempt in all this time: it has failed."""
    found = held(session, launch)
    if found is None or found[0].reporter:
        return
    row, step, run = found
    minutes = round(patience.total_seconds() / 60)
    message = f"Its workload did not start within {minutes} minutes. {step.state_reason}".strip()
    _fail(session, row, step, run, _failure("NOT_STARTED", message))


def waited_too_long(session: Session, launch: StepLaunch) -> StepLaunch:
    """No process spoke for the attempt in all the time that it may wait: it has failed."""
    found = held(session, launch)
    if found is None or found[0].reporter:
        return launch
    row, step, run = found
    message = f"The time that it may wait in the queue was over. {step.state_reason}".strip()
    _fail(session, row, step, run, _failure("QUEUE_TIMEOUT", message))
    return row


def fell_silent(session: Session, row: StepLaunch, step: Step, run: Run, lease: timedelta) -> None:
    """The process that holds an attempt gave no sign of life for a lease: it is over."""
    if step.state == StepState.STOPPING:
        row.outcome, row.over_time = StepState.STOPPED.value, session.now
        store.save(session, row)
        show(session, step, StepState.STOPPED, None)
        return
    minutes = round(lease.total_seconds() / 60)
    message = f"Its workload gave no sign of life for {minutes} minutes."
    _fail(session, row, step, run, _failure("HEARTBEAT_LOST", message))


def observed(session: Session, seen: Observed) -> None:
    """The manager says where the workload stands."""
    launch = store.by_workload(session, seen.workload, seen.manager)
    found = held(session, launch) if launch else None
    if found is None:
        return
    row, step, run = found
    if seen.outcome:
        _end(session, row, step, run, seen)
        return
    if row.state == SUBMITTED and not row.reporter and bool(row.start_by) != bool(seen.start_by):
        row.start_by = seen.start_by
        store.save(session, row)
    is_starting = step.state == StepState.PROVISIONING and step.attempt_count == row.attempt
    if is_starting and seen.words and seen.words != step.state_reason:
        step.state_reason = seen.words
        moves = Moves(session)
        moves.change_step(step, "state_reason")
        moves.save()


def held(session: Session, launch: StepLaunch) -> tuple[StepLaunch, Step, Run] | None:
    """The launch as it is now, with its step and run, held until the commit."""
    run = run_store.lock(session, launch.project, launch.run)
    step = step_store.get(session, run.uid, launch.step) if run else None
    row = store.get(session, launch.step_uid, launch.attempt)
    return (row, step, run) if run and step and row else None


def _end(session: Session, row: StepLaunch, step: Step, run: Run, seen: Observed) -> None:
    row.state = ENDED
    if is_over(row, step, run):
        row.arguments = ""
        store.save(session, row)
        return
    if step.state == StepState.STOPPING and seen.outcome != "LOST":
        row.outcome, row.over_time, row.arguments = StepState.STOPPED.value, session.now, ""
        store.save(session, row)
        show(session, step, StepState.STOPPED, None)
        return
    message = seen.words or f"Its workload ended {seen.outcome} before the attempt did."
    failure = _failure(seen.code, message)
    if seen.last_words:
        failure["traceback"] = seen.last_words
    _fail(session, row, step, run, failure)


def _fail(session: Session, row: StepLaunch, step: Step, run: Run, failure: dict[str, str]) -> None:
    is_news = not is_over(row, step, run)
    row.arguments = "" if row.state == ENDED else row.arguments
    if is_news:
        row.outcome, row.over_time = StepState.FAILED.value, session.now
    store.save(session, row)
    if is_news:
        show(session, step, StepState.FAILED, failure)


def _failure(code: str, message: str) -> dict[str, str]:
    return {"kind": "INFRASTRUCTURE", "code": code, "message": message}
