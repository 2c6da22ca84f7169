"""A finished run in the user's hands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from weft import _arguments
from weft._arguments import Argument
from weft._artifact import Artifact
from weft._cache import CacheDecision
from weft._records import ArtifactVersion, Failure
from weft._states import RunState, StepState
from weft._store import ArtifactStore
from weft._values import load_value

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class StepRun:
    """One step of a run; a fan-out holds its items.

    Attributes:
        attempts: How many attempts were made; 0 for cached and skipped steps.
        inputs: Arguments in a few words each, for messages.
        waits: Seconds that went by before each retry.
    """

    id: str
    state: StepState
    attempts: int
    outputs: Mapping[str, Artifact[Any]]
    failure: Failure | None = None
    cache: CacheDecision | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    items: tuple[StepRun, ...] = ()
    waits: tuple[float, ...] = ()

    def _repr_html_(self) -> str:
        from weft import _reprs

        return _reprs.of_step_run(self)


class Run(Generic[R]):
    """One execution of a pipeline.

    Attributes:
        name: Readable name, such as `brave-otter-4f2a`.
        uid: UUID.
        steps: Steps by id; a step's Python name works too.
        failure: Why it failed; None where it did not.
        error: What the failed step raised, where that was in this process.
        upstream: What each step waited for, by id.
    """

    def __init__(
        self,
        name: str,
        uid: str,
        state: RunState,
        steps: Mapping[str, StepRun],
        *,
        failure: Failure | None,
        error: BaseException | None = None,
        result: Argument | None,
        store: ArtifactStore,
        allow_pickle: bool,
        upstream: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self.name = name
        self.uid = uid
        self.state = state
        self.steps: Steps = Steps(steps)
        self.failure = failure
        self.error = error
        self.upstream: Mapping[str, tuple[str, ...]] = upstream or {}
        self._result = result
        self._store = store
        self._allow_pickle = allow_pickle

    def result(self) -> R:
        """Load what the pipeline function returned.

        Raises:
            LookupError: The run did not get that far.
            MaterializerError: Stored content cannot be loaded.
        """
        if self._result is None:
            raise LookupError(f"run {self.name} is {self.state} and has no result")
        return cast("R", _arguments.load(self._result, self._load))

    def _load(self, version: ArtifactVersion) -> Any:
        return load_value(self._store, version, allow_pickle=self._allow_pickle)

    def __repr__(self) -> str:
        return f"<run {self.name} {self.state}>"

    def _repr_html_(self) -> str:
        from weft import _reprs

        return _reprs.of_run(self)


class Steps(dict[str, StepRun]):
    """Steps by id, or by the Python name that the id was made of."""

    def __missing__(self, key: str) -> StepRun:
        if (step_id := key.replace("_", "-").lower()) != key:
            return self[step_id]
        raise KeyError(f"the run has no step {key!r}; it has {', '.join(self)}")


def explain_failure(run: Run[Any]) -> str:
    """Tell what failed, where, on which inputs: the text of `RunFailedError`."""
    failure = run.failure
    if failure is None:
        return f"run {run.name} is {run.state}"
    what = f"{failure.exception}: {failure.message}" if failure.exception else failure.message
    where = f"step {failure.step}" if failure.step else "the pipeline's function"
    lines = [f"run {run.name} failed in {where}: {what}"]
    lines += [f"  at {failure.location}"] if failure.location else []
    lines += [f"  {line}" for line in failure.excerpt.splitlines()]
    step = next((s for s in _all(run) if s.id == failure.step), None)
    if step is not None and step.inputs:
        inputs = ", ".join(f"{name}={text}" for name, text in step.inputs.items())
        lines.append(f"  inputs: {inputs}")
    return "\n".join(lines)


def _all(run: Run[Any]) -> list[StepRun]:
    return [found for step in run.steps.values() for found in (step, *step.items)]
