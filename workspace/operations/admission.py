"""Whose turn it is: runs that wait because their project executes as many as it may.

The line stands in the database, so it survives every restart. Only the holder of the launches'
lease lets anybody in; whatever else happens meanwhile can only make room.
"""

from meshkit.session import Session
from workspace.lifecycle import RunState
from workspace.operations.launches import INTENDED
from workspace.operations.moves import Moves
from workspace.store import launches as store
from workspace.store import runs as run_store
from workspace.store.schema import Launch, Run

# Who is told their place; of those behind them nobody knows more than that they wait.
_TOLD = 100
# Let in by one transaction, where a limit was lifted.
_AT_ONCE = 500


def waiting(limit: int, place: int = 0) -> str:
    """Why a run has not started, in a sentence."""
    rule = f"its project executes at most {limit} at a time"
    return f"Number {place} in line: {rule}." if place else f"Waits for its turn: {rule}."


def admit(session: Session) -> bool:
    """Lets in as many as their projects have room for, longest waiting first.

    Answers whether others still wait.
    """
    moves = Moves(session)
    is_anybody_left = False
    for project, limit in store.lines(session):
        room = max(0, limit - store.executing(session, project)) if limit else _AT_ONCE
        line = _line(session, project, room + _TOLD)
        for launch, run in line[:room]:
            _let_in(session, moves, launch, run)
        for place, (_, run) in enumerate(line[room:], 1):
            _tell(moves, run, waiting(limit, place))
        is_anybody_left |= len(line) > room
    moves.save()
    return is_anybody_left


def _line(session: Session, project: str, length: int) -> list[tuple[Launch, Run]]:
    """Who waits, in order, with their runs held; who was stopped this moment is left out."""
    found = store.queued(session, project, length)
    runs = run_store.lock_many(session, [(launch.project, launch.run) for launch in found])
    pairs = [(launch, runs.get((launch.project, launch.run))) for launch in found]
    return [(launch, run) for launch, run in pairs if run and run.state == RunState.PENDING]


def _let_in(session: Session, moves: Moves, launch: Launch, run: Run) -> None:
    launch.state = INTENDED
    store.save(session, launch)
    _tell(moves, run, "")


def _tell(moves: Moves, run: Run, reason: str) -> None:
    if run.state_reason != reason:
        run.state_reason = reason
        moves.change_run(run, "state_reason")
