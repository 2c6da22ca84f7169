"""The workspace killed in each middle of what a trigger does: one firing, one run."""

import random
from pathlib import Path

import pytest

from tests.workspace import killed_triggers
from tests.workspace.fakes import FakeManager
from tests.workspace.harness import workspace
from tests.workspace.test_launches_killed import expire_leases, kill
from tests.workspace.triggering import DEMO, end, new_trigger, settled, short
from weftapi.workspace.v1 import run_types_pb2, runs_pb2

pytestmark = pytest.mark.fault

_SEED = 20_265
# A run and what follows from it have some 30 points; the last one of these none has.
_POINTS = [*sorted(random.Random(_SEED).sample(range(1, 31), 9)), 1000]


@pytest.mark.parametrize("point", _POINTS)
async def test_what_happened_before_a_kill_is_acted_on_once(
    tmp_path: Path, database_url: str, point: int
) -> None:
    async with workspace(tmp_path, database_url, managers=FakeManager()) as ws:
        await ws.create_project()
        await new_trigger(ws)
    kill(killed_triggers.die, tmp_path, database_url, "cause", point)
    await expire_leases(database_url)
    async with workspace(tmp_path, database_url, managers=FakeManager()) as ws:
        listed = await ws.runs().ListRuns(runs_pb2.ListRunsRequest(parent=DEMO))
        causes = [run for run in listed.runs if not run.started_by]
        if not causes:
            # Nothing was acknowledged, and nothing happened.
            assert not listed.runs
            causes = [await ws.create_run(run_id="cause")]
        if causes[0].state != run_types_pb2.RUN_STATE_SUCCEEDED:
            await end(ws, causes[0].name, reporter=killed_triggers.REPORTER)
        firings = await settled(ws)
        assert [(short(f), f.cause) for f in firings] == [("FIRED", f"{DEMO}/runs/cause")]
        listed = await ws.runs().ListRuns(runs_pb2.ListRunsRequest(parent=DEMO))
        assert [run.name for run in listed.runs if run.started_by] == [firings[0].run]
