"""Silence: a condition first, a verdict only after a lease that was watched to its end."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from meshkit.jobs import Lease, acquire, release
from meshkit.session import Session
from tests.workspace.harness import Harness, run_report, step_report, workspace
from weftapi.workspace.v1 import events_pb2, reports_pb2, run_types_pb2, runs_pb2
from workspace.reaper import Reaper
from workspace.store import runs as run_store


class World:
    """A workspace whose own jobs do not run, and a reaper that the test makes look."""

    def __init__(self, ws: Harness) -> None:
        self.ws = ws
        self.moved_ms = 0
        self.held: Lease | None = None
        self.reaper = Reaper(
            ws.workspace.database,
            ws.workspace.heartbeats,
            clock=ws.clock,
            silence=timedelta(seconds=60),
            lease=timedelta(minutes=15),
            time_ms=self.time_ms,
        )

    def time_ms(self, session: Session) -> int:
        """The database's clock, moved by the test along with ours."""
        return run_store.time_ms(session) + self.moved_ms

    def pass_time(self, seconds: float, *, database: float | None = None) -> None:
        self.ws.clock.move(seconds=seconds)
        self.moved_ms += round((seconds if database is None else database) * 1000)

    async def lease(self) -> Lease:
        """The job's lease, taken over from whoever has it."""
        database = self.ws.workspace.database
        if self.held:
            await database.write(release, self.held)
        self.held = await database.write(acquire, database.tables, "own", "test", 3600.0)
        assert self.held
        return self.held

    async def get(self, run: str) -> run_types_pb2.Run:
        return await self.ws.runs().GetRun(runs_pb2.GetRunRequest(name=run))

    async def running(self) -> tuple[str, str]:
        run, me = (await self.ws.create_run()).name, str(uuid4())
        await self.ws.add_steps(run, "fit")
        await self.ws.report(run, me, run_report(1, "RUNNING"), step_report(2, "fit", "RUNNING"))
        return run, me


@pytest.fixture
async def world(tmp_path: Path, database_url: str) -> AsyncIterator[World]:
    async with workspace(tmp_path, database_url, reaper_interval_s=3600) as ws:
        await ws.create_project()
        yield World(ws)


async def test_silence_shows_and_life_clears_it(world: World) -> None:
    lease = await world.lease()
    run, me = await world.running()
    await world.reaper.run(lease)
    world.pass_time(70)
    await world.reaper.run(lease)
    silent = await world.get(run)
    assert silent.state == run_types_pb2.RUN_STATE_RUNNING
    assert silent.HasField("unresponsive")
    await world.reaper.run(lease)
    assert (await world.get(run)).revision == silent.revision
    beat = reports_pb2.HeartbeatRequest(run=run, reporter=me)
    await world.ws.reports().Heartbeat(beat)
    assert not (await world.get(run)).HasField("unresponsive")


async def test_a_report_is_a_sign_of_life_too(world: World) -> None:
    lease = await world.lease()
    run, me = await world.running()
    await world.reaper.run(lease)
    world.pass_time(70)
    await world.reaper.run(lease)
    await world.ws.report(run, me, step_report(3, "fit", "SUCCEEDED"))
    assert not (await world.get(run)).HasField("unresponsive")


async def test_a_lease_of_silence_ends_the_run(world: World) -> None:
    lease = await world.lease()
    run, _ = await world.running()
    await world.reaper.run(lease)
    world.pass_time(14 * 60)
    await world.reaper.run(lease)
    assert (await world.get(run)).state == run_types_pb2.RUN_STATE_RUNNING
    world.pass_time(2 * 60)
    await world.reaper.run(lease)
    lost = await world.get(run)
    assert lost.state == run_types_pb2.RUN_STATE_FAILED
    assert lost.failure.code == "HEARTBEAT_LOST"
    assert not lost.HasField("unresponsive")
    assert lost.step_counts == {"FAILED": 1}
    # Who follows the feed hears that it is no longer shown as silent, too.
    request = events_pb2.ListEventsRequest(parent="projects/demo", resource_types=["weft.dev/Run"])
    events = (await world.ws.events().ListEvents(request)).events
    assert {"state", "unresponsive"} <= set(events[-1].changed_fields)


async def test_where_nobody_is_silent_nobody_waits_for_the_look(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = await world.lease()
    await world.running()
    await world.reaper.run(lease)
    written: list[Any] = []
    monkeypatch.setattr(world.ws.workspace.database, "write", written.append)
    await world.reaper.run(lease)
    assert not written


async def test_a_run_that_falls_silent_while_stopping_is_stopped(world: World) -> None:
    lease = await world.lease()
    run, _ = await world.running()
    await world.ws.runs().StopRun(runs_pb2.StopRunRequest(name=run))
    await world.reaper.run(lease)
    world.pass_time(16 * 60)
    await world.reaper.run(lease)
    assert (await world.get(run)).state == run_types_pb2.RUN_STATE_STOPPED


async def test_a_fresh_reaper_first_watches_for_a_lease(world: World) -> None:
    run, _ = await world.running()
    await world.reaper.run(await world.lease())
    world.pass_time(3600)
    # Another replica takes over after an hour in which nobody watched.
    lease = await world.lease()
    await world.reaper.run(lease)
    calm = await world.get(run)
    assert calm.state == run_types_pb2.RUN_STATE_RUNNING
    assert not calm.HasField("unresponsive")


async def test_a_stepping_database_clock_ends_nothing(world: World) -> None:
    lease = await world.lease()
    run, _ = await world.running()
    await world.reaper.run(lease)
    world.pass_time(16 * 60, database=0)
    await world.reaper.run(lease)
    world.pass_time(1, database=3600)
    await world.reaper.run(lease)
    assert (await world.get(run)).state == run_types_pb2.RUN_STATE_RUNNING


async def test_what_nobody_ever_spoke_for_is_not_silent(world: World) -> None:
    lease = await world.lease()
    run = (await world.ws.create_run()).name
    await world.reaper.run(lease)
    world.pass_time(3600)
    await world.reaper.run(lease)
    assert (await world.get(run)).state == run_types_pb2.RUN_STATE_PENDING


async def test_heartbeats_make_no_events(world: World) -> None:
    run, me = await world.running()
    feed = await world.ws.events().GetFeedInfo(events_pb2.GetFeedInfoRequest())
    beat = reports_pb2.HeartbeatRequest(run=run, reporter=me)
    await world.ws.reports().Heartbeat(beat)
    await world.ws.workspace.heartbeats.flush()
    after = await world.ws.events().GetFeedInfo(events_pb2.GetFeedInfoRequest())
    assert after.revision == feed.revision
    assert (await world.get(run)).HasField("last_heartbeat_time")


async def test_every_replica_writes_down_what_it_hears(world: World) -> None:
    # This one never gets the reaper's turn: its own jobs run once an hour.
    run, _ = await world.running()
    flushing = asyncio.create_task(world.ws.workspace.heartbeats.keep_flushing(0.01))
    async with asyncio.timeout(20):
        while not (await world.get(run)).HasField("last_heartbeat_time"):
            pass
    flushing.cancel()
