"""A run drawn as text: who waits for whom, and what they made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from weft.cli._text import plain

if TYPE_CHECKING:
    from weftapi.workspace.v1 import run_graph_pb2, run_types_pb2

_SYMBOLS = {
    "SUCCEEDED": "✓",
    "CACHED": "⚡",
    "FAILED": "✗",
    "RUNNING": "●",
    "PAUSED": "‖",
    "SKIPPED": "-",
    "STOPPED": "■",
}
_MOST_VALUES = 20


def drawn(graph: run_graph_pb2.RunGraph) -> Iterator[str]:
    """The lines: a step stands deeper than all that it waits for."""
    steps = {step.step_id for step in graph.steps}
    before: defaultdict[str, list[str]] = defaultdict(list)
    made: defaultdict[str, list[str]] = defaultdict(list)
    for edge in graph.edges:
        if edge.target in steps and edge.source in steps:
            before[edge.target].append(edge.source)
        elif edge.source in steps:
            made[edge.source].append(f"{edge.slot} → {_version(edge.target)}")
    depth: dict[str, int] = {}
    # In the order of the graph: each comes after all that it waits for.
    for step in graph.steps:
        depth[step.step_id] = 1 + max((depth[up] for up in before[step.step_id]), default=-1)
        yield plain("  " * depth[step.step_id] + _step(step, before[step.step_id]))
        for output in sorted(made[step.step_id]):
            yield plain("  " * depth[step.step_id] + f"    {output}")
    if graph.truncated:
        yield "… there is more than fits: weft runs show RUN --items"


def logged(subject: run_types_pb2.Step | run_types_pb2.Run) -> list[str]:
    """Metrics and other values of a step or a run, a line each."""
    from google.protobuf.json_format import MessageToDict

    values = MessageToDict(subject.metadata) if subject.HasField("metadata") else {}
    lines = [f"{name} = {_value(value)}" for name, value in sorted(values.items())]
    more = [f"… and {len(lines) - _MOST_VALUES} more"] if len(lines) > _MOST_VALUES else []
    return [plain(line) for line in lines[:_MOST_VALUES] + more]


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)[:120]


def _step(step: run_graph_pb2.GraphStep, before: list[str]) -> str:
    from weftapi.workspace.v1 import run_types_pb2

    state = run_types_pb2.StepState.Name(step.state).removeprefix("STEP_STATE_")
    parts = [f"{_SYMBOLS.get(state, '·')} {step.step_id}", state.lower()]
    if step.item_counts:
        counts = ", ".join(f"{n} {name.lower()}" for name, n in sorted(step.item_counts.items()))
        parts.append(f"({counts})")
    if before:
        parts.append(f"after {', '.join(before)}")
    return "  ".join(parts)


def _version(name: str) -> str:
    parts = name.split("/")
    return f"{parts[-3]}@{parts[-1]}" if len(parts) > 3 else name  # noqa: PLR2004 - artifacts/a/versions/1
