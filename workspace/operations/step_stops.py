"""What it means that somebody stops one step of a run."""

from dataclasses import dataclass
from datetime import timedelta

from meshkit.errors import ResourceExhausted
from meshkit.session import Session
from workspace import names
from workspace.lifecycle import RUN_TERMINAL, STEP_TERMINAL, StepState
from workspace.operations import conditions
from workspace.operations.moves import Moves
from workspace.operations.refusals import absent, illegal
from workspace.operations.runs import FORCE, GRACEFUL, held
from workspace.store import steps as store
from workspace.store.schema import Run, Step

GRACE = timedelta(seconds=60)
# The runner hears all wishes with every answer.
_MOST = 256


@dataclass(frozen=True, slots=True)
class StopWish:
    """How a step should stop, who wants it, and why."""

    requester: str
    mode: str = GRACEFUL
    reason: str = ""
    grace: timedelta = GRACE


def stop(session: Session, project: str, run_id: str, step_id: str, wish: StopWish) -> Step:
    """Asks a step to stop; its runner confirms, as one that is PENDING may start this moment."""
    run = held(session, project, run_id)
    step = store.get(session, run.uid, step_id)
    if step is None:
        raise absent(names.step(project, run_id, step_id))
    if step.state in STEP_TERMINAL or run.state in RUN_TERMINAL:
        raise illegal(step.name, step.state, StepState.STOPPING)
    known = step.stop_request
    if known and (wish.mode == GRACEFUL or known["mode"] == FORCE):
        return step
    _note(session, run, step, wish)
    session.audited(resource=step.name, fields=("stop_request",))
    return step


def _note(session: Session, run: Run, step: Step, wish: StopWish) -> None:
    if len(run.step_stops) >= _MOST and step.id not in run.step_stops:
        raise ResourceExhausted(
            "TOO_MANY_STOPPING_STEPS",
            f"{_MOST} steps of {run.name} wait to be stopped: stop their fan-out, or the run.",
            metadata={"resource": run.name},
        )
    step.stop_request = {
        "requester": wish.requester,
        "mode": wish.mode,
        "reason": wish.reason,
        "time": session.now.isoformat(),
        "grace_s": 0.0 if wish.mode == FORCE else wish.grace.total_seconds(),
    }
    moves = Moves(session)
    moves.wish_stops(run, {**run.step_stops, step.id: step.stop_request})
    moves.change_step(step, "stop_request")
    if step.state not in (StepState.PENDING, StepState.STOPPING):
        was_paused = step.state == StepState.PAUSED
        reason = wish.reason or "Somebody asked the step to stop."
        moves.move_step(run, step, StepState.STOPPING, reason=reason)
        if step.attempt_count:
            moves.attempt(step, step.attempt_count, time=session.now)
        if was_paused:
            conditions.cancel_of_step(session, moves, run, step)
    moves.save()
