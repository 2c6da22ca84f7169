"""Silence of an attempt in a workload of its own: shown first, its end only after a lease."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.workspace.apart import ME, OTHER, STATE, Apart
from tests.workspace.fakes import FakeManager
from tests.workspace.harness import refused, run_report, workspace
from tests.workspace.test_reaper import World
from weftapi.workspace.v1 import events_pb2, step_attempts_pb2, steps_pb2
from workspace.store import runs as run_store


class Silence(World):
    """A claimed attempt, whose runner goes on speaking whatever its own process does."""

    def __init__(self, apart: Apart) -> None:
        super().__init__(apart.ws)
        self.apart = apart

    async def look(self, seconds: float) -> None:
        """Lets time pass, in which the runner speaks, and has the reaper look."""
        self.pass_time(seconds)
        key = ("demo", self.apart.run.rpartition("/")[2])
        await self.ws.workspace.database.write(run_store.touch, [(key, -self.moved_ms)])
        await self.reaper.run(self.held_lease)

    async def begin(self) -> None:
        await self.apart.launch()
        await self.apart.claim()
        self.held_lease = await self.lease()
        await self.look(0)

    async def beat(self) -> None:
        name = f"{self.apart.step}/attempts/1"
        request = step_attempts_pb2.HeartbeatStepAttemptRequest(name=name, reporter=OTHER)
        await self.ws.step_attempts(await self.apart.token()).HeartbeatStepAttempt(request)

    async def changes(self) -> list[list[str]]:
        """Which fields each event of the step says that it changed."""
        request = events_pb2.ListEventsRequest(
            parent="projects/demo", resource_types=["weft.dev/Step"]
        )
        listed = await self.ws.events().ListEvents(request)
        return [list(e.changed_fields) for e in listed.events if e.name == self.apart.step]


@pytest.fixture
async def silence(tmp_path: Path, database_url: str) -> AsyncIterator[Silence]:
    manager = FakeManager()
    async with workspace(
        tmp_path, database_url, managers=manager, launch_interval_s=0.2, reaper_interval_s=3600
    ) as ws:
        await ws.create_project()
        snapshot = await ws.create_snapshot()
        run = await ws.create_run(snapshot=snapshot.name)
        await ws.report(run.name, ME, run_report(1, "RUNNING"))
        silence = Silence(Apart(ws, manager, run))
        await silence.begin()
        yield silence


async def test_a_silent_step_shows_since_when_and_life_clears_it(silence: Silence) -> None:
    apart = silence.apart
    await silence.look(30)
    assert not (await apart.now()).HasField("unresponsive")
    await silence.look(40)
    silent = await apart.seen(lambda step: step.HasField("unresponsive"))
    assert silent.state == STATE.STEP_STATE_RUNNING
    assert silent.unresponsive.since.seconds > 0
    assert not (await silence.get(apart.run)).HasField("unresponsive")
    await silence.look(1)
    assert (await apart.now()).revision == silent.revision
    await silence.beat()
    assert not (await apart.now()).HasField("unresponsive")


async def test_a_lease_of_silence_ends_the_attempt_and_not_the_run(silence: Silence) -> None:
    for _ in range(3):
        await silence.look(4 * 60)
    assert (await silence.apart.now()).HasField("unresponsive")
    await silence.look(4 * 60)
    lost = await silence.apart.until("FAILED")
    assert lost.failure.code == "HEARTBEAT_LOST"
    assert not lost.HasField("unresponsive")
    async with refused("ABORTED", "ATTEMPT_FENCED"):
        await silence.beat()
    # Its workload is ended, if there still is one, once it has had time to leave.
    silence.pass_time(61)
    await silence.apart.cancelled()


async def test_who_ends_is_not_silent(silence: Silence) -> None:
    await silence.look(70)
    version = await silence.apart.version()
    await silence.apart.complete("SUCCEEDED", outputs={"output": version})
    ended = await silence.apart.until("SUCCEEDED")
    assert not ended.HasField("unresponsive")
    # Who follows the feed hears of both: that it was shown as silent, and that it is no more.
    assert [fields for fields in await silence.changes() if "unresponsive" in fields] == [
        ["unresponsive"],
        ["attempt_outcome", "failure", "metadata", "outputs", "unresponsive"],
    ]
    await silence.look(20 * 60)
    request = steps_pb2.GetStepRequest(name=silence.apart.step)
    step = await silence.ws.steps().GetStep(request)
    assert (step.attempt_outcome, step.HasField("unresponsive")) == (ended.attempt_outcome, False)


async def test_a_silent_step_that_was_to_stop_is_stopped(silence: Silence) -> None:
    await silence.ws.steps().StopStep(steps_pb2.StopStepRequest(name=silence.apart.step))
    await silence.apart.say("STOPPING")
    for _ in range(2):
        await silence.look(8 * 60)
    await silence.apart.until("STOPPED")


async def test_a_silent_step_that_its_runner_moves_is_silent_no_more(silence: Silence) -> None:
    await silence.look(70)
    assert (await silence.apart.now()).HasField("unresponsive")
    await silence.apart.say("RETRYING")
    assert not (await silence.apart.now()).HasField("unresponsive")
    assert {"state", "unresponsive"} <= set((await silence.changes())[-1])
