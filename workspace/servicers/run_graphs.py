"""A run as a graph, in one pass over its steps."""

from collections.abc import Iterator
from typing import Any

from meshkit.session import Session
from weftapi.workspace.v1 import run_graph_pb2, run_types_pb2
from workspace.servicers.converting import numbers, stamp
from workspace.store import run_graphs as store
from workspace.store import runs as run_store
from workspace.store.lists import revision
from workspace.store.run_graphs import Drawn

MAX_STEPS = 10_000
MAX_BYTES = 3 << 20
_STATES = numbers(run_types_pb2.StepState)


def read(
    session: Session, project: str, run: str, *, show_items: bool
) -> run_graph_pb2.RunGraph | None:
    """The graph of a run; None where there is no such run."""
    row = run_store.get(session, project, run)
    if row is None:
        return None
    steps = store.steps(session, row.uid, MAX_STEPS + 1)
    drawing = _Drawing(show_items=show_items)
    for step in steps[:MAX_STEPS]:
        drawing.add(step)
    graph = drawing.graph
    graph.truncated |= len(steps) > MAX_STEPS
    graph.revision = revision(session)
    return graph


class _Drawing:
    """Grows step by step, until it is as large as an answer may be."""

    def __init__(self, *, show_items: bool) -> None:
        self.graph = run_graph_pb2.RunGraph()
        self._show_items = show_items
        self._steps: dict[str, run_graph_pb2.GraphStep] = {}
        self._versions: set[str] = set()
        self._room = MAX_BYTES

    def add(self, step: Drawn) -> None:
        if step.map_group in self._steps:
            self._steps[step.map_group].item_counts[step.state] += 1
            if not self._show_items:
                return
        edges = list(_edges(step))
        self._room -= 64 + len(step.id) + sum(24 + sum(map(len, edge)) for edge in edges)
        if self._room < 0:
            self.graph.truncated = True
            return
        state: Any = _STATES[step.state]
        self._steps[step.id] = self.graph.steps.add(
            step_id=step.id,
            state=state,
            map_group=step.map_group,
            start_time=stamp(step.start_time),
            end_time=stamp(step.end_time),
        )
        for source, target, slot in edges:
            self.graph.edges.add(source=source, target=target, slot=slot)
        self._add_versions(*step.inputs.values(), *step.outputs.values())

    def _add_versions(self, *names: str) -> None:
        new = set(names) - self._versions
        self._versions |= new
        self._room -= sum(map(len, new))
        self.graph.artifact_versions.extend(sorted(new))


def _edges(step: Drawn) -> Iterator[tuple[str, str, str]]:
    for upstream in step.upstream:
        yield upstream, step.id, ""
    for slot, version in step.inputs.items():
        yield version, step.id, slot
    for slot, version in step.outputs.items():
        yield step.id, version, slot
