"""What a retry takes over from the run that it retries, and what it runs again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from meshkit.errors import FailedPrecondition
from meshkit.session import Session
from workspace import names
from workspace.lifecycle import StepState
from workspace.operations.refusals import invalid
from workspace.store import artifacts as artifact_store
from workspace.store import steps as step_store
from workspace.store.schema import Run, Step

_WELL = (StepState.SUCCEEDED, StepState.CACHED)


@dataclass(frozen=True, slots=True)
class Again:
    """What of a run is run again: all, what did not end well, from a step on, or a step alone."""

    from_failed: bool = False
    from_step: str = ""
    only_step: str = ""

    @property
    def field(self) -> str:
        """The field that names a step."""
        return "only_step" if self.only_step else "from_step"

    @property
    def step(self) -> str:
        return self.only_step or self.from_step


def reused(session: Session, origin: Run, again: Again) -> list[Step]:
    """Steps whose results are taken over, with the items of fan-outs.

    Raises InvalidArgument where the step is none of the run's, FailedPrecondition
    `UPSTREAM_WITHOUT_RESULT`.
    """
    if not (again.from_failed or again.step):
        return []
    steps = step_store.of_run(session, origin.uid)
    if again.step and again.step not in {s.id for s in steps if not s.map_group}:
        raise invalid(again.field, f"is no step of {origin.name}")
    # A fan-out is run again whole: its items are found in the cache one by one.
    gone = _without_results(session, origin.project, steps)
    rerun = {s.map_group or s.id for s in steps if s.state not in _WELL or s.id in gone}
    if again.only_step:
        _require_inputs(origin, again.only_step, steps, rerun)
    else:
        _follow(steps, rerun, again.from_step)
    rerun.add(again.step)
    return [step for step in steps if (step.map_group or step.id) not in rerun]


def _follow(steps: Sequence[Step], rerun: set[str], first: str) -> None:
    """Adds what comes after: each step follows all that it waits for, so one look is enough."""
    rerun.add(first)
    for step in steps:
        if not step.map_group and not rerun.isdisjoint(step.upstream):
            rerun.add(step.id)


def _require_inputs(run: Run, only: str, steps: Sequence[Step], without: set[str]) -> None:
    upstream = next(step.upstream for step in steps if step.id == only)
    missing = [step for step in upstream if step in without]
    if missing:
        raise FailedPrecondition(
            "UPSTREAM_WITHOUT_RESULT",
            f"{only} follows {missing[0]}, which has no result: run again from {missing[0]} on.",
            metadata={"resource": run.name, "step": missing[0]},
        )


def _without_results(session: Session, project: str, steps: Sequence[Step]) -> set[str]:
    """Steps of whose outputs some have been deleted since."""
    versions = {version for step in steps for version in step.outputs.values()}
    keys = {version: (ids[1], int(ids[2])) for version in versions if (ids := names.ids(version))}
    known = artifact_store.uids(session, project, set(keys.values()))
    lost = {version for version, key in keys.items() if key not in known}
    return {step.id for step in steps if not lost.isdisjoint(step.outputs.values())}


def with_reused(
    steps: Sequence[Step], reused: Sequence[Step], new: Callable[[int, str], Step]
) -> list[Step]:
    """The steps, each with the result of its like where there is one.

    What no graph shows comes after them: items of fan-outs, and what a pipeline's function called
    once it had looked at results.
    """
    earlier = {step.id: step for step in reused if not step.map_group}
    found = [_cached(step, earlier[step.id]) if step.id in earlier else step for step in steps]
    shown = {step.id for step in steps}
    # Items of a fan-out that is run again are made anew.
    late = [s for s in reused if s.id not in shown and (not s.map_group or s.map_group in earlier)]
    for ordinal, step in enumerate(late, len(found)):
        own = replace(
            new(ordinal, step.id),
            upstream=step.upstream,
            map_group=step.map_group,
            map_index=step.map_index,
        )
        found.append(_cached(own, step))
    return found


def _cached(step: Step, earlier: Step) -> Step:
    sentence = f"Taken over from {earlier.run}, which this run retries."
    return replace(
        step,
        state=StepState.CACHED.value,
        state_reason=sentence,
        cache_reason=sentence,
        cache_key=earlier.cache_key,
        cached_from=earlier.cached_from or earlier.name,
        inputs=earlier.inputs,
        outputs=earlier.outputs,
        end_time=step.create_time,
    )
