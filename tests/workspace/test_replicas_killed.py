"""Three whole servers on one PostgreSQL, killed while they work (S37-S46, security.md section 5).

Each replica is a process with a whole server in it. Clients that lose theirs go on at another
one, with the same request ids, reporters and writer epochs.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from tests.postgres import Server
from tests.templates import WORKSPACE
from tests.workspace.cluster import CUT_LISTENERS, Cluster, Watcher, shared_place
from tests.workspace.harness import FakeClock, TestMesh
from tests.workspace.log_clients import listing, messages, text
from tests.workspace.replica_load import DEMO, LOG, Load
from weftapi.workspace.v1 import (
    logs_pb2_grpc,
    run_types_pb2,
    runs_pb2,
    runs_pb2_grpc,
    trigger_types_pb2,
    triggers_pb2,
    triggers_pb2_grpc,
)
from workspace.backup.checks import check

pytestmark = pytest.mark.fault

LEASE_S = 2.0
_SEED = 41
# Kills of one replica; and of everything else there is, one after another among them.
_KILLS = 20
_OTHERS = ("pause", "pause", "database", "database", "deaf", "deaf")


@pytest.fixture
async def database(postgres_programs: Path) -> AsyncIterator[tuple[Server, str]]:
    """A PostgreSQL server of this test's own, to be restarted, with a workspace's database."""
    server = Server(f"replicas-{uuid4().hex}", postgres_programs)
    await asyncio.to_thread(server.join)
    connection = await asyncpg.connect(server.url("postgres"))
    await WORKSPACE.create("weft", server, connection)
    await connection.close()
    yield server, server.url("weft")
    await asyncio.to_thread(server.leave)


@pytest.fixture
async def cluster(tmp_path: Path, database: tuple[Server, str]) -> AsyncIterator[Cluster]:
    mesh = TestMesh.make(tmp_path, FakeClock())
    place, token = shared_place(
        tmp_path,
        database[1],
        mesh,
        job_lease_s=LEASE_S,
        schedule_interval_s=0.3,
        upkeep_interval_s=1.0,
        keep_events=300,
        keep_events_s=0.0,
        bookmark_s=1.0,
    )
    async with Cluster(place, ca_pem=mesh.authority.pem, token=token) as started:
        yield started


async def _fault(cluster: Cluster, server: Server, url: str, kind: str, victim: int) -> None:
    if kind == "kill":
        await cluster.kill(victim)
    elif kind == "pause":
        await cluster.pause(victim, LEASE_S * 1.5)
    elif kind == "database":
        await asyncio.to_thread(server.restart)
    else:
        connection = await asyncpg.connect(url)
        await connection.execute(CUT_LISTENERS)
        await connection.close()


@pytest.mark.timeout(300)
async def test_s46_whatever_dies_nothing_acknowledged_is_lost_or_doubled(
    cluster: Cluster, database: tuple[Server, str]
) -> None:
    """S37-S41: also with hints lost, LISTEN cut, history compacted and PostgreSQL restarted."""
    chance = random.Random(_SEED)
    faults = ["kill"] * _KILLS + list(_OTHERS)
    chance.shuffle(faults)
    load = Load(cluster)
    start = await load.prepare()
    watchers = [Watcher(cluster, number, start) for number in range(3)]
    async with AsyncExitStack() as stack:
        for each in (*watchers, load):
            stack.push_async_callback(each.close)
        load.start()
        for turn, kind in enumerate(faults, 1):
            await load.more(chance.randrange(1, 4))
            cluster.place.clock.write_text(str(turn * 60))
            await _fault(cluster, *database, kind, chance.randrange(3))
        await load.more(2)
        await load.end()
        await _settled(load)
        head = (await load.create("the last")).revision
        for watcher in watchers:
            await watcher.reach(head)
    await _judge_runs(load)
    _judge_watchers(watchers, start, head)
    await _judge_lines(load)
    assert await check(database[1]) == []
    await _judge_leases(database[1])
    assert cluster.unknown


async def _listed(load: Load) -> list[Any]:
    runs: list[Any] = []
    request = runs_pb2.ListRunsRequest(parent=DEMO, page_size=200)
    while True:
        page = await load.call(runs_pb2_grpc.RunServiceStub, "ListRuns", request)
        runs += page.runs
        if not page.next_page_token:
            return runs
        request.page_token = page.next_page_token


async def _firings(load: Load) -> list[Any]:
    found: list[Any] = []
    request = triggers_pb2.ListTriggerFiringsRequest(
        parent=f"{DEMO}/triggers/follow", page_size=200
    )
    while True:
        stub = triggers_pb2_grpc.TriggerServiceStub
        page = await load.call(stub, "ListTriggerFirings", request)
        found += page.firings
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


async def _settled(load: Load) -> None:
    """Waits until all that ended has fired the trigger, and every launch is submitted."""
    while True:
        firings = await _firings(load)
        states = {firing.state for firing in firings}
        is_done = len(firings) >= len(load.runs) and states == {
            trigger_types_pb2.FIRING_STATE_FIRED
        }
        launched = [run for run in await _listed(load) if run.workload]
        submitted = {file.name for file in load.cluster.place.workloads.iterdir()}
        names = {run.workload.rpartition("/")[2] for run in launched}
        if is_done and names == submitted:
            return
        await asyncio.sleep(0.3)


async def _judge_runs(load: Load) -> None:
    runs = await _listed(load)
    names = Counter(run.display_name for run in runs if run.display_name)
    assert set(names.values()) == {1}
    by_name = {run.name: run for run in runs}
    assert len(by_name) == len(runs)
    succeeded = {run.name for run in runs if run.state == run_types_pb2.RUN_STATE_SUCCEEDED}
    assert succeeded == set(load.runs)
    # Each success fired the trigger once, and each firing made one run.
    firings = await _firings(load)
    assert Counter(firing.run for firing in firings) == Counter(
        run.name for run in runs if run.trigger == run_types_pb2.RUN_TRIGGER_EVENT
    )
    assert len(firings) == len(succeeded)
    # Each minute made one run, none was left out, and none came twice.
    times = sorted(
        int(run.name.rpartition("-")[2])
        for run in runs
        if run.trigger == run_types_pb2.RUN_TRIGGER_SCHEDULE
    )
    assert len(times) >= _KILLS
    assert {later - earlier for earlier, later in pairwise(times)} == {60}


def _judge_watchers(watchers: list[Watcher], start: int, head: int) -> None:
    """Every write, in order, once: at whichever replica the watch was opened, and again."""
    seen = [
        [(e.revision, e.index, e.type, e.SerializeToString()) for e in watcher.events]
        for watcher in watchers
    ]
    first = seen[0]
    until = [event for event in first if event[0] <= head]
    for own in seen:
        places = [event[:2] for event in own]
        assert places == sorted(set(places))
        assert [event for event in own if event[0] <= head] == until
    assert sorted({event[0] for event in until}) == list(range(start + 1, head + 1))
    assert all(watcher.openings > 1 for watcher in watchers)


async def _judge_lines(load: Load) -> None:
    kept = await load.cluster.anywhere(
        0, lambda channel: listing(logs_pb2_grpc.LogServiceStub(channel), LOG)
    )
    assert len(kept) >= load.acked_lines > 0
    assert messages(kept) == [text(number) for number in range(len(kept))]
    assert load.writer_openings > 3


async def _judge_leases(url: str) -> None:
    """Every job has somebody who does it, and had others before; history was compacted."""
    connection = await asyncpg.connect(url)
    now = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
    async with asyncio.timeout(10 * LEASE_S):
        # The database tells nobody when a lease is taken.
        while await connection.fetchval(f"SELECT min(expire_time_ms) < {now} FROM leases"):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert await connection.fetchval("SELECT min(fence) FROM leases") > 1
    assert await connection.fetchval("SELECT compact_revision FROM feed_head") > 0
    await connection.close()
