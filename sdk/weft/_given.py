"""Results that a retried run has from the run that it retries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from weft._records import ArtifactVersion, Given
from weft._states import StepState

if TYPE_CHECKING:
    from weftapi.workspace.v1 import run_types_pb2

Versions = Callable[[Mapping[str, str]], dict[str, tuple[ArtifactVersion, ...]]]


def given_results(steps: Iterable[run_types_pb2.Step], versions_of: Versions) -> dict[str, Given]:
    """Reads what CACHED steps have: outputs by step, and by item where one is a fan-out."""
    from weftapi.workspace.v1 import run_types_pb2

    cached = run_types_pb2.StepState.Value(f"STEP_STATE_{StepState.CACHED}")
    found = [step for step in steps if step.state == cached]
    items: dict[str, dict[str, Mapping[str, ArtifactVersion]]] = {}
    for step in sorted(found, key=lambda step: step.map_index):
        if step.map_group:
            outputs = _single(versions_of(step.outputs))
            items.setdefault(step.map_group, {})[step.step_id] = outputs
    return {
        step.step_id: Given(_single(versions_of(step.outputs)), items.get(step.step_id, {}))
        for step in found
        if not step.map_group
    }


def _single(outputs: Mapping[str, tuple[ArtifactVersion, ...]]) -> dict[str, ArtifactVersion]:
    return {name: versions[0] for name, versions in outputs.items()}
