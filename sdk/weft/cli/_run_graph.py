"""A run drawn as text: who waits for whom, and what they made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from weft._enums import word
from weft.cli._text import plain

if TYPE_CHECKING:
    from weft.cli._drawing import Drawing
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


def drawing_of(graph: run_graph_pb2.RunGraph) -> Drawing:
    """The steps with their states, and who waits for whom."""
    from weft.cli._drawing import Drawing

    labels = {step.step_id: _label(step) for step in graph.steps}
    edges = [(e.source, e.target) for e in graph.edges if {e.source, e.target} <= labels.keys()]
    # Two values of one step to another are two edges; drawn they are one.
    return Drawing(labels, list(dict.fromkeys(edges)))


def made_lines(graph: run_graph_pb2.RunGraph) -> Iterator[str]:
    """A line for each step that made something: "train.output → model@3"."""
    steps = {step.step_id for step in graph.steps}
    for edge in sorted(graph.edges, key=lambda e: (e.source, e.slot)):
        if edge.source in steps and edge.target not in steps:
            yield plain(f"  {edge.source}.{edge.slot} → {_version(edge.target)}")
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


def _label(step: run_graph_pb2.GraphStep) -> str:
    from weftapi.workspace.v1 import run_types_pb2

    state = word(run_types_pb2.StepState, step.state)
    counts = ", ".join(f"{n} {name.lower()}" for name, n in sorted(step.item_counts.items()))
    # A word, too: a symbol alone is nothing that a script could look for.
    text = f"{_SYMBOLS.get(state, '·')} {step.step_id} {state.lower()}"
    return f"{text} ({counts})" if counts else text


def _version(name: str) -> str:
    parts = name.split("/")
    return f"{parts[-3]}@{parts[-1]}" if len(parts) > 3 else name  # noqa: PLR2004 - artifacts/a/versions/1
