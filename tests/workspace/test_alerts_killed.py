"""The workspace killed in each middle of telling something: it is told, under one id."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.workspace import killed_alerts
from tests.workspace.alerting import DEMO, SETTINGS, deliveries, new_alerter, state
from tests.workspace.harness import workspace
from tests.workspace.receiving import receiving
from tests.workspace.test_launches_killed import expire_leases, kill
from tests.workspace.triggering import end
from weftapi.workspace.v1 import run_types_pb2, runs_pb2

pytestmark = pytest.mark.fault

_SEED = 20_267
# A run and what is told of it have some 26 points; the last one of these none has.
_POINTS = [*sorted(random.Random(_SEED).sample(range(1, 27), 7)), 1000]


@pytest.mark.parametrize("point", _POINTS)
async def test_what_happened_before_a_kill_is_told_under_one_id(
    tmp_path: Path, database_url: str, point: int
) -> None:
    async with receiving() as receiver:
        async with workspace(tmp_path, database_url, **SETTINGS) as ws:
            await ws.create_project()
            await new_alerter(ws, url=receiver.url)
        await asyncio.to_thread(kill, killed_alerts.die, tmp_path, database_url, "cause", point)
        await expire_leases(database_url)
        async with workspace(tmp_path, database_url, **SETTINGS) as ws:
            listed = await ws.runs().ListRuns(runs_pb2.ListRunsRequest(parent=DEMO))
            run = listed.runs[0] if listed.runs else await ws.create_run(run_id="cause")
            if run.state != run_types_pb2.RUN_STATE_SUCCEEDED:
                await end(ws, run.name, reporter=killed_alerts.REPORTER)
            await killed_alerts.told(ws)
            (delivery,) = await deliveries(ws)
        assert state(delivery) == "DELIVERED"
        # At least once, and whoever counts ids counts one.
        assert {received.id for received in receiver.got} == {delivery.name.rpartition("/")[2]}
        assert len({received.body for received in receiver.got}) == 1
