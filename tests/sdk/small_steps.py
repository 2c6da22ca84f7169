"""Steps and helpers that the tests of runs share."""

from __future__ import annotations

from typing import Any

from weft import Run, StepState, step


@step
def load(rows: int) -> list[int]:
    return list(range(rows))


@step
def add(a: int, b: int = 10) -> int:
    return a + b


def states(run: Run[Any]) -> dict[str, StepState]:
    return {name: found.state for name, found in run.steps.items()}
