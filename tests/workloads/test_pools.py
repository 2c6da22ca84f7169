"""CapacityService over real mTLS, served by a real process: pools of a machine, of a cluster."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest

from meshkit.spiffe import Role
from meshtest.kubernetes.cluster import FakeCluster
from tests.workloads.kubernetes import WAIT
from tests.workloads.mesh import Site, identity
from tests.workloads.observed import PATIENCE_S, key, shell
from tests.workloads.test_service import FINAL, ended, refused, submission
from weftapi.workloads.v1 import capacity_pb2, capacity_pb2_grpc
from weftapi.workloads.v1 import workloads_pb2 as pb
from workloads.launchers.machine import POOL, Machine
from workloads.lifecycle import WorkloadState
from workloads.model import Secrets
from workloads.pools import Cordon

NAME = f"pools/{POOL}"
CORES = os.cpu_count() or 1
TIB = 1 << 40
VISION = {"run": "projects/vision/runs/r"}
CORDON = Cordon("ann@example.com", "new disks", datetime(2026, 11, 22, 15, 4, tzinfo=UTC))


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        site = Site(tmp_path, stack)
        site.mine = identity(Role.WORKSPACE)
        await site.start(site.mine, gpus=1, slots=2)
        yield site


async def stubs(site: Site):
    channels = await site.workspace(site.mine)
    channel = channels.to(site.manager_id, f"127.0.0.1:{site.ports['mesh']}")
    return channel.stub(capacity_pb2_grpc.CapacityServiceStub), site.stub(channels)


def cordon(reason: str = "new disks", **rest: str) -> capacity_pb2.CordonPoolRequest:
    fields = {"name": NAME, "creator": "ann@example.com"} | rest
    return capacity_pb2.CordonPoolRequest(reason=reason, **fields)


def amounts(pool: capacity_pb2.Pool, resource: str) -> tuple[int, ...]:
    [found] = [each for each in pool.capacity.resources if each.resource == resource]
    return found.allocatable, found.own_used, found.queued, found.largest


async def test_the_machine_is_a_pool_with_what_it_has_and_what_is_asked_for(site):
    capacity, workloads = await stubs(site)
    for number in range(3):
        wish = {"resources": {"cpu_millis": 500, "gpu_count": 1}}
        await workloads.SubmitWorkload(submission(f"w{number}", "sleep 60", **wish))
    [pool] = (await capacity.ListPools(capacity_pb2.ListPoolsRequest())).pools
    assert (pool.name, pool.capacity.engine) == (NAME, "process")
    assert (pool.capacity.running_workload_count, pool.capacity.queued_workload_count) == (2, 1)
    assert amounts(pool, "cpu") == (CORES * 1000, 1000, 500, CORES * 1000)
    assert amounts(pool, "gpu") == (1, 2, 1, 1)
    assert amounts(pool, "slots") == (2, 2, 1, 1)
    [cpu] = [each for each in pool.capacity.resources if each.resource == "cpu"]
    assert not cpu.HasField("used")
    assert list(pool.capacity.unseen)
    assert await capacity.GetPool(capacity_pb2.GetPoolRequest(name=NAME)) == pool


async def test_a_cordon_survives_a_manager_that_is_killed(site):
    capacity, workloads = await stubs(site)
    await workloads.SubmitWorkload(submission("old", WAIT))
    assert (await capacity.CordonPool(cordon("first"))).cordon.reason == "first"
    pool = await capacity.CordonPool(cordon())
    assert (pool.cordon.creator, pool.cordon.reason) == ("ann@example.com", "new disks")
    await site.kill()
    await site.start(site.mine)
    capacity, workloads = await stubs(site)
    with pytest.raises(grpc.aio.AioRpcError, match=r"ann@example.com at .*: new disks") as caught:
        await workloads.SubmitWorkload(submission("new", "true"))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    request = pb.GetWorkloadRequest(name="workloads/old")
    assert (await workloads.GetWorkload(request)).state not in FINAL
    step = {"kind": pb.WORKLOAD_KIND_STEP, "step": "train", "attempt": 1} | VISION
    await workloads.SubmitWorkload(submission("step", "true", **step))
    assert (await ended(workloads, "workloads/step")).state == pb.WORKLOAD_STATE_SUCCEEDED
    for _ in range(2):
        opened = await capacity.UncordonPool(capacity_pb2.UncordonPoolRequest(name=NAME))
        assert not opened.HasField("cordon")
    await workloads.SubmitWorkload(submission("new", "true"))
    assert (await ended(workloads, "workloads/new")).state == pb.WORKLOAD_STATE_SUCCEEDED


async def test_what_is_wrong_is_refused(site):
    capacity, workloads = await stubs(site)
    for call in (
        capacity.GetPool(capacity_pb2.GetPoolRequest(name="pools/never")),
        capacity.CordonPool(cordon(name="pools/never")),
        capacity.UncordonPool(capacity_pb2.UncordonPoolRequest(name="pools/never")),
    ):
        assert await refused(call) == (grpc.StatusCode.NOT_FOUND, "RESOURCE_NOT_FOUND")
    for call in (
        capacity.CordonPool(cordon("")),
        capacity.ListPools(capacity_pb2.ListPoolsRequest(page_size=-1)),
        capacity.CheckResources(capacity_pb2.CheckResourcesRequest()),
    ):
        assert await refused(call) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELDS")
    huge = submission("huge", "true", resources={"memory_bytes": 10 * TIB, "gpu_count": 2})
    said = await refused(workloads.SubmitWorkload(huge))
    assert said == (grpc.StatusCode.FAILED_PRECONDITION, "RESOURCES_TOO_LARGE")
    fine = submission("fine", "true", resources={"gpu_count": 1}).workload
    checked = capacity_pb2.CheckResourcesRequest(workloads=[fine, huge.workload])
    [problem] = (await capacity.CheckResources(checked)).problems
    assert (problem.index, problem.is_warning) == (1, False)
    assert problem.message.startswith("It asks for 10 TiB of memory, and this machine has ")
    assert problem.message.endswith("It asks for 2 gpu, and this machine has 1 gpu.")


async def test_a_project_has_no_more_slots_than_it_may_have(engines):
    engine = await engines(slots=3, project_slots={"vision": 1})
    for number in range(2):
        await engine.launcher.launch(key(f"v{number}"), shell(WAIT, **VISION), Secrets())
    await engine.reaches("v0", "RUNNING")
    assert (await engine.run("other", "true")).state is WorkloadState.SUCCEEDED
    waits = engine.known[key("v1")]
    assert waits.state is WorkloadState.QUEUED
    assert waits.reason.endswith("the project vision has all 1 slots that it may have")
    [pool] = await engine.launcher.pools()
    limits = [(limit.source, limit.resource, limit.limit, limit.used) for limit in pool.limits]
    assert limits == [("project vision", "slots", 1, 1), ("project vision", "step-slots", 1, 0)]
    (engine.folder("v0") / "work" / "gate").touch()
    await engine.reaches("v1", "RUNNING")
    (engine.folder("v1") / "work" / "gate").touch()
    assert (await engine.ended("v1")).state is WorkloadState.SUCCEEDED


async def test_what_waits_in_a_cordoned_pool_says_why_and_goes_on(engines):
    engine = await engines(slots=1)
    for name in ("first", "second"):
        await engine.launcher.launch(key(name), shell(WAIT), Secrets())
    await engine.launcher.cordon(POOL, CORDON)
    (engine.folder("first") / "work" / "gate").touch()
    assert (await engine.ended("first")).state is WorkloadState.SUCCEEDED
    await engine.until(lambda: "new disks" in engine.known[key("second")].reason)
    assert engine.known[key("second")].state is WorkloadState.QUEUED
    await engine.close()
    later = await engines(slots=1)
    assert later.launcher.pool_of(shell("true")) == (POOL, CORDON)
    assert later.known[key("second")].state is WorkloadState.QUEUED
    await later.launcher.cordon(POOL, None)
    await later.reaches("second", "RUNNING")
    (later.folder("second") / "work" / "gate").touch()
    await later.ended("second")


def test_what_cannot_be_read_of_a_cordon_keeps_the_manager_from_starting(tmp_path):
    (tmp_path / "cordon.json").write_text("[]")
    machine = Machine(tmp_path, slots=1, project_slots={}, gpus=0)
    with pytest.raises(TypeError):
        machine.recover()
    (tmp_path / "cordon.json").write_text('{"creator": "a"}')
    with pytest.raises(KeyError):
        machine.recover()


async def test_a_cordon_of_a_cluster_survives_a_manager_that_is_killed(tmp_path):
    async with FakeCluster(tmp_path) as cluster, AsyncExitStack() as stack:
        site = Site(tmp_path, stack)
        site.mine = identity(Role.WORKSPACE)
        settings = {
            "engine": "kubernetes",
            "kubernetes_config": cluster.kubeconfig,
            "kubernetes_image": cluster.image,
        }
        await site.start(site.mine, **settings)
        capacity, _ = await stubs(site)
        assert (await capacity.CordonPool(cordon(name="pools/weft-runs"))).cordon.reason
        await site.kill()
        await site.start(site.mine, **settings)
        capacity, workloads = await stubs(site)
        request = capacity_pb2.GetPoolRequest(name="pools/weft-runs")
        assert (await capacity.GetPool(request)).cordon.reason == "new disks"
        said = await refused(workloads.SubmitWorkload(submission("new", "true")))
        assert said == (grpc.StatusCode.RESOURCE_EXHAUSTED, "POOL_CORDONED")
        await capacity.UncordonPool(capacity_pb2.UncordonPoolRequest(name="pools/weft-runs"))
        await workloads.SubmitWorkload(submission("new", "true"))
        async with asyncio.timeout(PATIENCE_S):
            assert (await ended(workloads, "workloads/new")).state == pb.WORKLOAD_STATE_SUCCEEDED
