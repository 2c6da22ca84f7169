"""What writes of steps mean, apart from reports."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from meshkit.feed import ChangeKind
from meshkit.ids import new_uid
from meshkit.session import Session
from workspace import names
from workspace.lifecycle import RUN_TERMINAL, RunState, StepState
from workspace.operations import graphs
from workspace.operations.moves import Moves
from workspace.operations.refusals import absent, fenced, illegal, taken
from workspace.store import runs as run_store
from workspace.store import steps as store
from workspace.store.base import insert
from workspace.store.schema import Run, Step


@dataclass(frozen=True, slots=True)
class NewStep:
    """A step to add to a run that executes."""

    id: str
    upstream: list[str]
    map_group: str = ""
    map_index: int = 0


def add(
    session: Session, project: str, run_id: str, new: Sequence[NewStep], *, attempt: int
) -> list[Step]:
    """Adds steps; one that exists with the same fields is answered as it is."""
    run = run_store.lock(session, project, run_id)
    if run is None:
        raise absent(names.run(project, run_id))
    if attempt not in (0, run.attempt):
        raise fenced(run.name)
    known = _known(session, run.uid, new)
    fresh = [step for step in new if not _is_known(known.get(step.id), step)]
    # Whoever hands the record of an ended run over again finds its steps to be there.
    if fresh and run.state in RUN_TERMINAL:
        raise illegal(run.name, run.state, RunState.RUNNING)
    graphs.check([(step.id, step.upstream) for step in fresh], known=frozenset(known))
    first = sum(run.step_counts.values())
    rows = [_row(session, run, first + place, step) for place, step in enumerate(fresh)]
    insert(session, rows)
    for row in rows:
        session.emit(ChangeKind.CREATED, row)
        known[row.id] = row
    if rows:
        _count(session, run, len(rows))
    return [known[step.id] for step in new]


def _known(session: Session, run_uid: UUID, new: Sequence[NewStep]) -> dict[str, Step]:
    wanted = {id_ for step in new for id_ in (step.id, *step.upstream)}
    return {step.id: step for step in store.some(session, [run_uid], sorted(wanted))}


def _is_known(row: Step | None, step: NewStep) -> bool:
    if row is None:
        return False
    if (row.upstream, row.map_group, row.map_index) != (
        step.upstream,
        step.map_group,
        step.map_index,
    ):
        raise taken(row.name)
    return True


def _row(session: Session, run: Run, ordinal: int, step: NewStep) -> Step:
    return Step(
        uid=new_uid(),
        run_uid=run.uid,
        project=run.project,
        run=run.id,
        pipeline=run.pipeline,
        id=step.id,
        ordinal=ordinal,
        create_time=session.now,
        update_time=session.now,
        upstream=step.upstream,
        map_group=step.map_group,
        map_index=step.map_index,
    )


def _count(session: Session, run: Run, added: int) -> None:
    pending = StepState.PENDING.value
    run.step_counts = {**run.step_counts, pending: run.step_counts.get(pending, 0) + added}
    moves = Moves(session)
    moves.change_run(run, "step_counts")
    moves.save()
