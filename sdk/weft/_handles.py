"""What a step call gives inside a pipeline: a typed promise of its result."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from weft._graph import FromStep, Node
from weft.errors import HandleUsedAsValueError

if TYPE_CHECKING:
    from weft._tracing import Trace

T = TypeVar("T")


class Handle(Generic[T]):
    """The result of a step that has not run yet: pass it to other steps, or return it.

    `handle.name` and `handle["name"]` select one of several outputs, and `a, b = handle` unpacks
    them. Anything that needs the value itself raises `HandleUsedAsValueError`.
    """

    __slots__ = ("_node", "_output", "_trace")

    def __init__(self, trace: Trace, node: Node, output: str | None = None) -> None:
        self._trace = trace
        self._node = node
        self._output = output

    def after(self, *others: Any) -> Handle[T]:
        """Make this step wait for others whose results it does not take."""
        self._node.after.extend(self._trace.node_ids(others))
        return self

    def __getattr__(self, name: str) -> Handle[Any]:
        if name.startswith("_"):  # copy, pickle and inspect probe for protocols; they get a no
            raise AttributeError(name)
        return self._select(name)

    def __getitem__(self, key: str | int) -> Handle[Any]:
        names = self._node.step.outputs.names
        if isinstance(key, int) and self._has_several and -len(names) <= key < len(names):
            return self._select(names[key])
        if isinstance(key, str) and key in names:
            return self._select(key)
        return self._refuse(f"indexed with [{key!r}]")
        return None

    def __iter__(self) -> Iterator[Handle[Any]]:
        if not self._has_several:
            self._refuse("iterated over", "to run a step for each item, call `step.map(handle)`")
        return iter([self._select(name) for name in self._node.step.outputs.names])

    def __await__(self) -> Generator[Any, None, Handle[T]]:
        """Let `await step(...)` of an async pipeline give the handle at once."""
        return self
        yield  # makes this a generator

    def __repr__(self) -> str:
        return f"<result of step {self._label}, which has not run yet>"

    @property
    def _label(self) -> str:
        return f"{self._node.id}.{self._output}" if self._output else self._node.id

    @property
    def _has_several(self) -> bool:
        mapped = self._node.fan_out is not None
        return self._output is None and not mapped and len(self._node.step.outputs.names) > 1

    def _select(self, name: str) -> Handle[Any]:
        names = self._node.step.outputs.names
        if self._output is not None or name not in names:
            self._refuse(f"asked for `.{name}`", f"its outputs are: {', '.join(names) or 'none'}")
        return Handle(self._trace, self._node, name)

    def _refuse(self, how: str, advice: str = "") -> NoReturn:
        default = "do this inside a step, where values exist, and pass it the handle"
        raise HandleUsedAsValueError(
            f"The result of step {self._label} was {how} while the pipeline was still being drawn; "
            f"{self._node.id} has not run yet. Instead, {advice or default}."
        )


def _refusing(how: str) -> Any:
    def method(self: Handle[Any], *_args: Any) -> NoReturn:
        self._refuse(how)

    return method


_USES = {
    "__bool__": "used as a condition",
    "__len__": "measured with len()",
    "__int__": "converted to int",
    "__float__": "converted to float",
    "__index__": "used as an index",
    "__format__": "put into a string",
    "__str__": "converted to str",
    "__contains__": "searched with `in`",
    "__call__": "called",
} | {
    f"__{prefix}{operator}__": "used in an expression"
    for operator in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor")
    for prefix in ("", "r")
}
_COMPARISONS = {f"__{name}__": "compared" for name in ("eq", "ne", "lt", "le", "gt", "ge")}
for _name, _how in (_USES | _COMPARISONS | {"__neg__": "negated", "__abs__": "used"}).items():
    setattr(Handle, _name, _refusing(_how))
Handle.__hash__ = object.__hash__  # type: ignore[method-assign]


def reference(handle: Handle[Any]) -> FromStep:
    """Give the graph's word for a handle."""
    return FromStep(handle._node.id, handle._output)  # noqa: SLF001 - same module


def trace_of(handle: Handle[Any]) -> Trace:
    """Give the trace that a handle belongs to."""
    return handle._trace  # noqa: SLF001 - same module
