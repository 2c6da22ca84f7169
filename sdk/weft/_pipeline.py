"""`@pipeline`: a function that calls steps, drawn as a graph and run."""

from __future__ import annotations

import contextvars
import functools
import inspect
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

from weft._definition import Isolation
from weft._graph import Graph, Node
from weft._hooks import Hook, Hooks
from weft._ids import resource_id
from weft._image import Image
from weft._json import module_name
from weft._limits import Limits
from weft._models import Model
from weft._parameters import Parameters
from weft._states import ExecutionMode
from weft._tracing import Trace, active
from weft.errors import TracingError

if TYPE_CHECKING:
    from weft._records import Recorder
    from weft._run import Run

P = ParamSpec("P")
R = TypeVar("R")


class Pipeline(Generic[P, R]):
    """A pipeline. Calling it runs it here and gives the finished `Run`.

    `function` is the plain function: in a unit test it runs the steps as ordinary calls, and inside
    another pipeline it adds its steps to that one.
    """

    def __init__(
        self,
        function: Callable[P, R],
        name: str,
        mode: ExecutionMode,
        model: Model | None = None,
        isolation: Isolation | None = None,
        *,
        image: Image | None = None,
        hooks: Hooks | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.limits: Limits = limits or Limits()
        self.isolation = isolation
        self.hooks: Hooks = hooks or Hooks()
        self.image = image
        self.function = function
        self.name = name
        self.mode = mode
        self.model = model
        functools.update_wrapper(self, function)

    @functools.cached_property
    def parameters(self) -> Parameters:
        """The typed parameters, read from the signature.

        Raises:
            ParameterError: An annotation is no type of parameter.
        """
        return Parameters(self.function)

    @property
    def parameters_schema(self) -> dict[str, Any]:
        """JSON Schema of the parameters."""
        return self.parameters.schema()

    @property
    def entrypoint(self) -> str:
        """What to import: `module:attribute`."""
        return f"{module_name(self.function.__module__)}:{self.function.__qualname__}"

    @property
    def location(self) -> str:
        """Where the function is: `path:line`."""
        return f"{self.function.__code__.co_filename}:{self.function.__code__.co_firstlineno}"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Run[R]:
        """Draw the graph and run it on this machine.

        Returns:
            The run, which has succeeded.

        Raises:
            ParameterError: An argument does not fit.
            TracingError: The function cannot become a graph.
            RunFailedError: A step failed; its `run` holds what there is.
            RunStoppedError: Somebody stopped the run.
        """
        if active.get() is not None:
            raise TracingError(
                f"pipeline {self.name} was called inside another pipeline; "
                f"write {self.function.__name__}.function(...) to add its steps to this one"
            )
        return self.run(self.parameters.bind(*args, **kwargs))

    def run(
        self,
        parameters: Mapping[str, Any] | None = None,
        *,
        config: str | Path | None = None,
        recorder: Recorder | None = None,
        cache: bool = True,
        max_workers: int | None = None,
        raise_on_failure: bool = True,
    ) -> Run[R]:
        """Run the pipeline on this machine, with everything that `__call__` leaves at its default.

        Args:
            parameters: Values by name; those of the file, then defaults stand in for the others.
            config: A file of run settings, as `weft run --config` takes it. Its stack, image, name
                and labels are for runs on a mesh.
            recorder: Where the run is recorded; None takes the workspace of the active context, or
                the spool of this machine.
            cache: Whether earlier results may stand in for steps.
            max_workers: Most steps at a time; None means as many as cores, at least 4.
            raise_on_failure: Whether a run that does not succeed raises.

        Raises:
            ConfigError: The file cannot be read, or says what cannot be.
            As for `__call__`.
        """
        from weft._local import run_graph

        if config is None:
            graph = self.trace(parameters)
        else:
            from weft._config import RunConfig

            said = RunConfig.of([Path(config)])
            graph = said.applied(self.trace(said.bind(self.parameters, {}, parameters)))
            cache = cache and said.value("cache", default=True)
        return run_graph(
            graph,
            recorder=recorder,
            cache=cache,
            max_workers=max_workers,
            raise_on_failure=raise_on_failure,
        )

    def trace(self, parameters: Mapping[str, Any] | None = None) -> Graph:
        """Draw the graph without running anything, up to where a result is looked at.

        Raises:
            ParameterError: A value does not fit.
            TracingError: The function cannot become a graph.
        """
        values = self.parameters.bind(**dict(parameters or {}))
        trace = Trace()
        author = functools.partial(_call, self.function, values)
        result = contextvars.copy_context().run(_draw, trace, author)
        graph = Graph(
            resource_id(self.name),
            trace.nodes,
            self.parameters.dump(values),
            trace.bind_value(result, f"the result of pipeline {self.name}"),
            self.mode,
            self.parameters_schema,
            self.entrypoint,
            self.model,
            author if trace.opened else None,
            trace.opened,
            self.hooks,
            limits=self.limits,
        ).changed(self._isolated)
        if not graph.nodes:
            file = Path(self.function.__code__.co_filename).name
            raise TracingError(f"pipeline {self.name} ({file}) calls no step")
        graph.in_order()  # a circle is an error now, not in the middle of a run
        return graph

    def _isolated(self, node: Node) -> Node:
        """A step that says nothing of it is executed as the pipeline says."""
        if node.step.isolation or not self.isolation:
            return node
        return replace(node, step=replace(node.step, isolation=self.isolation))

    def __repr__(self) -> str:
        return f"<pipeline {self.name}>"

    def _repr_html_(self) -> str:
        from weft import _reprs

        return _reprs.of_pipeline(self)


@overload
def pipeline(function: Callable[P, R], /) -> Pipeline[P, R]: ...


@overload
def pipeline(
    *,
    name: str | None = None,
    execution_mode: ExecutionMode | str = ExecutionMode.FAIL_FAST,
    model: Model | str | None = None,
    isolation: Isolation | None = None,
    image: Image | None = None,
    timeout_s: float | None = None,
    max_parallel: int | None = None,
    on_start: Hook | None = None,
    on_success: Hook | None = None,
    on_failure: Hook | None = None,
) -> Callable[[Callable[P, R]], Pipeline[P, R]]: ...


def pipeline(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    execution_mode: ExecutionMode | str = ExecutionMode.FAIL_FAST,
    model: Model | str | None = None,
    isolation: Isolation | None = None,
    image: Image | None = None,
    timeout_s: float | None = None,
    max_parallel: int | None = None,
    on_start: Hook | None = None,
    on_success: Hook | None = None,
    on_failure: Hook | None = None,
) -> Any:
    """Make a function that calls steps, sync or async, a pipeline.

    The function runs once, with real parameters, to draw the graph: plain `if` and `for` over
    parameters work, and results of steps are handles that are passed to other steps. Where it looks
    at a result (`if`, `for`, `+`, `handle.result()`, ...), the graph is drawn up to there; the run
    calls the function anew, executes steps as they are called, and waits where one is looked at.

    Args:
        function: The function, when the decorator is used bare.
        name: Name in the workspace; the function's by default.
        execution_mode: What becomes of other steps when one fails.
        model: The model that the pipeline makes, or its id: each run makes a version of it, which
            links every output of the run's steps.
        isolation: What executes steps that do not say it themselves, as in `@step`.
        image: What the containers of its runs hold, where the stack executes runs in containers.
        timeout_s: Seconds after which a run ends as FAILED: its steps are told, and cancelled after
            a grace of ten seconds. Waiting to be executed takes none of them, pauses do.
        max_parallel: Most steps and items at a time, wherever they are executed.
        on_start: Called with a `Happening` before the run begins, as the hooks of `@step` are.
        on_success: Called so when the run has SUCCEEDED.
        on_failure: Called so when it has FAILED; not where it was stopped.

    Returns:
        A `Pipeline` with the function's own parameters.

    Raises:
        ValueError: A limit is none.
    """

    def decorate(wrapped: Callable[..., Any]) -> Pipeline[..., Any]:
        mode = ExecutionMode(execution_mode)
        return Pipeline(
            wrapped,
            name or wrapped.__name__,
            mode,
            Model.of(model),
            isolation,
            image=image,
            hooks=Hooks(on_start, on_success, on_failure),
            limits=Limits(timeout_s, max_parallel),
        )

    return decorate if function is None else decorate(function)


def _call(function: Callable[..., Any], values: Mapping[str, Any], trace: Trace) -> Any:
    """Call the function with its steps noted; in a context of its own."""
    active.set(trace)
    return function(**values)


def _draw(trace: Trace, author: Callable[[Trace], Any]) -> Any:
    """Give the function's result; None where it looks at the results of steps."""
    try:
        result = author(trace)
        result = _finish(result) if inspect.iscoroutine(result) else result
    except Exception:
        # Whatever came of it: the function saw what no run of it will see.
        if not trace.opened:
            raise
    return None if trace.opened else result


def _finish(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end; where a loop already runs, as in a notebook, in a thread."""
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(contextvars.copy_context().run, asyncio.run, coroutine).result()
