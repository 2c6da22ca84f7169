"""Values that code logs about its run and its steps, apart from the reports that carry them."""

from dataclasses import dataclass
from typing import Any

from meshkit.session import Session
from workspace import names
from workspace.lifecycle import RUN_TERMINAL
from workspace.operations.moves import Moves
from workspace.operations.refusals import absent, fenced, illegal, invalid
from workspace.operations.run_values import RunValues, merged
from workspace.store import runs as run_store
from workspace.store import steps as step_store

_PLAIN = (str, int, float, bool)


@dataclass(frozen=True, slots=True)
class Values:
    """Values to write. Without a step they are the run's; `attempt` is that of the run token."""

    project: str
    run: str
    step: str
    values: dict[str, Any]
    attempt: int = 0


def write(session: Session, new: Values) -> None:
    """Merges values into those that are there."""
    _check(new.values)
    run = run_store.lock(session, new.project, new.run)
    if run is None:
        raise absent(names.run(new.project, new.run))
    if new.attempt not in (0, run.attempt):
        raise fenced(run.name)
    if run.state in RUN_TERMINAL:
        raise illegal(run.name, run.state, run.state)
    moves = Moves(session)
    of_run = RunValues(session, moves)
    if not new.step:
        of_run.put(run, merged(run.name, run.metadata, new.values))
    else:
        step = step_store.get(session, run.uid, new.step)
        if step is None:
            raise absent(names.step(new.project, new.run, new.step))
        step.metadata = merged(step.name, step.metadata, new.values)
        moves.change_step(step, "metadata")
        of_run.log(run, step, new.values)
    moves.save()
    of_run.save()


def _check(values: dict[str, Any]) -> None:
    for name, value in values.items():
        items = value if isinstance(value, list) else [value]
        if not all(isinstance(item, _PLAIN) for item in items):
            raise invalid(f"values.{name}", "must be a number, a text, a truth, or a list of these")
