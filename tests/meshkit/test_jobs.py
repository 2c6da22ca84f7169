import asyncio
import logging

import pytest
import sqlalchemy as sa

from meshkit.database import Database
from meshkit.errors import Aborted
from meshkit.jobs import Job, JobRunner, Lease, acquire, release, renew
from tests.meshkit.notes import TABLES


async def expire(database: Database) -> None:
    """As if the holder had been silent for its whole lease."""
    await database.write(
        lambda session: session.execute(sa.update(TABLES.leases).values(expire_time_ms=1))
    )


async def steal(database: Database) -> None:
    """As if another replica had taken the lease, and died."""
    stolen = {"fence": TABLES.leases.c.fence + 1, "expire_time_ms": 1}
    await database.write(lambda session: session.execute(sa.update(TABLES.leases).values(stolen)))


async def take(database: Database, holder: str) -> Lease | None:
    return await database.write(acquire, TABLES, "sweep", holder, 60.0)


async def test_one_holds_a_lease_until_it_expires(database: Database) -> None:
    first = await take(database, "a")
    assert first is not None
    assert await take(database, "b") is None
    assert await database.write(renew, first, 60.0)

    await expire(database)
    second = await take(database, "b")
    assert second is not None
    assert second.fence > first.fence
    assert not await database.write(renew, first, 60.0)
    await database.write(release, first)
    assert await take(database, "c") is None


async def test_a_holder_that_lost_its_lease_writes_nothing(database: Database) -> None:
    stale = await take(database, "a")
    assert stale is not None
    await database.write(stale.check)
    await expire(database)
    await take(database, "b")
    with pytest.raises(Aborted) as refusal:
        await database.write(stale.check)
    assert refusal.value.reason == "LEASE_LOST"


async def test_one_of_two_runners_works_and_the_other_takes_over(database: Database) -> None:
    ran: asyncio.Queue[tuple[str, int]] = asyncio.Queue()

    def runner(name: str) -> JobRunner:
        async def run(lease: Lease) -> None:
            await ran.put((name, lease.fence))

        return JobRunner(database, [Job("sweep", run, 0.01, lease_s=2.0)], holder=name)

    async with runner("a"):
        assert await ran.get() == ("a", 1)
        async with runner("b"):
            assert {(await ran.get())[0] for _ in range(5)} == {"a"}
            await steal(database)
            # Either may come first: the fence tells that it is a new holding.
            while (await ran.get())[1] == 1:
                pass
    while not ran.empty():
        ran.get_nowait()
    async with runner("c"):
        name, fence = await ran.get()
        assert name == "c"
        assert fence > 2


async def test_a_job_that_raises_is_logged_and_runs_again(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    runs: asyncio.Queue[int] = asyncio.Queue()

    async def fail(lease: Lease) -> None:
        await runs.put(lease.fence)
        raise ValueError("no luck")

    with caplog.at_level(logging.ERROR):
        async with JobRunner(database, [Job("sweep", fail, 0.01)]):
            assert [await runs.get() for _ in range(3)] == [1, 1, 1]
    assert "no luck" in caplog.text


async def test_leaving_stops_the_job_and_frees_the_lease(database: Database) -> None:
    started, stopped = asyncio.Event(), asyncio.Event()

    async def work(_: Lease) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async with JobRunner(database, [Job("sweep", work, 1.0)]):
        await started.wait()
    assert stopped.is_set()
    assert await take(database, "next") is not None
