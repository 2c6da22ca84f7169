"""What people want of a run, as its runner hears it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workspace.lifecycle import RUN_TERMINAL, RunState
from workspace.store.schema import Run


@dataclass(frozen=True, slots=True)
class Wishes:
    """That a run stop, until it has ended; that it start nothing new, while it is paused.

    `steps` are the wishes that single steps stop, by their ids.
    """

    stop: dict[str, Any] | None
    pause: dict[str, Any] | None
    steps: Mapping[str, dict[str, Any]]


def wishes(run: Run) -> Wishes:
    """What people want of a run, for as long as it has not ended."""
    if run.state in RUN_TERMINAL:
        return Wishes(None, None, {})
    pause = run.pause_request if run.state == RunState.PAUSED else None
    return Wishes(run.stop_request, pause, run.step_stops)
