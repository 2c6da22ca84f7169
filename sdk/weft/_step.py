"""`@step`: a function that a pipeline runs, and that stays a plain function everywhere else."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic, ParamSpec, TypeVar, cast, overload

from weft._caching import Cache
from weft._definition import Isolation, StepDefinition
from weft._graph import FanOut
from weft._handles import Handle
from weft._hooks import Hook, Hooks
from weft._image import Image
from weft._outputs import outputs_of
from weft._pod import Pod
from weft._policies import Resources, Retry
from weft._tracing import Trace, active
from weft.errors import ArgumentError, TracingError

P = ParamSpec("P")
R = TypeVar("R")


class Step(Generic[P, R]):
    """A step. Calling it inside a pipeline notes the call; elsewhere it runs the function.

    Inside a pipeline the call is typed as the function's result, so that type checkers follow it
    through the graph, but really is a `Handle`.
    """

    def __init__(self, definition: StepDefinition, after: tuple[Any, ...] = ()) -> None:
        self.definition = definition
        self._after = after
        functools.update_wrapper(self, definition.function)

    @property
    def name(self) -> str:
        """The step's name: the function's, unless the decorator gave another."""
        return self.definition.name

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        trace = active.get()
        if trace is None:
            return cast("R", self.definition.function(*args, **kwargs))
        return cast("R", trace.call(self.definition, args, kwargs, after=self._after))

    def submit(self, *args: Any, **kwargs: Any) -> Handle[R]:
        """Call the step inside a pipeline, typed as the handle that it gives."""
        return self._trace("submit").call(self.definition, args, kwargs, after=self._after)

    def map(
        self,
        *iterables: Any,
        concurrency: int | None = None,
        return_exceptions: bool = False,
        **shared: Any,
    ) -> Handle[list[R]]:
        """Run the step once per item, inside a pipeline.

        Args:
            *iterables: Lists, or handles of lists known only at run time, as long as each other;
                item i of each goes to call i.
            concurrency: Most calls at a time; None leaves it to the run.
            return_exceptions: Put the exception of a failed item into the result, as
                `asyncio.gather` does, instead of failing the step.
            **shared: Arguments that every call gets whole.

        Returns:
            A handle of the list of results, in the order of the items.
        """
        names = self._names_of(iterables)
        fan_out = FanOut(names, concurrency, return_exceptions)
        items = [list(i) if isinstance(i, range | set | frozenset) else i for i in iterables]
        trace = self._trace("map")
        handle = trace.call(
            self.definition, tuple(items), shared, after=self._after, fan_out=fan_out
        )
        return cast("Handle[list[R]]", handle)

    def after(self, *others: Any) -> Step[P, R]:
        """Give this step, to be called after others whose results it does not take."""
        return Step(self.definition, (*self._after, *others))

    def with_options(
        self,
        *,
        name: str | None = None,
        retries: Retry | int | None = None,
        timeout_s: float | None = None,
        queue_timeout_s: float | None = None,
        deadline_s: float | None = None,
        cache: Cache | bool | None = None,
        resources: Resources | None = None,
        environment: Mapping[str, str] | None = None,
        isolation: Isolation | None = None,
        secrets: Sequence[str] | None = None,
        image: Image | None = None,
        pod: Pod | None = None,
    ) -> Step[P, R]:
        """Give this step with other policies; None keeps what it has."""
        given = {
            "name": name,
            "retry": None if retries is None else _retry(retries),
            "timeout_s": timeout_s,
            "queue_timeout_s": queue_timeout_s,
            "deadline_s": deadline_s,
            "cache": None if cache is None else Cache.of(cache),
            "resources": resources,
            "environment": environment,
            "isolation": isolation or self._isolation_for(environment, image or pod),
            "secrets": None if secrets is None else tuple(secrets),
            "image": image,
            "pod": pod,
        }
        changes: dict[str, Any] = {key: item for key, item in given.items() if item is not None}
        return Step(replace(self.definition, **changes), self._after)

    def _isolation_for(
        self, environment: Mapping[str, str] | None, container: Image | Pod | None
    ) -> Isolation | None:
        """Variables of its own need more than a thread, an image or a pod more than a process."""
        if container:
            return "workload"
        is_thread = self.definition.isolation == "thread"
        return "process" if environment and is_thread else None

    def __repr__(self) -> str:
        return f"<step {self.name}>"

    def _repr_html_(self) -> str:
        from weft import _reprs

        return _reprs.of_step(self)

    def _trace(self, method: str) -> Trace:
        trace = active.get()
        if trace is None:
            raise TracingError(f"{self.name}.{method}() only works inside a @pipeline function")
        return trace

    def _names_of(self, iterables: Sequence[Any]) -> tuple[str, ...]:
        parameters = list(self.definition.signature.parameters.values())[: len(iterables)]
        named = [p.name for p in parameters if p.kind not in {p.VAR_POSITIONAL, p.KEYWORD_ONLY}]
        if not iterables or len(named) < len(iterables):
            raise ArgumentError(
                f"{self.name}.map() takes lists for the first arguments of "
                f"{self.name}{self.definition.signature}; pass what all calls share by keyword"
            )
        return tuple(named)


@overload
def step(function: Callable[P, R], /) -> Step[P, R]: ...


@overload
def step(
    *,
    name: str | None = None,
    outputs: Sequence[str] = (),
    retries: Retry | int = 0,
    timeout_s: float | None = None,
    queue_timeout_s: float | None = None,
    deadline_s: float | None = None,
    cache: Cache | bool | None = None,
    resources: Resources | None = None,
    environment: Mapping[str, str] | None = None,
    isolation: Isolation | None = None,
    secrets: Sequence[str] = (),
    image: Image | None = None,
    pod: Pod | None = None,
    on_start: Hook | None = None,
    on_success: Hook | None = None,
    on_failure: Hook | None = None,
) -> Callable[[Callable[P, R]], Step[P, R]]: ...


def step(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    outputs: Sequence[str] = (),
    retries: Retry | int = 0,
    timeout_s: float | None = None,
    queue_timeout_s: float | None = None,
    deadline_s: float | None = None,
    cache: Cache | bool | None = None,
    resources: Resources | None = None,
    environment: Mapping[str, str] | None = None,
    isolation: Isolation | None = None,
    secrets: Sequence[str] = (),
    image: Image | None = None,
    pod: Pod | None = None,
    on_start: Hook | None = None,
    on_success: Hook | None = None,
    on_failure: Hook | None = None,
) -> Any:
    """Make a function, sync or async, a step of pipelines.

    Args:
        function: The function, when the decorator is used bare.
        name: Name in runs; the function's by default.
        outputs: Names of what it returns, when the return annotation does not give them.
        retries: When a failed attempt is repeated; a number means that many, with the usual pauses.
        timeout_s: Seconds that one attempt may take; to wait for a workload takes none of them.
        queue_timeout_s: Seconds that an attempt may wait before it is executed: for a place among
            the steps of the run, and for a workload of its own with its image. A pause of the run
            takes none of them.
        deadline_s: Seconds that the step may take altogether, with all its attempts, waits and
            pauses, from when everything that it takes is there.
        cache: When an earlier result stands in; `False` never.
        resources: What one attempt needs, where an engine can give it.
        environment: Environment variables of the step alone; they need a process of its own.
        isolation: What executes it: a `"thread"` of the run's process, a `"process"` of its own,
            which can be killed, or a `"workload"` of its own (a pod, on Kubernetes), with its own
            resources; where no workload manager executes the run, that is a process. For a
            process the step must stand at the top of a module. None leaves it to the pipeline,
            then to the stack that executes the run; a thread by default.
        secrets: Ids of the secrets that its code reads with `weft.secret`; what they hold is
            masked in logs.
        image: What its container holds, which means a workload of its own; that of the pipeline
            by default.
        pod: What its pod looks like on Kubernetes, as far as the cluster's operator allows it;
            which means a workload of its own.
        on_start: Called in the process of the run, with a `Happening`, when the first attempt
            begins; the step does not wait for it. Each hook has a minute; what it raises is logged.
        on_success: Called so before the step is SUCCEEDED; a cached step calls nothing.
        on_failure: Called so before the step is FAILED for good, also where its process died.

    Returns:
        A `Step` with the function's own signature.

    Raises:
        OutputError: `outputs` does not fit the return annotation.
        ValueError: A limit of time is not more than 0 seconds.
    """

    def decorate(wrapped: Callable[..., Any]) -> Step[..., Any]:
        definition = StepDefinition(
            wrapped,
            name or wrapped.__name__,
            outputs_of(wrapped, outputs),
            _retry(retries),
            timeout_s,
            Cache.of(cache),
            resources or Resources(),
            environment or {},
            isolation or ("workload" if image or pod else None),
            tuple(secrets),
            image,
            Hooks(on_start, on_success, on_failure),
            pod or Pod(),
            queue_timeout_s,
            deadline_s,
        )
        return Step(definition)

    return decorate if function is None else decorate(function)


def _retry(retries: Retry | int) -> Retry:
    return Retry(max=retries) if isinstance(retries, int) else retries
