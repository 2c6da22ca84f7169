"""Runs that a test starts, and looks at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from weft._masking import masker
from weft._pipeline import Pipeline
from weft._recorded import RunRecords
from weft._run import Run, StepRun
from weft._states import RunState, StepState
from weft._surroundings import RealClock, Surroundings, surroundings

if TYPE_CHECKING:
    from weft._records import Failure, Recorder
    from weft._settings import Settings

P = ParamSpec("P")
R = TypeVar("R")


class TestClock:
    """Time that passes by itself, and that is skipped where a run would only wait.

    Backoffs take no time; what steps do takes what it takes.
    """

    __test__ = False

    def __init__(self) -> None:
        self._real = RealClock()
        self._skipped_s = 0.0

    def monotonic(self) -> float:
        """Seconds since the machine started, and those that were skipped."""
        return self._real.monotonic() + self._skipped_s

    def skip(self, seconds: float) -> bool:
        """Let time pass in which nothing happens."""
        self._skipped_s += seconds
        return True


class Outputs(Mapping[str, Any]):
    """What steps returned, by id; a value is loaded when it is looked at."""

    def __init__(self, run: Run[Any]) -> None:
        self._steps = run.steps
        self._ended = [id_ for id_, step in run.steps.items() if step.state.has_outputs]

    def __getitem__(self, step: str) -> Any:
        found = self._steps[step]
        if not found.state.has_outputs:
            raise KeyError(f"step {found.id} is {found.state} and has no outputs")
        return _value_of(found)

    def __iter__(self) -> Iterator[str]:
        return iter(self._ended)

    def __len__(self) -> int:
        return len(self._ended)

    def __repr__(self) -> str:
        return f"<outputs of {', '.join(self._ended) or 'no step'}>"


def _value_of(step: StepRun) -> Any:
    """Give one output as it is, several by name, and those of a fan-out as a list."""
    if step.items:
        return [_value_of(item) if item.state.has_outputs else None for item in step.items]
    values = {name: artifact.load() for name, artifact in step.outputs.items()}
    return next(iter(values.values())) if len(values) == 1 else values or None


class RecordedRun(Generic[R]):
    """A finished run, and everything that it told.

    Attributes:
        run: What calling the pipeline gives.
        records: Its reports, logs, metrics, metadata, alerts.
        outputs: What its steps returned.
    """

    def __init__(self, run: Run[R], records: RunRecords) -> None:
        self.run: Run[R] = run
        self.records: RunRecords = records
        self.outputs: Outputs = Outputs(run)

    @property
    def name(self) -> str:
        """Readable name, such as `brave-otter-4f2a`."""
        return self.run.name

    @property
    def state(self) -> RunState:
        """SUCCEEDED, FAILED or STOPPED."""
        return self.run.state

    @property
    def steps(self) -> Mapping[str, StepRun]:
        """Steps by id; a step's Python name works too."""
        return self.run.steps

    @property
    def states(self) -> dict[str, StepState]:
        """The state of every step."""
        return {id_: step.state for id_, step in self.run.steps.items()}

    @property
    def failure(self) -> Failure | None:
        """Why it failed; None where it did not."""
        return self.run.failure

    @property
    def error(self) -> BaseException | None:
        """What the failed step raised; None where that was in another process."""
        return self.run.error

    def result(self) -> R:
        """Load what the pipeline function returned; raises LookupError where it did not."""
        return self.run.result()

    def log(self, step: str = "") -> str:
        """What a step, or the whole run, printed and logged."""
        return self.records.log(step)

    def metrics(self, step: str = "") -> dict[str, float]:
        """The last value of each metric of a step, or of the whole run."""
        return self.records.metrics(step)

    def metadata(self, step: str = "") -> dict[str, Any]:
        """What a step, or the whole run, said with `log_metadata`."""
        return self.records.metadata(step)

    def raise_failure(self) -> None:
        """Raise what the failed step raised, if the run did not succeed.

        Raises:
            BaseException: The step's own; `RunFailedError` where it was raised in another process.
            RunStoppedError: Somebody stopped the run.
        """
        from weft._local import raise_failure

        __tracebackhide__ = True  # what pytest shows ends in the step
        if self.error is not None:
            raise self.error
        raise_failure(self.run)

    def __repr__(self) -> str:
        return repr(self.run)

    def _repr_html_(self) -> str:
        return self.run._repr_html_()


class Runs:
    """Runs pipelines in this process, and keeps what they tell in memory.

    Attributes:
        records: Of every run, the oldest first: also of those that tested code started itself.
        clock: What retries go by.
    """

    def __init__(self, records: list[RunRecords]) -> None:
        self.records: list[RunRecords] = records
        self.clock: TestClock = TestClock()

    def run(self, pipeline: Pipeline[P, R], /, *args: P.args, **kwargs: P.kwargs) -> RecordedRun[R]:
        """Run a pipeline, and give it with everything that it told.

        Raises:
            BaseException: What a step raised, as it raised it.
            ParameterError: An argument does not fit.
        """
        __tracebackhide__ = True
        run = self.try_run(pipeline, *args, **kwargs)
        run.raise_failure()
        return run

    def try_run(
        self, pipeline: Pipeline[P, R], /, *args: P.args, **kwargs: P.kwargs
    ) -> RecordedRun[R]:
        """Run a pipeline, and give it also where it failed.

        Raises:
            ParameterError: An argument does not fit.
        """
        parameters = pipeline.parameters.bind(*args, **kwargs)
        run = pipeline.run(parameters, raise_on_failure=False)
        return RecordedRun(run, self.records_of(run.name))

    def records_of(self, run: str) -> RunRecords:
        """Give what a run told, by its name; raises KeyError."""
        found = next((records for records in self.records if records.run.name == run), None)
        if found is None:
            raise KeyError(f"no run {run!r} was recorded here")
        return found

    @contextmanager
    def surrounding(self) -> Iterator[None]:
        """Stand in for the world while a test runs."""
        before = replace(surroundings)
        with masker.separately():
            surroundings.clock, surroundings.random = self.clock, _no_jitter
            surroundings.secrets, surroundings.recorder = self._secrets(), self._choose
            try:
                yield
            finally:
                _restore(before)

    def _secrets(self) -> Mapping[str, Mapping[str, str]] | None:
        """Those of the test; None for those of the workspace."""
        return None

    def _choose(self, local: Settings) -> tuple[Recorder, Settings]:
        """Where runs are recorded."""
        raise NotImplementedError


def _no_jitter() -> float:
    """Waits are as long as the policy says: a test can count on them."""
    return 0.0


def _restore(before: Surroundings) -> None:
    surroundings.clock, surroundings.random = before.clock, before.random
    surroundings.secrets, surroundings.recorder = before.secrets, before.recorder
