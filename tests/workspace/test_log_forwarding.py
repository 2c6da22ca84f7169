"""Forwarding of logs to an OpenTelemetry collector: everything, at least once, and in no way."""

from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from meshkit.jobs import Lease, acquire
from meshkit.telemetry import Metrics
from tests.clouds.fake_collector import FakeCollector, attributes, collector
from tests.workspace.harness import Harness, workspace
from tests.workspace.log_clients import NAME, create_log, line, text, write
from tests.workspace.secret_clients import create
from weftapi.common.v1 import types_pb2
from weftapi.workspace.v1 import logs_pb2, projects_pb2
from workspace.config import WorkspaceSettings
from workspace.forwarding.forwarder import Forwarder, expose_forwarding
from workspace.forwarding.parcels import _MOST_LINES

NEVER_S = 1e6


@asynccontextmanager
async def forwarding(
    directory: Path,
    database_url: str,
    fake: FakeCollector,
    *,
    without: Collection[str] = ("forward_logs",),
    **settings: Any,
) -> AsyncIterator[tuple[Harness, Forwarder]]:
    """A workspace that forwards when it is told to."""
    chosen = {
        "log_forwarding_url": fake.url,
        "egress_networks": "127.0.0.0/8",
        "log_forwarding_interval_s": NEVER_S,
        **settings,
    }
    async with workspace(directory, database_url, without=without, **chosen) as ws:
        if not (await ws.projects().ListProjects(projects_pb2.ListProjectsRequest())).projects:
            await ws.create_project()
        built = ws.workspace
        forwarder = Forwarder(
            built.database, built.logs.logs, built.logs._masking._keeper, built.settings, ws.clock
        )
        built.logs.tell_removed(forwarder.removed)
        await forwarder.begin()
        try:
            yield ws, forwarder
        finally:
            forwarder.close()


async def _lease(ws: Harness, holder: str) -> Lease:
    """A lease of a name of its own, as the one of the server's own job is held by that."""
    database = ws.workspace.database
    lease = await database.write(acquire, database.tables, f"test-{holder}", holder, 3600.0)
    assert lease
    return lease


async def _log(ws: Harness, log_stream_id: str = "main", **fields: Any) -> str:
    stream = logs_pb2.LogStream(run=(await ws.create_run()).name, **fields)
    request = logs_pb2.CreateLogStreamRequest(
        parent="projects/demo", log_stream_id=log_stream_id, log_stream=stream
    )
    return (await ws.logs().CreateLogStream(request)).name


async def _seal(ws: Harness, name: str = NAME) -> None:
    await ws.logs().SealLogStream(logs_pb2.SealLogStreamRequest(name=name))


def _texts(numbers: Iterable[int]) -> list[str]:
    return [text(number) for number in numbers]


async def test_lines_arrive_as_records_of_otlp(tmp_path: Path, database_url: str) -> None:
    async with collector() as fake, forwarding(tmp_path, database_url, fake) as (ws, forwarder):
        name = await _log(ws, step_id="fit", attempt=2)
        run = (await ws.logs().GetLogStream(logs_pb2.GetLogStreamRequest(name=name))).run
        body = logs_pb2.LogChunk(
            lines=[
                line("plain", second=1_700_000_000, channel=types_pb2.LOG_CHANNEL_STDOUT),
                line("grave", level=types_pb2.LOG_LEVEL_ERROR, logger="app.db"),
            ]
        )
        await ws.logs().WriteLogs(logs_pb2.WriteLogsRequest(log_stream=name, chunk=body))
        await forwarder.run(await _lease(ws, "one"))
        (resource, plain), (_, grave) = fake.all()
        assert resource == {
            "service.name": "weft",
            "weft.project": "demo",
            "weft.run": run.rpartition("/")[2],
            "weft.log_stream": "main",
            "weft.step": "fit",
            "weft.attempt": "2",
        }
        assert plain["timeUnixNano"] == "1700000000000000000"
        assert "severityNumber" not in plain
        assert attributes(plain["attributes"]) == {"weft.offset": "0", "log.iostream": "stdout"}
        assert (grave["severityNumber"], grave["severityText"]) == (17, "ERROR")
        assert attributes(grave["attributes"])["logger.name"] == "app.db"
        assert fake.headers[-1]["content-encoding"] == "gzip"


async def test_each_line_is_sent_once_while_nothing_fails(
    tmp_path: Path, database_url: str
) -> None:
    async with collector() as fake, forwarding(tmp_path, database_url, fake) as (ws, forwarder):
        lease = await _lease(ws, "one")
        name, other = await _log(ws), await _log(ws, "other")
        epoch = await write(ws.logs(), name, 0, 3 * _MOST_LINES)
        await write(ws.logs(), other, 0, 2)
        await forwarder.run(lease)
        await forwarder.run(lease)
        assert sorted(fake.messages()) == sorted(_texts([*range(3 * _MOST_LINES), 0, 1]))
        assert len(fake.requests) < 8
        await write(ws.logs(), name, 3 * _MOST_LINES, 3 * _MOST_LINES + 1, writer_epoch=epoch)
        await _seal(ws)
        fake.requests.clear()
        await forwarder.run(lease)
        await forwarder.run(lease)
        assert fake.messages() == _texts([3 * _MOST_LINES])
        assert forwarder.counts.forwarded == 3 * _MOST_LINES + 3


async def test_a_collector_that_was_away_gets_what_it_missed(
    tmp_path: Path, database_url: str
) -> None:
    async with collector() as fake, forwarding(tmp_path, database_url, fake) as (ws, forwarder):
        lease = await _lease(ws, "one")
        name = await _log(ws)
        for status in (503, 429, 401, 404):
            fake.status = status
            first = await ws.logs().GetLogStream(logs_pb2.GetLogStreamRequest(name=name))
            # Appends never wait for it.
            await write(ws.logs(), name, first.next_offset, first.next_offset + 5)
            ws.clock.move(hours=1)
            await forwarder.run(lease)
        assert forwarder.counts.failures == 4
        asked = len(fake.headers)
        fake.status = 200
        # It is left alone for a while, longer each time.
        await forwarder.run(lease)
        assert len(fake.headers) == asked
        ws.clock.move(minutes=10)
        await forwarder.run(lease)
        assert fake.messages() == _texts(range(20))


async def test_after_a_restart_it_goes_on_where_it_was(tmp_path: Path, database_url: str) -> None:
    async with collector() as fake:
        async with forwarding(tmp_path, database_url, fake) as (ws, forwarder):
            name = await _log(ws)
            epoch = await write(ws.logs(), name, 0, 5)
            await forwarder.run(await _lease(ws, "one"))
            await write(ws.logs(), name, 5, 9, writer_epoch=epoch)
            await _seal(ws)
        assert fake.messages() == _texts(range(5))
        async with forwarding(tmp_path, database_url, fake, without=()):
            # By the server's own job, which looks as soon as it has started.
            await fake.until(9)
            assert fake.messages() == _texts(range(9))


async def test_one_that_lost_its_lease_moves_no_cursor(tmp_path: Path, database_url: str) -> None:
    async with collector() as fake, forwarding(tmp_path, database_url, fake) as (ws, forwarder):
        await write(ws.logs(), await _log(ws), 0, 2)
        stale = Lease("test-one", "gone", 0, ws.workspace.database.tables)
        await forwarder.run(stale)
        ws.clock.move(minutes=10)
        await forwarder.run(await _lease(ws, "two"))
        # At least once: the other one's successor cannot know that it had arrived.
        assert fake.messages() == _texts([0, 1]) * 2
        assert forwarder.counts.failures == 1


async def test_what_a_collector_will_never_take_keeps_nothing_waiting(
    tmp_path: Path, database_url: str
) -> None:
    async with collector() as fake, forwarding(tmp_path, database_url, fake) as (ws, forwarder):
        lease = await _lease(ws, "one")
        fake.most_records = 3
        name = await _log(ws)
        epoch = await write(ws.logs(), name, 0, 10)
        await forwarder.run(lease)
        assert fake.messages() == _texts(range(10))
        fake.most_records, fake.rejects = 0, 0
        await write(ws.logs(), name, 10, 12, writer_epoch=epoch)
        await forwarder.run(lease)
        assert (forwarder.counts.rejected, forwarder.counts.failures) == (2, 0)
        fake.most_records, fake.rejects = 10, 1
        await write(ws.logs(), name, 12, 15, writer_epoch=epoch)
        await forwarder.run(lease)
        assert (forwarder.counts.forwarded, forwarder.counts.rejected) == (12, 3)


async def test_a_log_that_cannot_be_read_keeps_no_other_waiting(
    tmp_path: Path, database_url: str
) -> None:
    async with collector() as fake, forwarding(tmp_path, database_url, fake) as (ws, forwarder):
        lease = await _lease(ws, "one")
        broken, whole = await _log(ws), await _log(ws, "whole")
        await write(ws.logs(), broken, 0, 3)
        await write(ws.logs(), whole, 0, 2)
        read = await ws.logs().GetLogStream(logs_pb2.GetLogStreamRequest(name=broken))
        [segment] = (ws.workspace.settings.log_directory / "demo" / read.uid).iterdir()
        segment.rename(aside := tmp_path / "aside")
        segment.mkdir()
        await forwarder.run(lease)
        assert fake.messages() == _texts(range(2))
        segment.rmdir()
        aside.rename(segment)
        fake.requests.clear()
        await forwarder.run(lease)
        assert fake.messages() == _texts(range(3))


async def test_retention_says_what_it_took_before_it_was_forwarded(
    tmp_path: Path, database_url: str
) -> None:
    async with collector() as fake, forwarding(tmp_path, database_url, fake) as (ws, forwarder):
        lease = await _lease(ws, "one")
        name = await _log(ws)
        await write(ws.logs(), name, 0, 7)
        fake.status = 503
        await forwarder.run(lease)
        await _seal(ws)
        ws.clock.move(days=2)
        await ws.workspace.logs.forget_old(timedelta(days=1), lease)
        assert forwarder.counts.lost == 7
        metrics = Metrics()
        expose_forwarding(metrics, forwarder.counts)
        assert metrics.registry.get_sample_value("weft_log_lines_lost_total") == 7


async def test_headers_come_from_shared_secrets(tmp_path: Path, database_url: str) -> None:
    headers = {"authorization": "Bearer {{secrets.otlp.token}}", "x-scope": "ml"}
    async with (
        collector() as fake,
        forwarding(tmp_path, database_url, fake, log_forwarding_headers=headers) as (ws, forwarder),
    ):
        lease = await _lease(ws, "one")
        await write(ws.logs(), await _log(ws), 0, 1)
        await forwarder.run(lease)
        # There is no such secret: nothing goes out without it.
        assert (fake.headers, forwarder.counts.failures) == ([], 1)
        await create(ws, "otlp", {"token": "canary-of-otlp"})
        ws.clock.move(minutes=10)
        await forwarder.run(lease)
        assert fake.headers[-1]["authorization"] == "Bearer canary-of-otlp"
        assert fake.headers[-1]["x-scope"] == "ml"


@pytest.mark.parametrize(
    "url", ["http://collector.example.com:4318", "http://127.0.0.1:4318", "ftp://x", "host"]
)
def test_only_guarded_addresses_are_forwarded_to(tmp_path: Path, url: str) -> None:
    with pytest.raises(ValueError, match="WEFT_WORKSPACE_LOG_FORWARDING_URL"):
        WorkspaceSettings(data_dir=tmp_path, log_forwarding_url=url)


async def test_the_server_forwards_by_itself(tmp_path: Path, database_url: str) -> None:
    async with collector() as fake:
        chosen = {
            "log_forwarding_url": fake.url,
            "egress_networks": "127.0.0.0/8",
            "log_forwarding_interval_s": 0.05,
        }
        async with workspace(tmp_path, database_url, **chosen) as ws:
            await ws.create_project()
            await write(ws.logs(), await create_log(ws), 0, 3)
            await fake.until(3)
            assert fake.messages() == _texts(range(3))
