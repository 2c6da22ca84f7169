"""Metadata of runs: what is written of a run as a whole, and figures that its steps log."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from meshkit.errors import ResourceExhausted
from meshkit.session import Session
from workspace.operations.moves import Moves
from workspace.store import values as store
from workspace.store.schema import Run, Step

MAX_BYTES = 64 << 10


def too_much(
    resource: str, known: Mapping[str, Any], new: Mapping[str, Any]
) -> ResourceExhausted | None:
    """The refusal of new metadata that does not fit beside what is known; None where it does."""
    if not new or _size({**known, **new}) <= MAX_BYTES:
        return None
    return ResourceExhausted(
        "QUOTA_EXCEEDED",
        f"{resource} would have more than {MAX_BYTES >> 10} KiB of metadata.",
        metadata={"resource": resource, "limit": str(MAX_BYTES)},
    )


def merged(resource: str, known: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """New metadata over what is known; raises ResourceExhausted."""
    refusal = too_much(resource, known, new)
    if refusal:
        raise refusal
    return {**known, **new}


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
        if not too_much(run.name, run.metadata, numbers):
            self.put(run, {**run.metadata, **numbers}, item=item)

    def save(self) -> None:
        """Keeps what lists find the runs by."""
        changes = ((run, {"metadata": before}) for run, before in self._before.values())
        store.follow_all(self._session, changes)


def _size(values: dict[str, Any]) -> int:
    return len(json.dumps(values).encode())
