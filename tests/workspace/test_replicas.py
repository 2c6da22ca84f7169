"""Replicas on one PostgreSQL: what one of them does counts at the others (S36-S45).

Whole servers in one process; tests/workspace/test_replicas_killed.py has them in processes. Where
each rule of the fan-out is shown:

S37, S38, S39, S41, S43: here, by the names. S37 and S38 also in test_feed.py of tests/meshkit, and
with a listener cut and PostgreSQL restarted under three processes, in S46.
S40: tests/meshkit/test_feed.py, resumed reads over ring and outbox together equal the outbox.
S42: the tests of the feed, of jobs and of watches run on SQLite and PostgreSQL.
S44: test_watches.py, a draining server asks watches to come back.
S45: tests/meshkit/test_feed_metrics.py and test_watch_health.py.
S46: test_replicas_killed.py; a stalled client is in tests/meshkit/test_streams.py, a thousand
subscribers are in test_sleepers.py there and in bench/watch_fan_out.py.

One thing differs from S41: what a durable subscriber has not seen is never compacted, however long
that takes; there is no cap of seven days.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import asyncpg
import grpc
import pytest

from meshkit import tailer
from meshkit.compaction import compact
from meshkit.feed import renew_epoch
from meshkit.session import Session
from meshkit.spiffe import Role, SpiffeId
from tests.workspace.cluster import CUT_LISTENERS
from tests.workspace.harness import (
    DOMAIN,
    EDITOR,
    FakeClock,
    Harness,
    TestMesh,
    policy,
    refused,
    workspace,
)
from tests.workspace.log_clients import Writer, chunk, create_log, listing, messages, text, write
from weftapi.workspace.v1 import (
    events_pb2,
    logs_pb2,
    projects_pb2,
    runs_pb2,
    secrets_pb2,
)
from workspace.logs import keeper

DEMO = "projects/demo"
NAME = f"{DEMO}/logStreams/main"


@pytest.fixture
async def replicas(tmp_path: Path, postgres_url: str) -> AsyncIterator[list[Harness]]:
    """Three servers with one identity, in one data directory, and a project."""
    clock = FakeClock()
    mesh = TestMesh.make(tmp_path, clock)
    identity = SpiffeId(DOMAIN, Role.WORKSPACE, uuid4(), uuid4())
    async with AsyncExitStack() as stack:
        found = [
            await stack.enter_async_context(
                workspace(tmp_path, postgres_url, clock=clock, mesh=mesh, identity=identity)
            )
            for _ in range(3)
        ]
        await found[0].create_project()
        yield found


async def opened(ws: Harness, after: int) -> grpc.aio.UnaryStreamCall:
    request = events_pb2.WatchEventsRequest(parent=DEMO, after_revision=after)
    call = ws.events().WatchEvents(request)
    await call.initial_metadata()
    return call


async def seen(call: grpc.aio.UnaryStreamCall, until: int) -> list[tuple[int, int]]:
    """The places of the events of a watch up to a revision."""
    found = []
    async for message in call:
        found += [(event.revision, event.index) for event in message.events]
        if message.revision >= until:
            return found
    raise EOFError


async def test_s37_a_watch_at_any_replica_sees_what_all_of_them_write(
    replicas: list[Harness],
) -> None:
    first = await replicas[0].create_run()
    watches = [await opened(ws, first.revision) for ws in replicas]
    runs = [await ws.create_run() for _ in range(4) for ws in replicas]
    last = max(run.revision for run in runs)
    found = await asyncio.gather(*(seen(watch, last) for watch in watches))
    assert found[0] == found[1] == found[2] == sorted(set(found[0]))
    assert {revision for revision, _ in found[0]} == set(range(first.revision + 1, last + 1))


async def test_s38_lost_hints_and_a_cut_listener_cost_at_most_a_poll(
    replicas: list[Harness], postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S38: "Loss is harmless". S37: on every connect LISTEN comes first, then the look."""
    monkeypatch.setattr(tailer.Tailer, "announce", lambda _: None)
    first = await replicas[0].create_run()
    watch = await opened(replicas[1], first.revision)
    unheard = await replicas[0].create_run()
    assert await seen(watch, unheard.revision)
    connection = await asyncpg.connect(postgres_url)
    assert len(await connection.fetch(CUT_LISTENERS)) == 3
    await connection.close()
    later = await replicas[2].create_run()
    assert await seen(watch, later.revision)


async def test_s39_a_change_that_commits_late_holds_up_those_behind_it_and_is_not_skipped(
    replicas: list[Harness],
) -> None:
    """S2, S39: a long transaction at one replica, between those of the others."""
    first = await replicas[0].create_run()
    watches = [await opened(ws, first.revision) for ws in replicas]

    def slowly(session: Session) -> None:
        session.connection().exec_driver_sql("SELECT pg_sleep(0.3)")

    slow = asyncio.ensure_future(replicas[0].workspace.database.write(slowly))
    runs = await asyncio.gather(*(ws.create_run() for ws in replicas for _ in range(2)))
    await slow
    last = max(run.revision for run in runs)
    for found in await asyncio.gather(*(seen(watch, last) for watch in watches)):
        assert [revision for revision, _ in found] == sorted(revision for revision, _ in found)
        assert {revision for revision, _ in found} == set(range(first.revision + 1, last + 1))
    assert [ws.workspace.database.feed.counts.holes for ws in replicas] == [0, 0, 0]


async def test_s41_what_one_replica_compacts_is_gone_at_all_of_them(
    replicas: list[Harness],
) -> None:
    """S12, S41: who is behind is refused there too, whoever has it in memory."""
    first = await replicas[0].create_run()
    runs = [await ws.create_run() for ws in replicas]
    for ws in replicas:
        await ws.workspace.database.feed.catch_up()
    replicas[0].clock.move(days=2)
    for ws in replicas:
        ws.workspace.policies.confirm()
    await compact(replicas[0].workspace.database, keep_events=2)
    gone = await opened_or_refused(replicas[0], first.revision)
    assert gone
    # The others hear of it with the next page that they read.
    last = await replicas[1].create_run()
    for ws in replicas:
        await ws.workspace.database.feed.catch_up()
        assert await opened_or_refused(ws, first.revision)
        watch = await opened(ws, runs[-1].revision)
        assert await seen(watch, last.revision)


async def opened_or_refused(ws: Harness, after: int) -> bool:
    """Whether a watch from there is refused as compacted."""
    request = events_pb2.WatchEventsRequest(parent=DEMO, after_revision=after)
    async with refused("OUT_OF_RANGE", "REVISION_COMPACTED"):
        async for message in ws.events().WatchEvents(request):
            if message.events:
                return False
    return True


async def test_s13_another_history_is_noticed_by_every_replica(replicas: list[Harness]) -> None:
    """A database that was restored under them: positions of before mean nothing any more."""
    first = await replicas[0].create_run()
    old = str(replicas[0].workspace.database.feed.epoch)
    database = replicas[0].workspace.database
    await database.write(lambda session: renew_epoch(session.connection(), database.tables))
    await replicas[0].create_run()
    for ws in replicas:
        await ws.workspace.database.feed.catch_up()
        request = events_pb2.WatchEventsRequest(
            parent=DEMO, after_revision=first.revision, epoch=old
        )
        async with refused("OUT_OF_RANGE", "EPOCH_CHANGED"):
            await anext(aiter(ws.events().WatchEvents(request)))


async def test_s14_what_was_written_at_one_replica_is_read_at_the_others(
    replicas: list[Harness],
) -> None:
    """List to watch, write to read: a position of one replica is good at any other, at once."""
    for writer in replicas:
        run = await writer.create_run()
        for reader in replicas:
            found = await reader.runs().GetRun(runs_pb2.GetRunRequest(name=run.name))
            assert found.revision == run.revision
            # Not in the future there, though no hint has come yet.
            await (await opened(reader, run.revision)).read()


async def test_s43_a_policy_and_a_revocation_count_at_a_replica_once_it_was_told(
    replicas: list[Harness],
) -> None:
    """Each replica has a link of its own, on which the control plane pushes within 5 s.

    Calls and open streams alike: what was pushed counts for the next of them.
    """
    token = replicas[0].token(EDITOR)
    watches = []
    for ws in replicas:
        request = events_pb2.WatchEventsRequest(parent=DEMO)
        watch = ws.events(token).WatchEvents(request)
        await watch.initial_metadata()
        watches.append(watch)
    nobody = policy(revision=2)
    kept = [grant for grant in nobody.grants if grant.subject != EDITOR]
    del nobody.grants[:]
    nobody.grants.extend(kept)
    for ws, watch in zip(replicas, watches, strict=True):
        ws.apply_policy(nobody)
        async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
            await ws.create_run(token=token)
        async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
            async for _ in watch:
                pass


async def test_secrets_and_sharing_have_no_memory_that_another_replica_could_outdate(
    replicas: list[Harness],
) -> None:
    one, two, _ = replicas
    secret = secrets_pb2.Secret(values={"key": "first"})
    request = secrets_pb2.CreateSecretRequest(secret_id="token", secret=secret)
    await one.secrets().CreateSecret(request)
    access = secrets_pb2.AccessSecretRequest(name="secrets/token")
    assert (await two.secrets().AccessSecret(access)).values["key"] == "first"
    changed = secrets_pb2.Secret(name="secrets/token", values={"key": "second"})
    await two.secrets().UpdateSecret(
        secrets_pb2.UpdateSecretRequest(secret=changed, update_mask={"paths": ["values"]})
    )
    assert (await one.secrets().AccessSecret(access)).values["key"] == "second"
    await two.secrets().DeleteSecret(secrets_pb2.DeleteSecretRequest(name="secrets/token"))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await one.secrets().AccessSecret(access)
    project = projects_pb2.DeleteProjectRequest(name="projects/gone")
    await one.create_project("gone")
    await two.projects().DeleteProject(project)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await one.create_run(project="gone")


# Logs: the directory is shared, the database says who appends.


async def test_s34_a_writer_that_comes_to_another_replica_goes_on_where_it_was(
    replicas: list[Harness],
) -> None:
    name = await create_log(replicas[0])
    epoch, end = 0, 0
    for turn in range(6):
        ws = replicas[turn % 3]
        epoch = await write(ws.logs(), name, end, end + 10, writer_epoch=epoch)
        end += 10
        for reader in replicas:
            kept = messages(await listing(reader.logs(), name))
            assert kept == [text(number) for number in range(end)]
    sealed = await replicas[1].logs().SealLogStream(logs_pb2.SealLogStreamRequest(name=name))
    assert sealed.next_offset == end
    async with refused("FAILED_PRECONDITION", "LOG_SEALED"):
        await write(replicas[2].logs(), name, end, end + 1, writer_epoch=epoch)


async def test_s34_a_writer_that_stayed_behind_is_fenced_and_stores_nothing(
    replicas: list[Harness], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one whose server was paused: nobody told it that another one has the log."""
    monkeypatch.setattr(keeper.LogKeeper, "_look", lambda _: asyncio.sleep(0))
    one, two, three = replicas
    name = await create_log(one)
    old = await Writer(one.logs(), name).open()
    await old.send(chunk(0, 10))
    await old.wait_for(10)
    new = await Writer(two.logs(), name).open()
    assert new.next_offset == 10
    # Lines of its own, at the same places.
    await old.send(logs_pb2.LogChunk(first_offset=10, lines=chunk(100, 130).lines))
    async with refused("ABORTED", "LOG_WRITER_FENCED"):
        await old.wait_for(11)
    await new.send(chunk(10, 20))
    await new.wait_for(20)
    for reader in (one, two, three):
        kept = messages(await listing(reader.logs(), name))
        assert kept == [text(number) for number in range(20)]
    await new.done()


async def test_s36_a_tail_at_another_replica_follows_and_hears_the_end(
    replicas: list[Harness],
) -> None:
    one, two, three = replicas
    name = await create_log(one)
    epoch = await write(one.logs(), name, 0, 5)
    tail = two.logs().TailLogs(logs_pb2.TailLogsRequest(log_stream=name))
    heard = messages((await tail.read()).lines)
    assert heard == [text(number) for number in range(5)]
    await write(three.logs(), name, 5, 12, writer_epoch=epoch)
    while len(heard) < 12:
        heard += messages((await tail.read()).lines)
    assert heard == [text(number) for number in range(12)]
    await one.logs().SealLogStream(logs_pb2.SealLogStreamRequest(name=name))
    while not (await tail.read()).end_of_stream:
        pass
