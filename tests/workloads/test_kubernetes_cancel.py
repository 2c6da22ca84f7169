"""Workloads that are asked to end, from before their pod is made to when it is deaf to signals."""

import asyncio
from uuid import uuid4

import pytest

from tests.real_cluster import AnyCluster
from tests.workloads.kubernetes import ClusterEngine, Managers
from tests.workloads.observed import key, said, shell
from workloads.launchers.kubernetes.api import CONFLICT, ApiError, Kind, connect
from workloads.lifecycle import WorkloadState
from workloads.model import Secrets


@pytest.fixture
def managers(any_managers: Managers) -> Managers:
    return any_managers


@pytest.fixture
def cluster(managers: Managers) -> AnyCluster:
    return managers.cluster


@pytest.fixture
async def engine(managers: Managers) -> ClusterEngine:
    return await managers.open()


async def test_cancel_before_a_pod_lets_none_begin(managers, cluster):
    engine = await managers.open(queue="small")
    await engine.launcher.launch(key("w"), shell("true"), Secrets())
    assert engine.known[key("w")].reason == "It waits in the queue small of its cluster."
    await engine.launcher.cancel(key("w"), grace_s=1, reason="cancelled: enough")
    workload = await engine.ended("w")
    assert workload.state is WorkloadState.CANCELLED
    assert cluster.pods() == []


async def test_cancel_before_a_node_took_it_is_done_at_once(engine, cluster):
    await engine.launcher.launch(key("w"), shell("true", cpu_millis=10**6), Secrets())
    await engine.until(lambda: "No node can take it" in engine.known[key("w")].reason)
    await engine.launcher.cancel(key("w"), grace_s=30, reason="cancelled: enough")
    # The cluster keeps the pod until its collector comes by.
    assert (await engine.ended("w")).state is WorkloadState.CANCELLED
    assert [pod["status"]["phase"] for pod in cluster.pods()] == ["Pending"]


async def test_cancel_gives_time_then_kills(engine):
    script = "trap 'echo bye; exit 0' TERM; echo hello; while :; do sleep .05; done"
    await engine.start("kind", script)
    # A pod that is deleted takes its log along; whoever follows it reads to its end.
    following = asyncio.create_task(engine.read_all("kind"))
    await engine.launcher.log_changed(key("kind"), 0)
    await engine.launcher.cancel(key("kind"), grace_s=30, reason="cancelled: enough")
    workload = await engine.ended("kind")
    lines = said(await following, "stdout").splitlines()
    assert (lines[0], lines[-1]) == (b"hello", b"bye")
    assert workload.state is WorkloadState.SUCCEEDED
    await engine.start("deaf", "trap '' TERM; while :; do sleep .05; done")
    await engine.launcher.cancel(key("deaf"), grace_s=0.2, reason="cancelled: enough")
    workload = await engine.ended("deaf")
    assert (workload.state, workload.reason) == (WorkloadState.CANCELLED, "cancelled: enough")


async def test_what_is_meant_for_an_object_does_nothing_to_another_of_its_name(managers, cluster):
    engine = await managers.open(queue="small")
    await engine.launcher.launch(key("w"), shell("true"), Secrets())
    [job] = cluster.jobs()
    name, other = job["metadata"]["name"], str(uuid4())
    access = await connect(cluster.namespace, kubeconfig=str(cluster.kubeconfig))
    order = {"metadata": {"uid": other, "annotations": {"told": "true"}}, "spec": {"suspend": True}}
    with pytest.raises(ApiError) as refused:
        await access.patch(Kind.JOB, name, order)
    assert refused.value.status == CONFLICT
    await access.delete(Kind.JOB, name, uid=other)
    await access.close()
    [same] = cluster.jobs()
    assert same["metadata"]["uid"] == job["metadata"]["uid"]
    assert "told" not in same["metadata"]["annotations"]
