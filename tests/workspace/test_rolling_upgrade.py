"""A rolling upgrade under load: nobody who works through the SDK has a call that fails.

Two replicas behind a Service, as the chart deploys them. One after another leaves the Service's
list, is told to end, drains, and is followed by one of the next version. What the next version
is before there is one: this code, on a database with a migration more. So servers that do not
know the migration work beside servers that need it, on a database that has it.
"""

import asyncio
import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from meshkit.migrations import migrate
from tests.rolling import Service
from tests.workspace.cluster import Cluster, shared_place
from tests.workspace.harness import FakeClock, TestMesh
from tests.workspace.rolling import People
from weft._connection import Endpoint
from weftapi.workspace.v1 import run_types_pb2
from workspace.backup.checks import check
from workspace.store.base import metadata
from workspace.upgrade import MIGRATIONS

pytestmark = pytest.mark.fault

_NEXT = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "9999", "{newest}"


def upgrade():
    for table in ("runs", "steps", "log_streams", "feed_events"):
        op.add_column(table, sa.Column("next_note", sa.Text()))
        op.add_column(
            table, sa.Column("next_count", sa.BigInteger(), nullable=False, server_default="7")
        )
    op.create_table("next_things", sa.Column("run_uid", sa.Uuid(), primary_key=True))
    op.create_index("ix_runs_next_count", "runs", ["next_count"])
"""


class Rollout:
    """The replicas, and the Service that knows which of them are ready."""

    def __init__(self, cluster: Cluster, service: Service) -> None:
        self._cluster = cluster
        self._service = service
        for replica in cluster.replicas:
            service.add(replica.port)

    def become(self, migrations: Path) -> None:
        """Replicas are of the next version from now on."""
        self._cluster.place = replace(self._cluster.place, migrations=migrations)

    async def replace(self, number: int) -> None:
        """What Kubernetes does with a pod: off the list, SIGTERM, its end, a new one, on it."""
        old = self._cluster.replicas[number]
        self._service.remove(old.port)
        old.signal(signal.SIGTERM)
        await asyncio.to_thread(old.process.join)
        assert old.process.exitcode == 0
        await self._cluster.start(number)
        self._service.add(self._cluster.replicas[number].port)


@pytest.fixture
def next_migrations(tmp_path: Path) -> Path:
    """Those of this code, and one more."""
    scripts = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, scripts)
    newest = max(path.stem[:4] for path in (scripts / "versions").glob("[0-9]*.py"))
    (scripts / "versions" / "9999_next.py").write_text(_NEXT.format(newest=newest))
    return scripts


@pytest.fixture
async def rollout(
    tmp_path: Path, postgres_url: str
) -> AsyncIterator[tuple[Rollout, People, Service]]:
    mesh = TestMesh.make(tmp_path, FakeClock())
    place, token = shared_place(tmp_path, postgres_url, mesh, drain_s=10.0)
    service = Service()
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(
            Cluster(place, ca_pem=mesh.authority.pem, token=token, count=2)
        )
        port = await service.open()
        stack.push_async_callback(service.close)

        def token_of(*, is_fresh: bool) -> str:
            return token

        def connect() -> Endpoint:
            return Endpoint(f"localhost:{port}", ca_pem=mesh.authority.pem.decode(), token=token_of)

        people = People(connect)
        stack.push_async_callback(asyncio.to_thread, people.close)
        yield Rollout(cluster, service), people, service


@pytest.mark.timeout(180)
async def test_replicas_are_replaced_under_load_and_no_call_fails(
    rollout: tuple[Rollout, People, Service], next_migrations: Path, postgres_url: str
) -> None:
    replicas, people, service = rollout
    start = await asyncio.to_thread(people.prepare)
    people.start(start)
    await asyncio.to_thread(people.more, 6)
    # The order of docs/upgrade.md: first the database, while servers work that do not know it.
    await migrate(postgres_url, next_migrations, metadata)
    replicas.become(next_migrations)
    await asyncio.to_thread(people.more, 6)
    for number in (0, 1, 0, 1):
        await replicas.replace(number)
        await asyncio.to_thread(people.visit)
        await asyncio.to_thread(people.more, 6)
    head = await asyncio.to_thread(people.end)

    assert people.failures == []
    given = [replica.given for replica in service.replicas]
    assert len(given) == 6
    assert all(given), given
    _judge_watchers(people, start, head)
    await asyncio.to_thread(_judge_runs, people)
    lines = await asyncio.to_thread(people.listed_lines)
    assert lines == [f"line {number}" for number in range(people.lines)]
    assert await check(postgres_url) == []


def _judge_watchers(people: People, start: int, head: int) -> None:
    """Every change once and in order, though each watch was handed over several times."""
    seen = [
        [(e.revision, e.index, e.SerializeToString()) for e in watcher.events if e.revision <= head]
        for watcher in people.watchers
    ]
    assert seen[0] == seen[1] == seen[2]
    places = [event[:2] for event in seen[0]]
    assert places == sorted(set(places))
    assert {revision for revision, _ in places} == set(range(start + 1, head + 1))
    assert all(watcher.breaks >= 2 for watcher in people.watchers)


def _judge_runs(people: People) -> None:
    runs = list(people.listed_runs())
    succeeded = {run.name for run in runs if run.state == run_types_pb2.RUN_STATE_SUCCEEDED}
    assert succeeded == set(people.ended)
    assert set(Counter(run.display_name for run in runs).values()) == {1}
