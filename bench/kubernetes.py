"""(n) A workload on Kubernetes: from its submission until its container starts, and we say so.

The limit is a bare Job of the same pod, created at the API server by the client that our manager
has, in the same turns; when a container has started is read from one watch of pods for both. The
cluster is the one that WEFT_TEST_KUBECONFIG names, else a fake one in this process, which counts
what it is asked.
"""

import asyncio
import statistics
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.figures import Figure, at_most, stay_below
from bench.load import DEADLINE_S, Options
from bench.run import main
from bench.site import Site
from meshtest.kubernetes.cluster import FakeCluster
from tests.real_cluster import KUBECONFIG, AnyCluster, RealCluster
from weftapi.workloads.v1 import workloads_pb2 as pb
from weftapi.workloads.v1 import workloads_pb2_grpc
from workloads.launchers.kubernetes import manifests
from workloads.launchers.kubernetes.api import Cluster, Kind, Object, connect
from workloads.launchers.kubernetes.settings import KubernetesSettings
from workloads.model import Secrets, WorkloadKey, WorkloadSpec

_ARGUMENTS = ("-I", "-S", "-c", "pass")
# Those of ours, and the bare ones that are made as ours look.
_ALL = "app.kubernetes.io/managed-by=weft"
_STARTED = frozenset({"running", "terminated"})
_NOT_YET = (pb.WORKLOAD_STATE_QUEUED, pb.WORKLOAD_STATE_SUBMITTING, pb.WORKLOAD_STATE_PENDING)
_PATIENCE_S = 300.0


class _Seen:
    """When something was seen of a workload first, by its id."""

    def __init__(self) -> None:
        self._moments: defaultdict[str, asyncio.Future[float]] = defaultdict(asyncio.Future)

    def note(self, id_: str) -> None:
        moment = self._moments[id_]
        if not moment.done():
            moment.set_result(time.perf_counter())

    async def at(self, id_: str) -> float:
        async with asyncio.timeout(_PATIENCE_S):
            return await self._moments[id_]


@dataclass(frozen=True, slots=True)
class _Clocks:
    """What watches have seen: containers start and end, and our manager say that one started."""

    started: _Seen = field(default_factory=_Seen)
    ended: _Seen = field(default_factory=_Seen)
    told: _Seen = field(default_factory=_Seen)

    async def start_ms(self, submit: Awaitable[object], id_: str) -> float:
        """From a submission until its container has started; returns when that has ended."""
        began = time.perf_counter()
        await submit
        started = await self.started.at(id_)
        await self.ended.at(id_)
        return (started - began) * 1e3

    async def late_ms(self, id_: str) -> float:
        """What our manager said of a start later than the cluster did."""
        late = await self.told.at(id_) - await self.started.at(id_)
        return max(late * 1e3, 1e-3)


@dataclass(slots=True)
class _Measured:
    """In milliseconds: starts of ours and of bare Jobs, and what news took; calls of the API."""

    ours: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    calls: int = 0


async def measure(site: Site, options: Options) -> list[Figure]:
    world = RealCluster.named() if KUBECONFIG else FakeCluster(site.new_directory("cluster"))
    clocks = _Clocks()
    async with world, _signed_in(world) as cluster:
        stub = await _manager(site, world)
        _, version = await cluster.list(Kind.POD, labelSelector=_ALL)
        watches = asyncio.gather(
            _watch_pods(cluster, version, clocks), _watch_workloads(stub, clocks)
        )
        try:
            turns = 3 if options.quick else 30
            measured = await _measured(world, cluster, stub, clocks, turns=turns)
            return _figures(measured, await _get_ms(cluster, turns))
        finally:
            watches.cancel()
            await asyncio.gather(watches, return_exceptions=True)
            await _clear(cluster, world.manager, _bare(world))


async def _measured(
    world: AnyCluster, cluster: Cluster, stub: Any, clocks: _Clocks, *, turns: int
) -> _Measured:
    found = _Measured()
    looks = KubernetesSettings(image=world.image, manager=_bare(world))
    # The first turn only warms up.
    for number in range(turns + 1):
        if number == 1:
            found = _Measured()
        bare, ours = f"bare-{number}", f"ours-{number}"
        found.bare.append(await clocks.start_ms(_create(cluster, looks, bare), bare))
        before = _calls(world)
        found.ours.append(await clocks.start_ms(_submit(stub, ours), ours))
        found.late.append(await clocks.late_ms(ours))
        found.calls += _calls(world) - before
    return found


def _figures(found: _Measured, get_ms: float) -> list[Figure]:
    start = statistics.median(found.ours), statistics.median(found.bare)
    where = "a real cluster" if KUBECONFIG else "a fake, whose nodes take no time"
    # What a real node takes hides our part; there the fake has next to nothing.
    target = at_most(1.25) if KUBECONFIG else None
    figures = [
        Figure("n", "submit to container start p50", "ms", *start, target, note=where),
        Figure(
            "n",
            "kubelet's report to watcher, slowest",
            "ms",
            max(found.late),
            get_ms,
            stay_below(1000),
            note="limit: one GET of a Job",
        ),
    ]
    if found.calls:
        each = found.calls / len(found.ours)
        figures.append(Figure("n", "API calls of a workload", "calls", each, 1, stay_below(3)))
    return figures


async def _submit(stub: Any, id_: str) -> None:
    workload = pb.Workload(
        kind=pb.WORKLOAD_KIND_RUNNER, args=_ARGUMENTS, secret_files={"TOKEN_FILE": "a token"}
    )
    request = pb.SubmitWorkloadRequest(workload_id=id_, workload=workload)
    await stub.SubmitWorkload(request, timeout=DEADLINE_S)


async def _create(cluster: Cluster, looks: KubernetesSettings, id_: str) -> None:
    key, spec = WorkloadKey(uuid.UUID(int=1), id_), WorkloadSpec(args=_ARGUMENTS)
    await cluster.create(Kind.JOB, manifests.job(key, spec, Secrets(), looks))


async def _get_ms(cluster: Cluster, times: int) -> float:
    """What the API server takes to answer for one Job."""
    jobs, _ = await cluster.list(Kind.JOB, labelSelector=_ALL)
    name, began = jobs[0]["metadata"]["name"], time.perf_counter()
    for _ in range(times):
        await cluster.get(Kind.JOB, name)
    return (time.perf_counter() - began) / times * 1e3


async def _watch_pods(cluster: Cluster, version: str, clocks: _Clocks) -> None:
    while True:
        async for change in cluster.watch(Kind.POD, version, labelSelector=_ALL):
            version = change.object["metadata"]["resourceVersion"]
            if change.type != "BOOKMARK":
                _look(change.object, clocks)


def _look(pod: Object, clocks: _Clocks) -> None:
    id_ = pod["metadata"]["labels"][manifests.WORKLOAD]
    containers = pod["status"].get("containerStatuses", ())
    if any(_STARTED & each["state"].keys() for each in containers):
        clocks.started.note(id_)
    if pod["status"].get("phase") in ("Succeeded", "Failed"):
        clocks.ended.note(id_)


async def _watch_workloads(stub: Any, clocks: _Clocks) -> None:
    async for message in stub.WatchWorkloads(pb.WatchWorkloadsRequest()):
        for workload in message.workloads:
            if workload.state not in _NOT_YET:
                clocks.told.note(workload.name.removeprefix("workloads/"))


async def _manager(site: Site, world: AnyCluster) -> Any:
    """Our workload manager over the cluster, by its API."""
    manager = await site.workload_manager(
        ENGINE="kubernetes",
        KUBERNETES_CONFIG=str(world.kubeconfig),
        KUBERNETES_NAMESPACE=world.namespace,
        KUBERNETES_IMAGE=world.image,
        KUBERNETES_MANAGER=world.manager,
    )
    return await manager.stub(workloads_pb2_grpc.WorkloadServiceStub)


@asynccontextmanager
async def _signed_in(world: AnyCluster) -> AsyncIterator[Cluster]:
    cluster = await connect(world.namespace, kubeconfig=str(world.kubeconfig))
    try:
        yield cluster
    finally:
        await cluster.close()


async def _clear(cluster: Cluster, *managers: str) -> None:
    for manager in managers:
        jobs, _ = await cluster.list(Kind.JOB, labelSelector=f"{manifests.MANAGER}={manager}")
        for job in jobs:
            found = job["metadata"]
            await cluster.delete(Kind.JOB, found["name"], uid=found["uid"])


def _bare(world: AnyCluster) -> str:
    """A manager that is none of ours: bare Jobs are followed by nobody."""
    return f"{world.manager}-bare"


def _calls(world: AnyCluster) -> int:
    """What the API was asked so far; a lease is renewed whether there are workloads or not."""
    if isinstance(world, RealCluster):
        return 0
    return sum(count for (_, kind), count in world.api.calls.items() if kind != "leases")


if __name__ == "__main__":
    main(measure)
