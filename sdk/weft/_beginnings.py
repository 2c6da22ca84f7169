"""How units of a run begin: with a result that an earlier run has, or with an attempt."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from weft._attempt import Attempt, Stopper
from weft._cache import CacheDecision, decide
from weft._context import StepContext
from weft._records import CacheCandidate, Given, RunRecord, RunRecorder
from weft._states import StepState
from weft._store import ArtifactStore
from weft._units import Schedule, Unit


def take_over(units: Mapping[str, Unit], schedule: Schedule, given: Mapping[str, Given]) -> int:
    """End the units whose results an earlier run has, and give their number.

    They are on record as CACHED: nothing is reported.
    """
    ended = [units[id_] for id_ in given if id_ in units]
    for unit in ended:
        adopt(unit, given[unit.id])
    for unit in ended:
        schedule.ended_well(unit)
    schedule.forget(given)
    return len(ended)


def adopt(unit: Unit, found: Given) -> None:
    """End a unit with the results that an earlier run has of it."""
    unit.state, unit.outputs = StepState.CACHED, found.outputs
    for index, (id_, outputs) in enumerate(found.items.items()):
        child = Unit(id_, unit.node, unit, index)
        child.state, child.outputs = StepState.CACHED, outputs
        unit.children.append(child)


def decided(unit: Unit, recorder: RunRecorder, store: ArtifactStore) -> CacheDecision:
    """Look for an earlier result of a unit."""

    def lookup(key: str) -> CacheCandidate | None:
        name = unit.parent.id if unit.parent else unit.id
        return recorder.lookup_cache(name, key, unit.step.cache.max_age_s)

    return decide(unit.step, unit.arguments, lookup, lambda v: store.exists(v.uri))


def context_of(
    record: RunRecord, recorder: RunRecorder, unit: Unit, stop: threading.Event
) -> StepContext:
    """Give what the code of a unit's attempt may know."""
    ids = (record.project, record.pipeline, record.name, unit.id, unit.attempt, unit.index)
    return StepContext(*ids, recorder, stop, recorder.ask)


def attempts_of(
    record: RunRecord, recorder: RunRecorder, store: ArtifactStore, *, allow_pickle: bool
) -> Callable[[Unit], Attempt]:
    """Give what makes the next attempt of a unit of this run."""

    def attempt(unit: Unit) -> Attempt:
        stopper = Stopper()
        context = context_of(record, recorder, unit, stopper.event)
        return Attempt(
            unit.step,
            unit.arguments,
            context,
            store,
            allow_pickle,
            stopper,
            is_late=unit.node.is_late,
            queue_s=unit.queue_left_s,
        )

    return attempt
