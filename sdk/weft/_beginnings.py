"""How units of a run begin: with a result that an earlier run has, or with an attempt."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from weft._attempt import Attempt, Stopper
from weft._context import StepContext
from weft._records import Given, RunRecord, RunRecorder
from weft._states import StepState
from weft._store import ArtifactStore
from weft._units import Schedule, Unit


def take_over(units: Mapping[str, Unit], schedule: Schedule, given: Mapping[str, Given]) -> int:
    """End the units whose results an earlier run has, and give their number.

    They are on record as CACHED: nothing is reported.
    """
    ended = [units[id_] for id_ in given if id_ in units]
    for unit in ended:
        found = given[unit.id]
        unit.state, unit.outputs = StepState.CACHED, found.outputs
        for index, (id_, outputs) in enumerate(found.items.items()):
            child = Unit(id_, unit.node, unit, index)
            child.state, child.outputs = StepState.CACHED, outputs
            unit.children.append(child)
    for unit in ended:
        schedule.ended_well(unit)
    schedule.forget(given)
    return len(ended)


def attempts_of(
    record: RunRecord, recorder: RunRecorder, store: ArtifactStore, *, allow_pickle: bool
) -> Callable[[Unit], Attempt]:
    """Give what makes the next attempt of a unit of this run."""

    def attempt(unit: Unit) -> Attempt:
        stopper = Stopper()
        context = StepContext(
            record.project,
            record.pipeline,
            record.name,
            unit.id,
            unit.attempt,
            unit.index,
            recorder,
            stopper.event,
            recorder.ask,
        )
        return Attempt(unit.step, unit.arguments, context, store, allow_pickle, stopper)

    return attempt
