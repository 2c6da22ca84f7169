"""What keeps a watch and its operators informed while there is little to say."""

import asyncio
import urllib.request
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.workspace.harness import Harness, workspace
from tests.workspace.reading import reading
from weftapi.workspace.v1.events_pb2 import WatchEventsRequest as WatchEvents
from weftapi.workspace.v1.runs_pb2 import WatchRunsRequest as WatchRuns


async def test_a_watch_that_is_woken_for_nothing_still_says_how_far_it_has_come(
    tmp_path: Path, database_url: str
) -> None:
    async with workspace(tmp_path, database_url, bookmark_s=0.5) as ws:
        await ws.create_project()
        # Every new run wakes it, and none matches.
        request = WatchRuns(parent="projects/demo", filter="state = FAILED")
        request.send_initial_state = True
        async with reading(ws.runs().WatchRuns(request)) as reader:
            await reader.until(lambda response: response.bookmark.initial_complete)
            start = reader.revision
            creating = asyncio.create_task(_create_runs(ws, 500))
            await reader.until(lambda r: r.HasField("bookmark") and r.revision > start)
            # It did not have to wait until there was nothing to be woken for.
            assert not creating.done()
            creating.cancel()
            assert not reader.events


async def _create_runs(ws: Harness, count: int) -> None:
    for _ in range(count):
        await ws.create_run()


async def test_watches_are_counted_and_their_deliveries_timed(ws: Harness) -> None:
    request = WatchEvents(parent="projects/demo")
    async with reading(ws.events().WatchEvents(request)) as reader:
        await reader.next()
        await ws.create_run()
        await reader.until(lambda response: response.events)
        figures = await scrape(ws)
        assert figures["weft_feed_watchers"] == 1
        assert figures["weft_feed_revision"] == ws.workspace.database.feed.head
    while (figures := await scrape(ws))["weft_feed_watchers"]:
        pass
    assert figures["weft_feed_delivery_seconds_count"] >= 1
    assert figures["weft_feed_delivery_seconds_sum"] > 0
    assert figures["weft_feed_lag_revisions"] == 0
    assert figures["weft_feed_lag_seconds"] == 0


async def scrape(ws: Harness) -> dict[str, float]:
    """What `/metrics` shows without labels."""
    address = f"http://127.0.0.1:{ws.workspace.server.ports.metrics}/metrics"
    text = await asyncio.to_thread(_fetch, address)
    families = text_string_to_metric_families(text)
    samples = [sample for family in families for sample in family.samples]
    return {sample.name: sample.value for sample in samples if not sample.labels}


def _fetch(address: str) -> str:
    with urllib.request.urlopen(address, timeout=10) as answer:
        return str(answer.read().decode())
