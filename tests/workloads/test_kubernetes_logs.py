"""The logs of pods: read from any position, followed over breaks, to their last line."""

import asyncio

import pytest

from meshkit.errors import OutOfRange
from tests.real_cluster import AnyCluster
from tests.workloads.kubernetes import WAIT, ClusterEngine, Managers
from tests.workloads.observed import PATIENCE_S, key, said


@pytest.fixture
def managers(any_managers: Managers) -> Managers:
    return any_managers


@pytest.fixture
def cluster(managers: Managers) -> AnyCluster:
    return managers.cluster


@pytest.fixture
async def engine(managers: Managers) -> ClusterEngine:
    return await managers.open()


async def test_a_log_is_read_from_any_position_and_followed(engine, cluster):
    await engine.start("w", "echo one; echo two; " + WAIT)
    launcher = engine.launcher
    whole = b""
    async with asyncio.timeout(PATIENCE_S):
        while said(whole, "stdout") != b"one\ntwo\n":
            await launcher.log_changed(key("w"), len(whole))
            whole += (await launcher.read_log(key("w"), len(whole), 1 << 20)).data
    first = whole.index(b"\n") + 1
    await launcher.log_changed(key("w"), first)
    chunk = await launcher.read_log(key("w"), first, 1 << 20)
    assert whole.startswith(whole[:first] + chunk.data)
    await launcher.cancel(key("w"), grace_s=0, reason="cancelled")
    await engine.ended("w")
    end = await launcher.read_log(key("w"), len(whole), 1 << 20)
    assert (end.data, end.is_end) == (b"", True)
    with pytest.raises(OutOfRange):
        await launcher.read_log(key("w"), len(whole) + 1, 1 << 20)


async def test_a_log_whose_connection_breaks_goes_on_where_it_was(engine, cluster):
    await engine.start("w", "for i in 1 2 3; do echo $i; done; " + WAIT)
    await engine.launcher.log_changed(key("w"), 0)
    [tail] = engine.launcher._tails._open.values()
    await tail.wait(len(b"2026-01-01T00:00:00.000000000Z stdout F 1\n") * 3)
    tail._task.cancel()
    tail._task = asyncio.create_task(tail._follow())
    await engine.launcher.cancel(key("w"), grace_s=0, reason="cancelled")
    await engine.ended("w")
    assert said(await engine.log("w"), "stdout") == b"1\n2\n3\n"
