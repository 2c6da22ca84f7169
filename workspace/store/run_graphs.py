"""What the graph of a run is drawn of: a few columns of its steps."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from meshkit.session import Session
from workspace.store.base import columns
from workspace.store.schema import Step

_C = columns(Step)


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a drawing shows of a step."""

    id: str
    state: str
    upstream: list[str]
    map_group: str
    inputs: dict[str, str]
    outputs: dict[str, str]
    start_time: datetime | None
    end_time: datetime | None


_SHOWN = (
    _C.id,
    _C.state,
    _C.upstream,
    _C.map_group,
    _C.inputs,
    _C.outputs,
    _C.start_time,
    _C.end_time,
)


def steps(session: Session, run_uid: UUID, limit: int) -> list[Drawn]:
    """The first steps of a run, in the order of its graph."""
    query = sa.select(*_SHOWN).where(_C.run_uid == run_uid).order_by(_C.ordinal, _C.uid)
    return [Drawn(*row) for row in session.connection().execute(query.limit(limit))]
