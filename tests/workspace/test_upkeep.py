"""What is old is forgotten, and whoever asks for it is told so."""

import asyncio

import grpc
import pytest

from tests.workspace.harness import workspace
from weftapi.workspace.v1 import events_pb2

PATIENCE_S = 30.0


async def test_old_events_go_and_a_cursor_before_them_is_out_of_range(tmp_path, database_url):
    async with workspace(
        tmp_path, database_url, keep_events=5, keep_events_s=0.0, upkeep_interval_s=0.1
    ) as ws:
        for number in range(12):
            await ws.create_project(f"p{number}")
        events = ws.events()
        async with asyncio.timeout(PATIENCE_S):
            while True:
                info = await events.GetFeedInfo(events_pb2.GetFeedInfoRequest())
                if info.compact_revision >= info.revision - 5:
                    break
                await asyncio.sleep(0.05)
        recent = events_pb2.ListEventsRequest(parent="projects/-", after_revision=info.revision - 2)
        assert len((await events.ListEvents(recent)).events) == 2
        stale = events_pb2.ListEventsRequest(parent="projects/-", after_revision=1)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await events.ListEvents(stale)
        assert caught.value.code() is grpc.StatusCode.OUT_OF_RANGE
