"""Periodic jobs, each run by one replica at a time.

A job belongs to whoever holds its lease: a row that the database's own clock lets expire. The
holder renews it while it works and while it sleeps; when it dies, another takes over, with a
higher fencing token. What a job writes can check that token in its own transaction, so that a
holder that only seemed dead can do no harm.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from meshkit.chance import CHANCE
from meshkit.database import Database
from meshkit.errors import Aborted, MeshError
from meshkit.ids import new_uid
from meshkit.schema import MeshTables, database_time_ms
from meshkit.session import Session

T = TypeVar("T")

_log = logging.getLogger(__name__)

# A server that starts has people waiting: it serves them first, and keeps house afterwards.
_SETTLE_S = 1.0


@dataclass(frozen=True, slots=True)
class Lease:
    """A job held by this process; `fence` is higher than that of every holder before."""

    name: str
    holder: str
    fence: int
    tables: MeshTables

    def check(self, session: Session) -> None:
        """For operations of the job: raises Aborted `LEASE_LOST` unless it is still held."""
        leases = self.tables.leases
        held = session.connection().execute(
            sa.select(leases.c.fence)
            .where(leases.c.name == self.name, leases.c.fence == self.fence)
            .with_for_update()
        )
        if held.first() is None:
            raise Aborted("LEASE_LOST", f"Another replica took over {self.name}.")


@dataclass(frozen=True, slots=True)
class Job:
    """A named function that runs every `interval_s` seconds, give or take a tenth."""

    name: str
    run: Callable[[Lease], Awaitable[object]]
    interval_s: float
    # How long others wait for a holder that fell silent.
    lease_s: float = 30.0
    # Begins with the server: what happens from then on concerns it.
    at_once: bool = False


class JobRunner:
    """Runs jobs while it is open: `async with JobRunner(database, [Job(...), ...])`."""

    def __init__(self, database: Database, jobs: list[Job], *, holder: str = "") -> None:
        self._database = database
        self._jobs = jobs
        self._holder = holder or str(new_uid())
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [
            asyncio.create_task(self._keep(job), name=f"job {job.name}") for job in self._jobs
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Interrupts the jobs, and gives their leases back."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep(self, job: Job) -> None:
        """Holds the job whenever it can be had."""
        if not job.at_once:
            await asyncio.sleep(_jittered(min(job.interval_s, _SETTLE_S)))
        while True:
            lease = await self._attempt(job, self._acquire(job))
            if lease:
                try:
                    await self._hold(job, lease)
                finally:
                    given = self._database.write_grouped(release_all, lease)
                    await self._attempt(job, given)
            await asyncio.sleep(_jittered(job.lease_s / 3))

    async def _hold(self, job: Job, lease: Lease) -> None:
        """Works until the lease is lost."""
        working = asyncio.create_task(_work(job, lease))
        try:
            is_held = True
            while is_held:
                await asyncio.sleep(_jittered(job.lease_s / 3))
                is_held = await self._renewed(job, lease)
            _log.warning("lost the lease of job %s", job.name)
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    async def _renewed(self, job: Job, lease: Lease) -> bool:
        """Whether the lease is certainly still ours; silence of the database is not certain."""
        try:
            async with asyncio.timeout(job.lease_s / 3):
                return await self._database.write(renew, lease, job.lease_s)
        except (MeshError, sa.exc.SQLAlchemyError, OSError):
            return False

    async def _acquire(self, job: Job) -> Lease | None:
        claim = Claim(self._database.tables, job.name, self._holder, job.lease_s)
        return await self._database.write_grouped(acquire_all, claim)

    async def _attempt(self, job: Job, step: Awaitable[T]) -> T | None:
        """A step of the lease's own; tried again later where it fails."""
        try:
            return await step
        except (MeshError, sa.exc.SQLAlchemyError, OSError) as error:
            _log.warning("job %s: the lease cannot be had now: %r", job.name, error)
            return None


async def _work(job: Job, lease: Lease) -> None:
    while True:
        try:
            await job.run(lease)
        except Exception:  # noqa: BLE001 - one failed run must not end the job
            _log.exception("job %s failed; it runs again in %s s", job.name, job.interval_s)
        await asyncio.sleep(_jittered(job.interval_s))


def _jittered(seconds: float) -> float:
    return seconds * CHANCE.uniform(0.9, 1.1)  # spreads replicas, hides nothing


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody asks for who wants a lease."""

    tables: MeshTables
    name: str
    holder: str
    lease_s: float


def acquire(
    session: Session, tables: MeshTables, name: str, holder: str, lease_s: float
) -> Lease | None:
    """An operation: takes the lease if it is new or has expired."""
    return acquire_all(session, [Claim(tables, name, holder, lease_s)])[0]


def acquire_all(session: Session, claims: Sequence[Claim]) -> list[Lease | None]:
    """A grouped operation: `acquire` for each; a server that starts wants a dozen at once."""
    tables = claims[0].tables
    _insert_expired(session, tables.leases, {claim.name for claim in claims})
    alike: dict[tuple[str, float], list[Claim]] = defaultdict(list)
    for claim in claims:
        alike[claim.holder, claim.lease_s].append(claim)
    taken: dict[Claim, Lease] = {}
    for (holder, lease_s), group in alike.items():
        fences = _take(session, tables.leases, {claim.name for claim in group}, holder, lease_s)
        for claim in group:
            # Of two that are the same, one gets it.
            if fence := fences.pop(claim.name, 0):
                taken[claim] = Lease(claim.name, holder, fence, tables)
    return [taken.pop(claim, None) for claim in claims]


def _take(
    session: Session, leases: sa.Table, names: set[str], holder: str, lease_s: float
) -> dict[str, int]:
    """Fences by name of the leases that could be had."""
    taken = session.connection().execute(
        leases.update()
        .where(leases.c.name.in_(names), leases.c.expire_time_ms <= database_time_ms())
        .values(
            holder=holder,
            fence=leases.c.fence + 1,
            expire_time_ms=database_time_ms() + round(lease_s * 1000),
        )
        .returning(leases.c.name, leases.c.fence)
    )
    return {row.name: row.fence for row in taken}


def _insert_expired(session: Session, leases: sa.Table, names: set[str]) -> None:
    """Rows for what nobody has held yet; two replicas may both try."""
    connection = session.connection()
    known = connection.scalars(sa.select(leases.c.name).where(leases.c.name.in_(names)))
    # In one order everywhere: replicas that start together would wait for each other.
    new = sorted(names.difference(known))
    if new:
        rows = [{"name": name, "holder": "", "fence": 0, "expire_time_ms": 0} for name in new]
        insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
        connection.execute(insert(leases).on_conflict_do_nothing(), rows)


def renew(session: Session, lease: Lease, lease_s: float) -> bool:
    """An operation: holds on to a lease; False if another has taken it."""
    leases = lease.tables.leases
    result = session.connection().execute(
        leases.update()
        .where(leases.c.name == lease.name, leases.c.fence == lease.fence)
        .values(expire_time_ms=database_time_ms() + round(lease_s * 1000))
    )
    return result.rowcount == 1


def release(session: Session, lease: Lease) -> None:
    """An operation: lets others have the job at once."""
    release_all(session, [lease])


def release_all(session: Session, leases: Sequence[Lease]) -> list[None]:
    """A grouped operation: `release` for each."""
    table = leases[0].tables.leases
    held = sa.tuple_(table.c.name, table.c.fence).in_([(each.name, each.fence) for each in leases])
    session.connection().execute(table.update().where(held).values(expire_time_ms=0))
    return [None] * len(leases)
