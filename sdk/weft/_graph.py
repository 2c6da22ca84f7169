"""The graph of a pipeline: steps, where their inputs come from, and their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from weft._definition import StepDefinition
from weft._hooks import Hooks
from weft._limits import Limits
from weft._models import Model
from weft._records import ArtifactVersion
from weft._states import ExecutionMode
from weft.errors import CycleError

if TYPE_CHECKING:
    from weft._tracing import Trace


@dataclass(frozen=True, slots=True)
class Constant:
    """A value known when the graph was drawn, as JSON of `weft._json`."""

    data: Any


@dataclass(frozen=True, slots=True)
class FromStep:
    """A result of a step: one output, or with None all of them, joined as the step returns them.

    The result of a fanned-out step is the list of its items' results.
    """

    step: str
    output: str | None


@dataclass(frozen=True, slots=True)
class Existing:
    """An artifact version that an earlier run made."""

    version: ArtifactVersion


@dataclass(frozen=True, slots=True)
class Collection:
    """A list, tuple or dict that holds results of steps; the keys of lists count from 0."""

    kind: Literal["list", "tuple", "dict"]
    items: tuple[tuple[Any, Binding], ...]


Binding = Constant | FromStep | Existing | Collection


@dataclass(frozen=True, slots=True)
class FanOut:
    """One call of the step per item of the arguments named in `over`, which are as long."""

    over: tuple[str, ...]
    concurrency: int | None = None
    return_exceptions: bool = False


@dataclass(slots=True)
class Node:
    """One call of a step in the pipeline."""

    id: str
    step: StepDefinition
    inputs: dict[str, Binding]
    call_site: str
    after: list[str] = field(default_factory=list)
    fan_out: FanOut | None = None
    # Called after a look at a result, while the run executes.
    is_late: bool = False

    @property
    def upstream(self) -> tuple[str, ...]:
        """Ids of the steps this one waits for, each once, in order of mention."""
        sources = [s for binding in self.inputs.values() for s in sources_of(binding)]
        return tuple(dict.fromkeys([*sources, *self.after]))


def sources_of(binding: Binding) -> Iterator[str]:
    """Yield ids of the steps that a binding reads."""
    if isinstance(binding, FromStep):
        yield binding.step
    if isinstance(binding, Collection):
        for _, item in binding.items:
            yield from sources_of(item)


@dataclass(frozen=True, slots=True)
class Graph:
    """A traced pipeline: its nodes in order of call, and what it returns.

    Attributes:
        parameters: Values by name, as JSON.
        result: What the pipeline function returned.
        model: The model that a run makes a version of.
        author: The pipeline's function, where results of steps decide what else it calls: the nodes
            are those that it calls before it looks at one. None where all nodes are there.
        opened: Where it looks first, in words.
        changes: What is done to nodes that are called later.
        limits: What its run may take as a whole.
    """

    pipeline: str
    nodes: Mapping[str, Node]
    parameters: Mapping[str, Any]
    result: Binding
    mode: ExecutionMode = ExecutionMode.CONTINUE
    parameters_schema: Mapping[str, Any] = field(default_factory=dict)
    entrypoint: str = ""
    model: Model | None = None
    author: Callable[[Trace], Any] | None = None
    opened: str = ""
    hooks: Hooks = field(default_factory=Hooks)
    changes: tuple[Callable[[Node], Node], ...] = ()
    limits: Limits = field(default_factory=Limits)

    def changed(self, change: Callable[[Node], Node]) -> Graph:
        """Give the graph with every node changed, also those that are called later."""
        nodes = {id_: change(node) for id_, node in self.nodes.items()}
        return replace(self, nodes=nodes, changes=(*self.changes, change))

    def late(self, node: Node) -> Node:
        """Give a node that is called only now as the graph has it."""
        for change in self.changes:
            node = change(node)
        return node

    def in_order(self) -> list[Node]:
        """Give nodes so that each follows those it waits for; equal ones stay as they were called.

        Raises:
            CycleError: Steps wait for each other; the message shows the circle.
        """
        depth: dict[str, int] = {}
        missing = {node.id: len(node.upstream) for node in self.nodes.values()}
        followers: dict[str, list[str]] = {id_: [] for id_ in self.nodes}
        for node in self.nodes.values():
            for upstream in node.upstream:
                followers[upstream].append(node.id)
        ready = deque(id_ for id_, count in missing.items() if not count)
        while ready:
            id_ = ready.popleft()
            depth[id_] = 1 + max((depth[up] for up in self.nodes[id_].upstream), default=0)
            for follower in followers[id_]:
                missing[follower] -= 1
                if not missing[follower]:
                    ready.append(follower)
        waiting = {id_: node for id_, node in self.nodes.items() if id_ not in depth}
        if waiting:
            raise CycleError(f"steps wait for each other: {_circle(waiting)}")
        return sorted(self.nodes.values(), key=lambda node: depth[node.id])

    def downstream(self, steps: Iterable[str]) -> set[str]:
        """Give ids of all steps that need one of these, directly or not."""
        reached = set(steps)
        for node in self.in_order():
            if any(up in reached for up in node.upstream):
                reached.add(node.id)
        return reached - set(steps)

    def _repr_html_(self) -> str:
        from weft import _reprs

        return _reprs.of_graph(self)


def _circle(waiting: Mapping[str, Node]) -> str:
    """Walk upstream among steps that cannot start until one comes again."""
    path = [next(iter(waiting))]
    while True:
        upstream = next(up for up in waiting[path[-1]].upstream if up in waiting)
        if upstream in path:
            circle = [*path[path.index(upstream) :], upstream]
            return " -> ".join(reversed(circle))
        path.append(upstream)
