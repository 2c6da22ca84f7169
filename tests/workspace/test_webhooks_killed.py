"""The workspace killed in each middle of what a webhook is told: one delivery, one run."""

import random
from pathlib import Path

import pytest

from tests.workspace import killed_webhooks
from tests.workspace.fakes import FakeManager
from tests.workspace.harness import workspace
from tests.workspace.test_launches_killed import expire_leases, kill
from tests.workspace.triggering import DEMO, settled, short
from tests.workspace.webhooking import Sender, deliveries, new_follower, new_sender
from weftapi.workspace.v1 import runs_pb2

pytestmark = pytest.mark.fault

_SEED = 20_266
# Taking a message and doing what follows have some 20 points; the last one of these none has.
_POINTS = [*sorted(random.Random(_SEED).sample(range(1, 21), 7)), 1000]


@pytest.mark.parametrize("point", _POINTS)
async def test_what_was_told_before_a_kill_is_acted_on_once(
    tmp_path: Path, database_url: str, point: int
) -> None:
    async with workspace(tmp_path, database_url, managers=FakeManager()) as ws:
        await ws.create_project()
        secret = (await new_sender(ws)).secret
        await new_follower(ws, parameters={"commit": "{{event.payload.after}}"})
    kill(killed_webhooks.die, tmp_path, database_url, secret, point)
    await expire_leases(database_url)
    async with workspace(tmp_path, database_url, managers=FakeManager()) as ws:
        # Nobody heard what became of it, so it is sent again, as senders do.
        name = await Sender(ws, secret).github(id_="once")
        (firing,) = await settled(ws)
        assert (short(firing), firing.cause) == ("FIRED", name)
        (kept,) = await deliveries(ws)
        assert list(kept.firings) == [firing.name]
        listed = await ws.runs().ListRuns(runs_pb2.ListRunsRequest(parent=DEMO))
        assert [run.name for run in listed.runs] == [firing.run]
