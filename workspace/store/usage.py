"""How much there is in a workspace: counts, and nothing about what is counted."""

from dataclasses import dataclass

import sqlalchemy as sa

from meshkit.session import Session
from workspace.lifecycle import RUN_ACTIVE
from workspace.store.base import columns
from workspace.store.schema import Project, RunCounter
from workspace.store.schema_artifacts import ArtifactVersion
from workspace.store.schema_snapshots import Pipeline


@dataclass(frozen=True, slots=True)
class Counts:
    """How many there are now."""

    projects: int
    pipelines: int
    runs: int
    active_runs: int


def counts(session: Session) -> Counts:
    """Runs by their counters, the others by counting: there are few of them."""
    connection, counters = session.connection(), columns(RunCounter)
    query = sa.select(counters.state, sa.func.sum(counters.count)).group_by(counters.state)
    by_state = {state: int(number) for state, number in connection.execute(query)}
    live = columns(Project).delete_time.is_(None)
    projects, pipelines = (
        connection.execute(
            sa.select(sa.func.count()).select_from(cls.__table__).where(kept)
        ).scalar_one()
        for cls, kept in ((Project, live), (Pipeline, sa.true()))
    )
    active = sum(by_state.get(state, 0) for state in RUN_ACTIVE)
    return Counts(projects, pipelines, sum(by_state.values()), active)


def stored_bytes(session: Session) -> int:
    """What all artifact versions say that they weigh; reads every row."""
    query = sa.select(sa.func.sum(columns(ArtifactVersion).size_bytes))
    return int(session.connection().execute(query).scalar_one() or 0)
