"""What writes of steps mean, apart from reports."""

from collections.abc import Sequence
from dataclasses import dataclass

from meshkit.errors import MeshError
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


@dataclass(frozen=True, slots=True)
class NewSteps:
    """Steps to add to one run. `attempt` is that of the run token, 0 without one."""

    project: str
    run: str
    steps: Sequence[NewStep]
    attempt: int = 0


def add(session: Session, items: list[NewSteps]) -> list[list[Step] | MeshError]:
    """Adds steps; one that exists with the same fields is answered as it is. Grouped."""
    work = _Work(session, items)
    results = [work.add(item, place) for place, item in enumerate(items)]
    work.save()
    return results


class _Work:
    """All steps of one transaction: what they need is read at once, and written at once."""

    def __init__(self, session: Session, items: Sequence[NewSteps]) -> None:
        self._session = session
        self._moves = Moves(session)
        self._rows: list[Step] = []
        self._runs = run_store.lock_many(session, ((item.project, item.run) for item in items))
        wanted = {
            (run.uid, id_)
            for item in items
            if (run := self._runs.get((item.project, item.run)))
            for step in item.steps
            for id_ in _mentioned(step)
        }
        found = store.some(session, wanted) if wanted else []
        self._steps = {(step.run_uid, step.id): step for step in found}

    def add(self, item: NewSteps, place: int) -> list[Step] | MeshError:
        run = self._runs.get((item.project, item.run))
        if run is None:
            return absent(names.run(item.project, item.run))
        if item.attempt not in (0, run.attempt):
            return fenced(run.name)
        try:
            fresh = self._check(run, item.steps)
        except MeshError as refusal:
            return refusal
        if fresh:
            self._create(run, fresh, place)
        return [self._steps[run.uid, step.id] for step in item.steps]

    def save(self) -> None:
        insert(self._session, self._rows)
        self._moves.save()

    def _check(self, run: Run, steps: Sequence[NewStep]) -> list[NewStep]:
        """Those of the steps that are not there yet; raises what speaks against them."""
        mentioned = {id_ for step in steps for id_ in _mentioned(step)}
        known = {id_: row for id_ in mentioned if (row := self._steps.get((run.uid, id_)))}
        fresh = [step for step in steps if not _is_known(known.get(step.id), step)]
        # Whoever hands the record of an ended run over again finds its steps to be there.
        if fresh and run.state in RUN_TERMINAL:
            raise illegal(run.name, run.state, RunState.RUNNING)
        graphs.check([(step.id, step.upstream) for step in fresh], known=frozenset(known))
        return fresh

    def _create(self, run: Run, fresh: Sequence[NewStep], place: int) -> None:
        first = sum(run.step_counts.values())
        for ordinal, step in enumerate(fresh, first):
            row = self._steps[run.uid, step.id] = _row(self._session, run, ordinal, step)
            self._rows.append(row)
            self._session.emit(ChangeKind.CREATED, row, item=place)
        pending = StepState.PENDING.value
        added = run.step_counts.get(pending, 0) + len(fresh)
        run.step_counts = {**run.step_counts, pending: added}
        self._moves.change_run(run, "step_counts", item=place)


def _mentioned(step: NewStep) -> tuple[str, ...]:
    return (step.id, *step.upstream)


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
