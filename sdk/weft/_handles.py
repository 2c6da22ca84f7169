"""What a step call gives inside a pipeline: a typed promise of its result."""

from __future__ import annotations

import operator
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from weft._graph import FromStep, Node
from weft.errors import TracingError

if TYPE_CHECKING:
    from weft._tracing import Trace

T = TypeVar("T")


class Handle(Generic[T]):
    """The result of a step: pass it to other steps, or return it.

    `handle.name` and `handle["name"]` select one of several outputs, and `a, b = handle` unpacks
    them. Anything that needs the value itself (`handle.result()`, `if`, `for`, `+`, ...) waits
    for the step; a pipeline that does so is drawn only up to there.
    """

    __slots__ = ("_node", "_output", "_trace")

    def __init__(self, trace: Trace, node: Node, output: str | None = None) -> None:
        self._trace = trace
        self._node = node
        self._output = output

    def after(self, *others: Any) -> Handle[T]:
        """Make this step wait for others whose results it does not take."""
        self._trace.order(self._node, others)
        return self

    def result(self) -> T:
        """Wait for the step, and give its result.

        Raises:
            StepFailedError: The step failed, or one that it needs.
            StepStoppedError: The run, or the step, was stopped.
        """
        return cast("T", self._open("asked for its value"))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # copy, pickle and inspect probe for protocols; they get a no
            raise AttributeError(name)
        if self._has_several or (self._output is None and name in self._node.step.outputs.names):
            return self._select(name)
        return getattr(self._open(f"asked for `.{name}`"), name)

    def __getitem__(self, key: Any) -> Any:
        names = self._node.step.outputs.names
        if isinstance(key, int) and self._has_several and -len(names) <= key < len(names):
            return self._select(names[key])
        if isinstance(key, str) and key in names and self._output is None:
            return self._select(key)
        return self._open(f"indexed with [{key!r}]")[key]

    def __iter__(self) -> Iterator[Any]:
        if self._has_several:
            return iter([self._select(name) for name in self._node.step.outputs.names])
        value = self._open("iterated over", "to run a step for each item, call `step.map(handle)`")
        return iter(value)

    def __await__(self) -> Generator[Any, None, Handle[T]]:
        """Wait until the step has ended; in a pipeline that is drawn, not at all."""
        yield from self._trace.arrive(self._node.id).__await__()
        return self

    def __repr__(self) -> str:
        return f"<result of step {self._label}>"

    @property
    def _label(self) -> str:
        return f"{self._node.id}.{self._output}" if self._output else self._node.id

    @property
    def _has_several(self) -> bool:
        mapped = self._node.fan_out is not None
        return self._output is None and not mapped and len(self._node.step.outputs.names) > 1

    def _select(self, name: str) -> Handle[Any]:
        names = self._node.step.outputs.names
        if name not in names:
            raise TracingError(
                f"step {self._node.id} has no output {name!r}; it has {', '.join(names)}"
            )
        return Handle(self._trace, self._node, name)

    def _open(self, how: str, advice: str = "") -> Any:
        return self._trace.open(reference(self), how, advice)


class AsyncHandle(Handle[T]):
    """The result of an async step: a coroutine too, so that a `TaskGroup` takes it."""

    __slots__ = ("_waiting",)

    def __init__(self, trace: Trace, node: Node, output: str | None = None) -> None:
        super().__init__(trace, node, output)
        self._waiting: Generator[Any, None, Handle[T]] | None = None

    def send(self, value: Any) -> Any:
        """Go on; as every coroutine does."""
        if self._waiting is None:
            self._waiting = self.__await__()
        return self._waiting.send(value)

    def throw(self, *error: Any) -> Any:
        """Raise inside; as every coroutine does."""
        if self._waiting is None:
            self._waiting = self.__await__()
        return self._waiting.throw(*error)

    def close(self) -> None:
        """Wait no longer; as every coroutine does."""
        if self._waiting is not None:
            self._waiting.close()


def _opening(how: str, use: Callable[..., Any]) -> Any:
    def method(self: Handle[Any], *args: Any) -> Any:
        return use(self._open(how), *args)

    return method


def _reflected(use: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda value, other: use(other, value)


_USES: dict[str, tuple[str, Callable[..., Any]]] = {
    "__bool__": ("used as a condition", bool),
    "__len__": ("measured with len()", len),
    "__int__": ("converted to int", int),
    "__float__": ("converted to float", float),
    "__index__": ("used as an index", operator.index),
    "__format__": ("put into a string", format),
    "__str__": ("converted to str", str),
    "__contains__": ("searched with `in`", operator.contains),
    "__call__": ("called", operator.call),
    "__neg__": ("negated", operator.neg),
    "__abs__": ("used", abs),
}
for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and_", "or_", "xor"):
    _use = getattr(operator, _name)
    _USES[f"__{_name.rstrip('_')}__"] = ("used in an expression", _use)
    _USES[f"__r{_name.rstrip('_')}__"] = ("used in an expression", _reflected(_use))
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    _USES[f"__{_name}__"] = ("compared", getattr(operator, _name))
for _name, (_how, _use) in _USES.items():
    setattr(Handle, _name, _opening(_how, _use))
Handle.__hash__ = object.__hash__  # type: ignore[method-assign]


def reference(handle: Handle[Any]) -> FromStep:
    """Give the graph's word for a handle."""
    return FromStep(handle._node.id, handle._output)  # noqa: SLF001 - same module


def trace_of(handle: Handle[Any]) -> Trace:
    """Give the trace that a handle belongs to."""
    return handle._trace  # noqa: SLF001 - same module
