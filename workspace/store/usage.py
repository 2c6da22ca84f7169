"""How many runs are under way, by their counters."""

import sqlalchemy as sa

from meshkit.session import Session
from workspace.lifecycle import RUN_ACTIVE
from workspace.store.base import columns
from workspace.store.schema import RunCounter


def active_runs(session: Session, project: str) -> int:
    """Runs of a project, or of all for an empty one, that have not ended."""
    counters = columns(RunCounter)
    is_active = session.among(counters.state, sorted(state.value for state in RUN_ACTIVE))
    query = sa.select(sa.func.sum(counters.count)).where(is_active)
    if project:
        query = query.where(counters.project == project)
    return int(session.connection().execute(query).scalar_one() or 0)
