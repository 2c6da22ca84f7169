"""Draws the graph of a pipeline by running its function once, with steps that only note calls."""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from weft import _json
from weft._artifact import Artifact
from weft._definition import StepDefinition
from weft._graph import Binding, Collection, Constant, Existing, FanOut, FromStep, Node
from weft._handles import AsyncHandle, Handle, reference, trace_of
from weft._ids import resource_id
from weft.errors import ArgumentError, ConstantError, HandleUsedAsValueError, TracingError

active: ContextVar[Trace | None] = ContextVar("weft_trace", default=None)
_PACKAGE = str(Path(__file__).parent)


class Trace:
    """The nodes noted so far."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        # What could not be drawn, and why; "" where everything could.
        self.opened: str = ""
        # Where to look for the next free id, by what ids begin with.
        self._numbers: dict[str, int] = {}

    def call(
        self,
        step: StepDefinition,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        *,
        after: Iterable[Any] = (),
        fan_out: FanOut | None = None,
    ) -> Handle[Any]:
        """Note one call of a step.

        Raises:
            ArgumentError: The function does not take these arguments.
            ConstantError: An argument is no handle and cannot be stored.
        """
        where = call_site()
        bound = self._bind(step, args, kwargs, where)
        inputs = {
            name: self.bind_value(v, f"{step.name}({name}=...) at {where}")
            for name, v in bound.items()
        }
        name = self._new_id(step.name, is_fan_out=fan_out is not None)
        node = Node(name, step, inputs, where, self.node_ids(after), fan_out)
        self.nodes[node.id] = node
        return (AsyncHandle if step.is_async and fan_out is None else Handle)(self, node)

    def order(self, node: Node, others: Iterable[Any]) -> None:
        """Make a step that was noted wait for others."""
        node.after.extend(self.node_ids(others))

    def open(self, reference: FromStep, how: str, advice: str = "") -> Any:
        """Give the value of a result; nothing has one while the graph is drawn.

        Raises:
            HandleUsedAsValueError: Always.
        """
        default = "pass it to a step, where values exist"
        self.opened = (
            f"the result of step {_label(reference)} was {how} at {call_site()}, "
            f"before {reference.step} has run"
        )
        raise HandleUsedAsValueError(f"{self.opened}. To have it drawn, {advice or default}.")

    async def arrive(self, step: str) -> None:
        """Wait for a step to end: at once, while the graph is drawn."""

    def bind_value(self, value: Any, where: str) -> Binding:
        """Give the graph's word for a value that may hold handles."""
        if isinstance(value, Handle):
            self._own(value)
            return reference(value)
        if isinstance(value, Artifact):
            return Existing(value.version)
        if type(value) in {list, tuple, dict} and _holds_handles(value):
            return self._collection(value, where)
        try:
            return Constant(_json.encode(value))
        except _json.NotPlainError as error:
            raise ConstantError(
                f"{where}: {error}, which cannot be stored as a constant of the graph. "
                "Build it inside a step and pass the step's result."
            ) from None

    def node_ids(self, handles: Iterable[Any]) -> list[str]:
        """Give the ids of the steps of these handles.

        Raises:
            TracingError: One of them is no handle of this pipeline.
        """
        found = []
        for handle in handles:
            if not isinstance(handle, Handle):
                raise TracingError(f"after() takes results of steps, got {handle!r}")
            self._own(handle)
            found.append(reference(handle).step)
        return found

    def _collection(self, value: Any, where: str) -> Collection:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        items = tuple((key, self.bind_value(item, where)) for key, item in pairs)
        return Collection(type(value).__name__, items)  # type: ignore[arg-type]

    def _bind(
        self, step: StepDefinition, args: tuple[Any, ...], kwargs: Mapping[str, Any], where: str
    ) -> dict[str, Any]:
        try:
            bound = step.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise ArgumentError(f"{step.name}{step.signature} at {where}: {error}") from None
        return bound.arguments

    def _own(self, handle: Handle[Any]) -> None:
        if trace_of(handle) is not self:
            raise TracingError(f"{handle!r} belongs to another pipeline")

    def _new_id(self, name: str, *, is_fan_out: bool) -> str:
        base = resource_id(name)[:50].rstrip("-")
        first = self.nodes.get(base)
        mark = "x" if first is not None and first.fan_out else ""  # `<base>-2` may be its item
        # What was taken stays taken: nobody looks at it again.
        stem = f"{base}-{mark}"
        for number in itertools.count(self._numbers.get(stem, 1)):
            candidate = f"{stem}{number}" if number > 1 else base
            if not self._is_taken(candidate, is_fan_out=is_fan_out):
                break
        if not is_fan_out:
            self._numbers[stem] = number
        return candidate

    def _is_taken(self, candidate: str, *, is_fan_out: bool) -> bool:
        """Whether a node has this id, or an item of a fan-out has or would have it."""
        head, _, tail = candidate.rpartition("-")
        item_of = self.nodes.get(head) if tail.isdigit() else None
        if candidate in self.nodes or (item_of is not None and item_of.fan_out is not None):
            return True
        if not is_fan_out:
            return False
        items = re.compile(rf"{candidate}-\d+")
        return any(items.fullmatch(node) for node in self.nodes)


def call_site() -> str:
    """Give `file:line` of the nearest caller outside this package."""
    frame = sys._getframe(1)  # noqa: SLF001 - inspect.stack() reads every source file on the way
    while frame.f_back and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"


def _label(reference: FromStep) -> str:
    return f"{reference.step}.{reference.output}" if reference.output else reference.step


def _holds_handles(value: Any) -> bool:
    if isinstance(value, Handle | Artifact):
        return True
    if type(value) in {list, tuple}:
        return any(_holds_handles(item) for item in value)
    return type(value) is dict and any(_holds_handles(item) for item in value.values())
