"""The manager is killed at any moment, and every accepted workload still executes exactly once.

The oracle: each workload appends to a file outside of everything, so that its executions can be
counted whatever the manager believes. A submission that was answered must have executed once;
one whose outcome nobody knows at most once, and exactly once after it is submitted again.
"""

import asyncio
import random
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import pytest

from meshkit.spiffe import Role
from tests.workloads.mesh import Site, identity
from tests.workloads.observed import PATIENCE_S, said, shell
from weftapi.workloads.v1 import workloads_pb2 as pb
from workloads.shim.processes import has_mark, pids

pytestmark = pytest.mark.fault
SEEDS = range(20)
PER_SEED = 6
# Codes after which nobody knows whether the submission took effect.
UNKNOWN = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.CANCELLED,
}


def script(count: Path, number: int) -> str:
    # Longer than a restart for some, shorter for others, and chatty across it.
    lines = "for i in 1 2 3 4 5 6 7 8 9; do echo line $i; echo err $i >&2; sleep 0.0%d; done"
    return f"echo {number} >> {count}; {lines % (number * 3)}; exit {number}"


async def submit(site: Site, channels, count: Path, number: int) -> bool:
    """Submits one workload; whether that was acknowledged."""
    workload = pb.Workload(
        kind=pb.WORKLOAD_KIND_RUNNER,
        args=shell(script(count, number)).args,
        secret_files={"WEFT_RUN_TOKEN_FILE": "token"},
    )
    request = pb.SubmitWorkloadRequest(workload_id=f"w{number}", workload=workload)
    try:
        await site.stub(channels).SubmitWorkload(request, timeout=1)
    except grpc.aio.AioRpcError as error:
        if error.code() not in UNKNOWN:
            raise
        return False
    return True


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", SEEDS)
async def test_a_killed_manager_loses_nothing_and_repeats_nothing(seed: int, tmp_path: Path):
    dice = random.Random(seed)
    count = tmp_path / "count"
    count.touch()
    async with AsyncExitStack() as stack:
        site = Site(tmp_path, stack)
        mine = identity(Role.WORKSPACE)
        await site.start(mine)
        channels = await site.workspace(mine)
        submissions = [
            asyncio.create_task(submit(site, channels, count, number)) for number in range(PER_SEED)
        ]
        await asyncio.sleep(dice.uniform(0, 0.25))
        await site.kill()
        acknowledged = await asyncio.gather(*submissions)
        executed = Counter(count.read_text().split())
        assert all(times == 1 for times in executed.values())

        await site.start(mine)
        if dice.random() < 0.5:  # again, somewhere in its recovery
            await asyncio.sleep(dice.uniform(0, 0.1))
            await site.kill()
            await site.start(mine)
        present = await everything(site, channels)
        for number, is_acknowledged in enumerate(acknowledged):
            assert f"workloads/w{number}" in present or not is_acknowledged
        # Every client with an unknown outcome repeats itself, and the others may as well.
        for number in range(PER_SEED):
            while not await submit(site, channels, count, number):
                pass
        workloads = await all_ended(site, channels)
        await check(site, channels, workloads, Counter(count.read_text().split()))
        for workload in workloads.values():
            assert not [p for p in pids() if has_mark(p, f"WEFT_WORKLOAD_UID={workload.uid}")]


async def check(site: Site, channels, workloads: dict, executed: Counter) -> None:
    assert executed == {str(number): 1 for number in range(PER_SEED)}
    for number in range(PER_SEED):
        workload = workloads[f"workloads/w{number}"]
        final = pb.WORKLOAD_STATE_FAILED if number else pb.WORKLOAD_STATE_SUCCEEDED
        assert (workload.state, workload.exit.code) == (final, number), workload
        log = b""
        tail = pb.TailWorkloadLogsRequest(name=workload.name)
        async for message in site.streams(channels).TailWorkloadLogs(tail):
            log += message.data
        assert said(log, "stdout") == b"".join(b"line %d\n" % i for i in range(1, 10))
        assert said(log, "stderr") == b"".join(b"err %d\n" % i for i in range(1, 10))
    assert not list(site.state.rglob("WEFT_RUN_TOKEN_FILE"))
    assert not list((site.state / "new").iterdir())


async def everything(site: Site, channels) -> dict[str, pb.Workload]:
    listed = await site.stub(channels).ListWorkloads(pb.ListWorkloadsRequest())
    return {workload.name: workload for workload in listed.workloads}


async def all_ended(site: Site, channels) -> dict[str, pb.Workload]:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            workloads = await everything(site, channels)
            if all(workload.HasField("exit") for workload in workloads.values()):
                return workloads
            await asyncio.sleep(0.05)
