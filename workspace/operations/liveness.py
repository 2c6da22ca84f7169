"""Signs of life of runs, and what becomes of those that give none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from meshkit.session import Session
from workspace.lifecycle import RunState
from workspace.operations.moves import Moves
from workspace.store import runs as store
from workspace.store import steps as step_store
from workspace.store.schema import Run


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a run may be silent before it shows, and before it is over.

    `may_flag` and `may_end` are false while the observer has not watched for that long itself.
    """

    silence: timedelta
    lease: timedelta
    may_flag: bool = True
    may_end: bool = True


def note_alive(session: Session, alive: Sequence[tuple[store.Key, int]]) -> None:
    """Writes signs of life down: (project, run) and how many milliseconds ago each came."""
    store.touch(session, alive)
    runs = store.lock_silent(session, [key for key, _ in alive])
    moves = Moves(session)
    for run in runs:
        moves.hear_run(run)
    moves.save()


def silent(session: Session, patience: Patience, now_ms: int) -> list[store.Key]:
    """The runs, by (project, id), that there is something to say of, by the database's clock.

    It looks at every run under way: so it is for reading alone, while others write.
    """
    found = store.active(session)
    return [(run.project, run.id) for run in found if _is_due(run, patience, now_ms)]


def judge(session: Session, keys: Sequence[store.Key], patience: Patience, now_ms: int) -> int:
    """Marks the silent and ends the lost of these runs; answers how many it changed."""
    runs = store.lock_many(session, keys)
    moves = Moves(session)
    changed = 0
    for run in runs.values():
        # It may have spoken between the look and the lock.
        if _is_due(run, patience, now_ms):
            changed += _judge(session, moves, run, patience, now_ms)
    moves.save()
    return changed


def _is_due(run: Run, patience: Patience, now_ms: int) -> bool:
    if run.state in (RunState.PENDING, RunState.PROVISIONING) and not run.heartbeat_ms:
        # Nothing has spoken yet: its workload's end, not its silence, would say that it is lost.
        return False
    return _silence(run, now_ms) >= patience.silence


def _judge(session: Session, moves: Moves, run: Run, patience: Patience, now_ms: int) -> int:
    if patience.may_end and _silence(run, now_ms) >= patience.lease:
        _give_up(session, moves, run, patience.lease)
        return 1
    if patience.may_flag and run.unresponsive_since is None:
        run.unresponsive_since = datetime.fromtimestamp(_heard_ms(run) / 1000, UTC)
        moves.change_run(run, "unresponsive")
        return 1
    return 0


def _give_up(session: Session, moves: Moves, run: Run, lease: timedelta) -> None:
    steps = step_store.unsettled(session, [run.uid])
    if run.state == RunState.STOPPING:
        reason = "Its runner fell silent while it was stopping."
        moves.end_run(run, RunState.STOPPED, steps, reason=reason)
        return
    minutes = round(lease.total_seconds() / 60)
    failure = {
        "kind": "INFRASTRUCTURE",
        "code": "HEARTBEAT_LOST",
        "message": f"Its runner gave no sign of life for {minutes} minutes.",
    }
    moves.end_run(run, RunState.FAILED, steps, reason=failure["message"], failure=failure)


def _silence(run: Run, now_ms: int) -> timedelta:
    return timedelta(milliseconds=now_ms - _heard_ms(run))


def _heard_ms(run: Run) -> int:
    return run.heartbeat_ms or round(run.update_time.timestamp() * 1000)
