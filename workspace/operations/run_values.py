"""Metadata of runs: what is written of a run as a whole, and figures that its steps log."""

import json
from typing import Any
from uuid import UUID

from meshkit.session import Session
from workspace.operations.moves import Moves
from workspace.store import values as store
from workspace.store.schema import Run, Step

MAX_BYTES = 64 << 10


def size(values: dict[str, Any]) -> int:
    """What metadata counts as against MAX_BYTES."""
    return len(json.dumps(values).encode())


class RunValues:
    """Changes of the metadata of held runs within one operation; `moves` writes the rows."""

    def __init__(self, session: Session, moves: Moves) -> None:
        self._session = session
        self._moves = moves
        self._before: dict[UUID, tuple[Run, dict[str, Any]]] = {}

    def put(self, run: Run, values: dict[str, Any], *, item: int = 0) -> None:
        """Gives a run new metadata."""
        self._before.setdefault(run.uid, (run, run.metadata))
        run.metadata = values
        self._moves.change_run(run, "metadata", item=item)

    def log(self, run: Run, step: Step, values: dict[str, Any], *, item: int = 0) -> None:
        """Lets numbers that a step logs stand for its run: people look for runs by them.

        One item of a fan-out does not speak for its run, and what is too much stays with the step.
        """
        if step.map_group:
            return
        numbers = {key: value for key, value in values.items() if type(value) in (int, float)}
        if numbers.items() <= run.metadata.items():
            return
        merged = {**run.metadata, **numbers}
        if size(merged) <= MAX_BYTES:
            self.put(run, merged, item=item)

    def save(self) -> None:
        """Keeps what lists find the runs by."""
        changes = ((run, {"metadata": before}) for run, before in self._before.values())
        store.follow_all(self._session, changes)
