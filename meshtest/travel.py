"""Time travel: moves the clock of a mesh, and has the real scheduler see what it passes."""

from datetime import datetime

import sqlalchemy as sa

from meshkit.jobs import Lease, acquire
from meshkit.session import Session
from meshtest.mesh import Mesh
from workspace.scheduler import Scheduler
from workspace.store.base import columns
from workspace.store.schema_schedules import Schedule, ScheduleState

_SCHEDULE = columns(Schedule)
# The scheduler's own job does not run in a mesh of tests: nobody else wants this lease.
_LEASE, _LEASE_S = "time travel", 10 * 365 * 86_400.0


class Traveller:
    """Goes from one time of a project's schedules to the next."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        workspace = mesh.workspace
        self._scheduler = Scheduler(
            workspace.database,
            workspace.policies.refusal,
            clock=mesh.clock,
            wake=workspace.reconciler.wake,
        )
        self._lease: Lease | None = None

    async def next_time(self, project: str) -> datetime | None:
        """When a schedule of the project is due next; None where none is."""
        return await self._mesh.workspace.database.read(_next_time, project)

    async def arrive(self, moment: datetime) -> int:
        """Makes it that moment, and has the scheduler look; how many schedules fired."""
        database = self._mesh.workspace.database
        if self._lease is None:
            taken = await database.write(acquire, database.tables, _LEASE, _LEASE, _LEASE_S)
            assert taken
            self._lease = taken
        self._mesh.clock.move_to(moment)
        return await self._scheduler.run(self._lease)


def _next_time(session: Session, project: str) -> datetime | None:
    query = sa.select(sa.func.min(_SCHEDULE.next_run_time)).where(
        _SCHEDULE.project == project, _SCHEDULE.state == ScheduleState.ACTIVE
    )
    found: datetime | None = session.connection().execute(query).scalar()
    return found
