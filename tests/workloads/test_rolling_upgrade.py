"""A rolling upgrade of the workload manager under load: no call fails, streams are handed over.

Workspaces are its only clients. They call with the retries of `meshkit.channels`, open watches
again from the beginning, and logs from the byte that they have come to.
"""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest

from meshkit.channels import Channels
from meshkit.spiffe import Role
from meshtest.kubernetes.cluster import FakeCluster
from tests.rolling import Program, Rollout
from tests.workloads.mesh import Site, identity
from tests.workloads.observed import PATIENCE_S, shell
from weftapi.workloads.v1 import workloads_pb2 as pb

pytestmark = pytest.mark.fault

SUCCEEDED = pb.WORKLOAD_STATE_SUCCEEDED
# A server that is gone, and one that drains; either way another one answers.
_PASSING = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
TALKS = "n=0; while [ ! -e {gate} ]; do echo line $n; n=$((n+1)); sleep .02; done; echo over"


@dataclass
class Caller:
    """A workspace that works without a pause; a call that fails after its retries ends it."""

    site: Site
    channels: Channels
    gate: Path
    submitted: list[str] = field(default_factory=list)
    states: dict[str, int] = field(default_factory=dict)
    log: bytearray = field(default_factory=bytearray)
    opened: dict[str, int] = field(default_factory=lambda: {"watch": 0, "tail": 0})
    is_over: bool = False

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Works until the block ends, and then finishes what it began."""
        await self.submit("talks", TALKS.format(gate=self.gate))
        async with asyncio.timeout(PATIENCE_S * 2), asyncio.TaskGroup() as tasks:
            watch = tasks.create_task(self._again("watch", self._watch))
            tasks.create_task(self._again("tail", self._tail))
            tasks.create_task(self._submissions())
            tasks.create_task(self._looks())
            yield
            self.is_over = True
            self.gate.touch()
            while not self._has_seen_all():  # noqa: ASYNC110 - the watch fills it
                await asyncio.sleep(0.02)
            watch.cancel()

    async def submit(self, id_: str, script: str) -> None:
        workload = pb.Workload(args=shell(script).args, kind=pb.WORKLOAD_KIND_RUNNER)
        request = pb.SubmitWorkloadRequest(workload_id=id_, workload=workload)
        self.submitted.append((await self._calls.SubmitWorkload(request)).name)

    async def more(self, workloads: int) -> None:
        """Waits for so many more of them to be submitted."""
        goal = len(self.submitted) + workloads
        async with asyncio.timeout(PATIENCE_S):
            while len(self.submitted) < goal:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.02)

    @property
    def _calls(self) -> Any:
        return self.site.stub(self.channels)

    @property
    def _streams(self) -> Any:
        return self.site.streams(self.channels)

    def _has_seen_all(self) -> bool:
        return all(self.states.get(name) == SUCCEEDED for name in self.submitted)

    async def _submissions(self) -> None:
        for number in itertools.count():
            if self.is_over:
                return
            await self.submit(f"w{number}", "echo done")
            await asyncio.sleep(0.1)

    async def _looks(self) -> None:
        while not self.is_over:
            for name in self.submitted[-3:]:
                await self._calls.GetWorkload(pb.GetWorkloadRequest(name=name))
            await self._calls.ListWorkloads(pb.ListWorkloadsRequest(page_size=10))
            await asyncio.sleep(0.02)

    async def _again(self, name: str, read: Callable[[], Awaitable[bool]]) -> None:
        """Opens a stream again and again until it has said all."""
        while True:
            self.opened[name] += 1
            try:
                if await read():
                    return
            except grpc.aio.AioRpcError as error:
                if error.code() not in _PASSING:
                    raise
            await asyncio.sleep(0.05)

    async def _watch(self) -> bool:
        async for message in self._streams.WatchWorkloads(pb.WatchWorkloadsRequest()):
            self.states |= {workload.name: workload.state for workload in message.workloads}
            assert not message.deleted
        return False

    async def _tail(self) -> bool:
        request = pb.TailWorkloadLogsRequest(name="workloads/talks", offset_bytes=len(self.log))
        async for message in self._streams.TailWorkloadLogs(request):
            self.log += message.data
            assert message.next_offset_bytes == len(self.log)
            if message.end_of_stream:
                return True
        return False


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        yield Site(tmp_path, stack)


@pytest.fixture
async def rollout(site: Site, tmp_path: Path) -> AsyncIterator[Rollout]:
    """Two replicas of one identity over one cluster, for two workspaces."""
    site.mine, site.theirs = identity(Role.WORKSPACE), identity(Role.WORKSPACE)
    numbers = itertools.count()
    async with FakeCluster(tmp_path) as cluster:
        kubeconfig = cluster.kubeconfig

        async def start() -> Program:
            directory = tmp_path / f"replica-{next(numbers)}"
            return await Program.start(
                "workloads",
                directory,
                credentials_dir=site.directory / "manager",
                state_dir=directory / "state",
                allowed_workspaces=json.dumps([str(site.mine.uid), str(site.theirs.uid)]),
                engine="kubernetes",
                kubernetes_config=kubeconfig,
                kubernetes_image="weft",
                log_level="debug",
            )

        async with Rollout(start, "mesh") as rollout:
            await rollout.add()
            await rollout.add()
            yield rollout


async def visit(site: Site) -> None:
    """One call of somebody new, over a connection of their own."""
    visitor = site.stub(await site.workspace(site.theirs))
    assert not (await visitor.ListWorkloads(pb.ListWorkloadsRequest())).workloads


@pytest.mark.timeout(180)
async def test_replicas_are_replaced_under_load_and_no_call_fails(
    rollout: Rollout, site: Site, tmp_path: Path
) -> None:
    site.ports = rollout.ports
    caller = Caller(site, await site.workspace(site.mine), tmp_path / "gate")
    async with caller.at_work():
        for number in (0, 1, 0, 1):
            await caller.more(5)
            await rollout.replace(number)
            await visit(site)
        await caller.more(5)
    assert len(set(caller.submitted)) == len(caller.submitted)
    assert min(caller.opened.values()) >= 3, caller.opened
    lines = [line.split(" ", 3)[3] for line in caller.log.decode().splitlines()]
    assert lines == [*(f"line {number}" for number in range(len(lines) - 1)), "over"]
    given = [replica.given for replica in rollout.services["mesh"].replicas]
    assert len(given) == 6
    assert all(given), given
